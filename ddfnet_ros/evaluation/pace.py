# SPDX-License-Identifier: Apache-2.0
"""Tables of doc/results.md on speed: single calls, the node, streams, and the demo."""

from __future__ import annotations

from ddfnet_ros.evaluation.metrics import shown
from ddfnet_ros.evaluation.plan import FUSED
from ddfnet_ros.evaluation.record import Record
from ddfnet_ros.evaluation.report import LOWER_IS_BETTER, METRICS


def demo_table(record: Record) -> str:
    """Results of a run of the demo: brackets fused, latency and metrics."""
    latency = record['latency_ms']
    lines = [
        f'{record["brackets_fused"]} of {record["brackets_played"]} brackets, played at '
        f'{record["rate"]:.2f} times the recorded speed ({record["brackets_per_second"]:.1f} a '
        f'second), were fused by {record["model"]} on {record["device"]}; from the last frame '
        f'received to the result published {latency["median"]:.0f} ms in the median, '
        f'{latency["p95"]:.0f} ms at the 95th percentile.', '',
        '| | reference | static_merge | fused |', '|---|---|---|---|']
    for metric in ('psnr_mu', 'psnr_mu_moving', 'psnr_mu_clipped', 'ghost_score'):
        found = record[metric]
        best = (min if metric in LOWER_IS_BETTER else max)(found, key=lambda name: found[name])
        cells = [shown(metric, found[name]) for name in ('reference', 'static_merge', FUSED)]
        if best == FUSED:
            cells[-1] = f'**{cells[-1]}**'
        lines.append(f'| {METRICS[metric]} | {" | ".join(cells)} |')
    return '\n'.join(lines)


def speed_table(record: Record) -> str:
    """Time and memory of a call, and its time over OpenCV's fusion; first where ours is slower."""
    rows = record['rows']
    slower = [f'{row["model"]} with {row["backend"]} at {row["width"]}x{row["height"]}'
              for row in rows if row['ratio'] > 1]
    lines = [f'Slower than AlignMTB + MergeMertens: {"; ".join(slower) or "none"}.', '',
             '| model | backend | frames | a call | of that, motion | network | '
             'AlignMTB + MergeMertens | ratio | memory |', '|---|---|---|---|---|---|---|---|---|']
    for row in rows:
        stages = row['stage_ms']
        lines.append(
            f'| {row["model"]} | {row["backend"]}, {row["precision"]} | {row["frames"]} of '
            f'{row["width"]}x{row["height"]} | {row["median_ms"]:.0f} ms ± {row["iqr_ms"]:.0f} | '
            f'{stages["flow"]:.0f} ms | {stages["network"]:.0f} ms | '
            f'{row["mertens_median_ms"]:.0f} ms | {row["ratio"]:.2f} | '
            f'{row["peak_mib"]:.0f} MiB |')
    first, plain = rows[0], record['plain_openvino']
    return '\n'.join([
        *lines, '',
        f'{first["processor"]}, {first["threads"]} threads; medians and interquartile ranges; '
        f'commit {record["commit"]}, {record["date"]}. The network of '
        f'{plain["model"]} alone, {plain["width"]}x{plain["height"]}: {plain["torch_ms"]:.0f} ms '
        f'in torch, as it runs here; {plain["openvino_ms"]:.0f} ms as a whole in OpenVINO, which '
        f'is a ratio of {plain["ratio"]:.2f}.'])


def node_table(record: Record) -> str:
    """Latency that the node adds to the fusion, per output; first those above the limit."""
    rows = record['overhead_ms']
    beyond = [name for name, row in rows.items()
              if row['to_dds']['median'] > record['limit_ms']]
    lines = [f'Beyond {record["limit_ms"]:.0f} ms: {", ".join(beyond) or "none"}.', '',
             '| output | until DDS has it | until Python has it | of that, publishing | lost |',
             '|---|---|---|---|---|']
    for name, row in rows.items():
        low, high = row['to_dds']['iqr']
        lines.append(
            f'| `~/{name}` | {row["to_dds"]["median"]:.1f} ms ({low:.1f} to {high:.1f}) | '
            f'{row["to_python"]["median"]:.1f} ms | {row["publishing"]["median"]:.1f} ms | '
            f'{row["lost"]} of {record["brackets"]} |')
    return '\n'.join([*lines, '', f'{record["machine"]}; load {record["load"]} before it began.'])


def stream_table(record: Record) -> str:
    """Results of a continuous camera stream; a note if the record is empty."""
    if not record:
        return 'Not measured yet: `python -m benchmark.stream` does, on an idle machine.'
    age = record['age_ms']
    return '\n'.join([
        '| brackets sent | fused | of several brackets | age, median | 95th percentile | 99th |',
        '|---|---|---|---|---|---|',
        f'| {record["brackets_sent"]} | {record["results"]}, '
        f'{record["results_per_second"]:.1f} per second | {record["mixed"]} | '
        f'{age["p50"]:.0f} ms | {age["p95"]:.0f} ms | {age["p99"]:.0f} ms |', '',
        f'{record["rate"]:g} frames per second of {record["size"]} for {record["seconds"]:g} s, '
        f'by `{record["model"]}`; {record["device"]}, load {record["load"]} before it began.'])


def cameras_table(record: Record) -> str:
    """Results of several cameras, in one process or one each; a note if the record is empty."""
    if not record:
        return 'Not measured yet: `python -m benchmark.cameras` does, on an idle machine.'
    options = record['options']
    lines = ['| | results per second, each camera | age | memory of all |', '|---|---|---|---|']
    for layout, row in record['layouts'].items():
        rates = ', '.join(f'{rate:.2f}' for rate in row['results_per_second'])
        ages = ', '.join('none' if age is None else f'{age:.0f}' for age in row['age_ms'])
        lines.append(f'| {layout} | {rates} | {ages} ms | {row["memory_mb"]} MiB |')
    return '\n'.join([
        *lines, '', f'{options["cameras"]} cameras of {options["size"]}, '
        f'{1 / options["period"]:g} brackets per second each, by `{options["model"]}`; '
        f'{record["cores"]} cores, load {record["load"]} before it began.'])

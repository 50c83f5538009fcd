# SPDX-License-Identifier: Apache-2.0
"""Tables of doc/reliability.md from the records of `make soak` and `make fuzz`."""

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]


def soak_table(record: Record) -> str:
    """Table with a row per recorded run, and the provenance of each."""
    rows = [(name, _ROWS[name](run), run) for name, run in record.items()]
    lines = ['| `make soak ARGS=` | What was done | What came of it |', '|---|---|---|']
    lines += [f'| `{name}` | {done} | {result}{_failures(run)} |'
              for name, (done, result), run in rows]
    return '\n'.join([*lines, '', ' '.join(f'`{name}`: {_provenance(run)}.'
                                           for name, _, run in rows)])


def _load(run: Record) -> tuple[str, str]:
    counts, quantiles = run['told'], run['latency_quantiles_s']
    return (f'{run["frames_sent"]} frames of {run["size"]} in {run["minutes"]:g} minutes',
            f'{counts["brackets_fused"]} brackets fused, '
            f'{counts["dropped.superseded"]} superseded; '
            f'latency {quantiles[0]:.1f} s in the median, {quantiles[2]:.1f} s at most, '
            f'{_resources(run)}')


def _road(run: Record) -> tuple[str, str]:
    drops = ', '.join(f'{reason.partition(".")[2]} {count}'
                      for reason, count in run['told'].items() if reason.startswith('dropped'))
    return (f'{run["frames_sent"]} small frames in {run["minutes"]:g} minutes, {run["lost"]:.0%} '
            f'lost, {run["doubled"]:.0%} doubled, {run["reordered"]:.0%} of the turns in another '
            f'order; {run["whole_turns"]} turns were whole',
            f'{run["told"]["brackets_fused"]} brackets fused, {run["mixed"]} mixed; {drops}; '
            f'{run["uncounted"]} frames in no count; {_resources(run)}')


def _transitions(run: Record) -> tuple[str, str]:
    done = ', '.join(f'{count} x {name}' for name, count in run['done'].items())
    return (f'{run["transitions"]} asked for in random order: {done} were possible',
            f'at the end a bracket was fused; {_resources(run)}')


def _loops(run: Record) -> tuple[str, str]:
    return (f'a bag that ends within a bracket, played {run["loops"]} times',
            f'{run["brackets_fused"]} of {run["brackets_played"]} brackets fused, none with '
            'frames of another loop' if not run['broken'] else 'see below')


def _brackets(run: Record) -> tuple[str, str]:
    before, after = run['before'], run['after']
    memory = ', '.join(f'{name} {before[key]:.2f} MB before, {after[key]:.2f} MB after'
                     for name, key in (('Python', 'python_mb'), ('the process', 'resident_mb')))
    return f'{run["brackets"]} small brackets in one process, with tracemalloc', memory


_ROWS = {'load': _load, 'road': _road, 'transitions': _transitions, 'loops': _loops,
         'brackets': _brackets}


def _resources(run: Record) -> str:
    first, last = run['memory_mb']
    return (f'memory {first:.0f} MB, then {last:.0f} MB ({run["growth"]:+.1%}), '
            f'{_range(run["threads"])} threads, {_range(run["files"])} file handles')


def _range(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f'{low}' if low == high else f'{low} to {high}'


def _failures(run: Record) -> str:
    return f'. **Not held: {"; ".join(run["broken"])}**' if run['broken'] else ''


def _provenance(run: Record) -> str:
    return (f'{run["machine"]}, {run["model"]} on {run["device"]}, load {run["load_before"]:.0f} '
            f'to {run["load_after"]:.0f}, commit {run["commit"]}, {run["date"]}')


def fuzz_table(record: Record) -> str:
    """Table with a row per fuzzed input, both engines side by side."""
    lines = [f'{record["cases"]} cases in all, on {record["machine"]}.', '',
             '| Door | hypothesis | atheris | slowest case | memory at its peak |',
             '|---|---|---|---|---|']
    for name, runs in record['targets'].items():
        cases = [f'{runs[engine]["cases"]}' if engine in runs else '-'
                 for engine in ('hypothesis', 'atheris')]
        slowest, grown = (max(run[key] for run in runs.values())
                          for key in ('slowest_ms', 'growth_mb'))
        found = ' '.join(f'**{run["found"]}**' for run in runs.values() if run['found'])
        lines.append(f'| {name} | {" | ".join(cases)} | {slowest:.0f} ms | +{grown:.0f} MB | '
                     .removesuffix(' | ') + f' {found}'.rstrip() + ' |')
    commits = sorted({run['commit'] for runs in record['targets'].values()
                      for run in runs.values()})
    dates = sorted({run['date'] for runs in record['targets'].values() for run in runs.values()})
    return '\n'.join([*lines, '', f'Commits {", ".join(commits)}; {", ".join(dates)}.'])

# SPDX-License-Identifier: Apache-2.0
"""Tables and charts of doc/results.md, made from records of evaluations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ddfnet_ros.evaluation.baselines import ABSENT, PEERS
from ddfnet_ros.evaluation.charts import Curve, Panel, boxes, curves
from ddfnet_ros.evaluation.metrics import shown
from ddfnet_ros.evaluation.plan import FUSED
from ddfnet_ros.evaluation.record import Record
from ddfnet_ros.evaluation.studies import NIGHT_VALUE, REFERENCE

Methods = Mapping[str, Mapping[str, Any]]

METRICS = {
    'psnr_mu': 'PSNR-µ [dB]', 'psnr_l': 'PSNR-L [dB]', 'ssim_mu': 'SSIM-µ', 'ssim_l': 'SSIM-L',
    'psnr_mu_moving': 'PSNR-µ, moving', 'psnr_mu_clipped': 'PSNR-µ, clipped',
    'ghost_score': 'ghost score', 'halo_score': 'halo score',
    'ghost_image': 'ghost, of pictures', 'lamp_hue': 'lamp hue [°]',
    'lamp_clipped': 'lamps clipped', 'flicker': 'flicker', 'mef_ssim': 'MEF-SSIM',
    'mef_ssim_moving': 'the same, moving', 'cvvdp': 'ColorVideoVDP [JOD]',
}
LOWER_IS_BETTER = (
    'ghost_score', 'halo_score', 'ghost_image', 'lamp_hue', 'lamp_clipped', 'flicker')
_LEARNING_CURVES = {'psnr_mu': 'all', 'psnr_mu_moving': 'moving', 'psnr_mu_clipped': 'clipped'}
_BRIGHTNESS = {'dark': 'below 0.1', 'dim': '0.1 to 0.3', 'bright': '0.3 to 0.95',
               'clipped': 'clipped'}
_AXES = {
    'noise': 'Gaussian noise, sigma', 'ratio': 'exposure ratio', 'frames': 'frames, ratio 2',
    'motion': 'fastest motion, share of the width', 'exposure': 'reported over true exposure',
    'response': 'true gamma, 2.2 assumed',
}


def provenance(record: Record) -> str:
    """One line that says how the figures of a table were measured."""
    models = ', '.join(f'{name} {digest[:12]}' for name, digest in record['sha256'].items())
    return (f'Scenes: {record["scenes"]}, {record["size"]} pixels a side, seed {record["seed"]}; '
            f'`{FUSED}` is {record["model"]} (sha256 of the tensors: {models}); '
            f'{record["hardware"]}, {record["device"]}, {record["precision"]}; '
            f'commit {record["commit"]}, {record["date"]}.')


def losses(methods: Methods) -> str:
    """One line that names the metrics in which `fused` is not the best method."""
    lost = []
    for metric, label in METRICS.items():
        found = {name: m[metric]['mean'] for name, m in methods.items() if metric in m}
        if FUSED not in found or len(found) < 2:
            continue
        better = min if metric in LOWER_IS_BETTER else max
        best = better(found, key=lambda name: found[name])
        if best != FUSED and found[best] != found[FUSED]:
            lost.append(f'{label}: {best} {shown(metric, found[best])}, '
                        f'{FUSED} {shown(metric, found[FUSED])}')
    return f'Where `{FUSED}` loses: {"; ".join(lost)}.' if lost else f'`{FUSED}` loses nowhere.'


def peers_table(record: Record) -> str:
    """One row per method with mean ± spread of each metric, then the methods without figures."""
    methods = record['methods']
    metrics = [name for name in METRICS if any(name in m for m in methods.values())]
    lines = [losses(methods), '', f'| | {" | ".join(METRICS[name] for name in metrics)} |',
             '|---|' + '---|' * len(metrics)]
    for name, found in methods.items():
        lines.append(f'| {_method_label(name)} | {" | ".join(_cell(found, m) for m in metrics)} |')
    lines += ['', 'Without figures: ' + ' '.join(
        f'{name}: {why}' for name, why in ABSENT.items() if name not in methods),
        '', provenance(record)]
    return '\n'.join(lines)


def brightness_table(record: Record) -> str:
    """PSNR-µ by brightness of the reference pixel, for still and for moving pixels."""
    methods = record['methods']
    names = [name for name, found in methods.items() if 'psnr_mu' in found]
    lines = [_below_reference(methods), '', f'| reference pixel | {" | ".join(names)} | scenes |',
             '|---|' + '---|' * (len(names) + 1)]
    for part in ('still', 'moving'):
        for level, label in _BRIGHTNESS.items():
            metric = f'psnr_mu_{level}_{part}'
            cells = [_cell(methods[name], metric) for name in names]
            count = methods[REFERENCE].get(metric, {'count': 0})['count']
            lines.append(f'| {label}, {part} | {" | ".join(cells)} | {count} |')
    return '\n'.join([*lines, '', provenance(record)])


def noise_table(record: Record) -> str:
    """One block of rows per condition, one column per method."""
    metrics = ('psnr_mu', 'psnr_l', 'ssim_mu', 'ssim_l', 'psnr_mu_moving', 'psnr_mu_clipped',
               'flicker')
    names = list(record['methods'])
    lines = [f'| | | {" | ".join(names)} |', '|---|---|' + '---|' * len(names)]
    for point in record['points']:
        value = point['value']
        for index, metric in enumerate(metrics):
            title = ('night' if value == NIGHT_VALUE else f'sigma {value:g}') if not index else ''
            cells = [_cell(point['methods'][name], metric) for name in names]
            lines.append(f'| {title} | {METRICS[metric]} | {" | ".join(cells)} |')
    return '\n'.join([*lines, '', provenance(record)])


def references_table(record: Record) -> str:
    """One block of rows per reference frame, a row per metric, a column per method."""
    metrics = ('psnr_mu', 'psnr_mu_clipped', 'psnr_mu_moving', 'psnr_mu_clipped_moving',
               'halo_score')
    labels = {**METRICS, 'psnr_mu_clipped_moving': 'PSNR-µ, clipped and moving'}
    names = list(record['methods'])
    lines = [f'| reference | | {" | ".join(names)} |', '|---|---|' + '---|' * len(names)]
    titles = ('shortest', 'middle', 'longest') if len(record['points']) == 3 else ()
    for place, point in enumerate(record['points']):
        title = titles[place] if titles else f'frame {point["value"]:g}'
        for index, metric in enumerate(metrics):
            cells = [_cell(point['methods'][name], metric) for name in names]
            lines.append(f'| {"" if index else title} | {labels[metric]} | {" | ".join(cells)} |')
    return '\n'.join([*lines, '', provenance(record)])


def failures_table(record: Record) -> str:
    """Values from which on a model is no better than the reference alone."""
    lines = ['| varied | method | PSNR-µ | PSNR-µ, moving |', '|---|---|---|---|']
    found = {(f['axis'], f['method'], f['metric']): f for f in record['failures']}
    for axis, method in dict.fromkeys((a, m) for a, m, _ in found):
        cells = [_failure_cell(record, axis, found[axis, method, metric])
                 for metric in ('psnr_mu', 'psnr_mu_moving')]
        lines.append(f'| {_AXES[axis]} | {method} | {" | ".join(cells)} |')
    return '\n'.join([*lines, '', provenance(record)])


def robustness_chart(record: Record) -> str:
    """PSNR-µ along each axis, with dashed lines where `fused` fails."""
    panels = []
    failed = {f['axis']: _failure_values(f) for f in record['failures']
              if f['method'] == FUSED and f['metric'] == 'psnr_mu'}
    for axis, title in _AXES.items():
        points = sorted((p for p in record['points'] if p['axis'] == axis),
                        key=lambda p: p['value'])
        places = [p['value'] for p in points]
        lines = [Curve(name, [p['methods'][name].get('psnr_mu', {}).get('mean') for p in points])
                 for name in record['methods'] if 'psnr_mu' in record['methods'][name]]
        marked = {places.index(value) for value in failed.get(axis, ()) if value is not None}
        panels.append(Panel(title, [f'{value:g}' for value in places], lines, marked))
    return curves(panels, 'PSNR-µ [dB]')


def learning_chart(record: Record) -> str:
    """PSNR-µ of all, moving and clipped pixels over the training steps of each run."""
    panels = [
        Panel(f'{name}: thousands of steps, {points[-1]["minutes"]:.0f} min',
              [f'{point["step"] / 1000:.2g}' for point in points],
              [Curve(label, [point[metric] for point in points])
               for metric, label in _LEARNING_CURVES.items()])
        for name, points in record.items()]
    return curves(panels, 'PSNR-µ [dB]')


def peers_chart(record: Record) -> str:
    """Box plot of PSNR-µ over the scenes, like Figure 2."""
    return boxes({name: found['psnr_mu']['quartiles']
                  for name, found in record['methods'].items() if 'psnr_mu' in found},
                 'PSNR-µ [dB]')


def _method_label(name: str) -> str:
    return f'{name} ({PEERS[name].source})' if name in PEERS else f'**{name}**'


def _below_reference(methods: Methods) -> str:
    """One line that names the well-exposed pixels in which `fused` is below the reference."""
    lost = []
    for level in ('dim', 'bright'):
        for part in ('still', 'moving'):
            metric = f'psnr_mu_{level}_{part}'
            ours, alone = (methods[name].get(metric) for name in (FUSED, REFERENCE))
            if ours and alone and ours['mean'] < alone['mean']:
                lost.append(f'{_BRIGHTNESS[level]}, {part}: {ours["mean"]:.2f} against '
                            f'{alone["mean"]:.2f} dB')
    if not lost:
        return f'In well-exposed pixels `{FUSED}` is nowhere below the untouched reference.'
    return f'Below the untouched reference in well-exposed pixels: {"; ".join(lost)}.'


def _failure_values(failure: Mapping[str, Any]) -> tuple[float | None, float | None]:
    return failure['below'], failure['above']


def _failure_cell(record: Record, axis: str, failure: Mapping[str, Any]) -> str:
    failed = dict.fromkeys(value for value in _failure_values(failure) if value is not None)
    if failed:
        return f'fails at {" and ".join(f"{value:g}" for value in failed)}'
    places = [p['value'] for p in record['points'] if p['axis'] == axis]
    return f'better everywhere, {min(places):g} to {max(places):g}'


def _cell(found: Mapping[str, Any], metric: str) -> str:
    if metric not in found:
        return '-'
    mean, spread = found[metric]['mean'], found[metric]['spread']
    return f'{shown(metric, mean)} ± {shown(metric, spread)}'

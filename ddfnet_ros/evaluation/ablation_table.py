# SPDX-License-Identifier: Apache-2.0
"""The record of an ablation as a Markdown table, with the variants that beat ours named first."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from ddfnet_ros.evaluation.ablation import run_name
from ddfnet_ros.evaluation.ablation_studies import Study
from ddfnet_ros.evaluation.metrics import shown
from ddfnet_ros.evaluation.record import Record

_METRICS = {'psnr_mu': 'PSNR-µ [dB]', 'ssim_mu': 'SSIM-µ', 'psnr_l': 'PSNR-L [dB]',
            'ssim_l': 'SSIM-L', 'psnr_mu_moving': 'PSNR-µ, moving', 'ghost_score': 'ghost score'}
_SIZES = ('parameters', 'kMAC per pixel')


def ablation_table(record: Record, study: Study) -> str:
    """One row per variant: mean over the seeds and the value of each seed; ours in bold."""
    if not record:
        return 'Not trained yet.'
    values = {variant: found for variant in study.variants
              if (found := _values(record, variant))['psnr_mu']}
    headings = ('', '', *_METRICS.values(), *_SIZES)
    rows = [_row(record, study, variant, found) for variant, found in values.items()]
    return '\n'.join([
        _losses(study, values), '', f'| {" | ".join(headings)} |', '|---' * len(headings) + '|',
        *rows, '', _provenance(record, study)])


def _row(record: Record, study: Study, variant: str, found: Mapping[str, list[float]]) -> str:
    place, what = study.variants[variant].place, study.variants[variant].what
    size = record['networks'][variant]
    cells = (place, f'**{what}**' if variant == study.ours else what,
             *(_cell(metric, found[metric]) for metric in _METRICS),
             f'{size["parameters"]:,}', f'{size["kmac_per_pixel"]:g}')
    return f'| {" | ".join(cells)} |'


def _provenance(record: Record, study: Study) -> str:
    training, evaluation = record['training'], record['evaluation']
    minutes = training['minutes'].values()
    return (
        f'Mean over seeds {", ".join(map(str, training["seeds"]))}, and each of them. '
        f'{study.size}; {training["steps"]} steps of {training["batch_size"]} patches of '
        f'{training["patch"]}x{training["patch"]}, {min(minutes):g} to {max(minutes):g} '
        f'minutes each; {evaluation["scenes"]} scenes of {evaluation["size"]} pixels, seed '
        f'{evaluation["seed"]}; {evaluation["hardware"]}, {evaluation["device"]}, '
        f'{evaluation["precision"]}; commit {evaluation["commit"]}, {evaluation["date"]}.')


def _losses(study: Study, values: Mapping[str, Mapping[str, list[float]]]) -> str:
    """One line that names the variants with a higher PSNR-µ than ours."""
    mean = {variant: statistics.fmean(found['psnr_mu']) for variant, found in values.items()}
    ours = mean.get(study.ours, 0)
    ahead = [f'{study.variants[v].what} {mean[v]:.2f}' for v in mean if mean[v] > ours]
    if not (ours and ahead):
        return f'In PSNR-µ none is ahead of {study.ours_label}.'
    return f'In PSNR-µ ahead of {study.ours_label}, {ours:.2f} dB: {"; ".join(ahead)}.'


def _values(record: Record, variant: str) -> dict[str, list[float]]:
    methods = record['evaluation']['methods']
    found = [methods.get(run_name(variant, seed), {}) for seed in record['training']['seeds']]
    return {metric: [m[metric]['mean'] for m in found if metric in m] for metric in _METRICS}


def _cell(metric: str, values: list[float]) -> str:
    each = ', '.join(shown(metric, value) for value in values)
    return f'{shown(metric, statistics.fmean(values))} ({each})' if values else '-'

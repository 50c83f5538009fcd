# SPDX-License-Identifier: Apache-2.0
"""Tables 3 and 4, and pooling against attention: the structures trained alike, and measured.

All have half the paper's width and take the same number of steps on the same patches, once per
seed. They say which structure learns more in a little time, not what each can reach, and have
nothing to do with the weights that are shipped.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ddfnet_ros.evaluation.metrics import shown
from ddfnet_ros.evaluation.plan import FUSED, Plan
from ddfnet_ros.evaluation.record import Evaluation
from ddfnet_ros.evaluation.run import carry_out
from ddfnet_ros.settings import DeghosterSettings
from ddfnet_ros.training.settings import TrainingSettings
from ddfnet_ros.training.shipping import ship
from ddfnet_ros.training.train import train

Record = Mapping[str, Any]

OURS = 'attention'
VARIANTS: dict[str, tuple[str, str]] = {
    'concatenation': ('Table 3 (a)', 'no attention'),
    'correlation': ('Table 3 (b)', 'correlation alone'),
    'motion': ('Table 3 (c)', 'motion alone'),
    'warp': ('Table 3 (d)', 'correlation, features moved by the flow'),
    OURS: ('Table 3 (e), 4 (b)', 'correlation and motion: the paper\'s'),
    'ldr': ('Table 4 (a)', 'the same, encoding the LDR frames alone'),
    'max': ('3.2.4', 'the strongest of the frames'),
    'mean': ('3.2.4', 'the mean of the frames'),
}
"""Name to where the paper has it, and what it is."""

_METRICS = {'psnr_mu': 'PSNR-µ [dB]', 'ssim_mu': 'SSIM-µ', 'psnr_l': 'PSNR-L [dB]',
            'ssim_l': 'SSIM-L', 'psnr_mu_moving': 'PSNR-µ, moving', 'ghost_score': 'ghost score'}
_TOLD = ('seeds', 'steps', 'patch', 'width')
_WIDTH = 32
_DECODER_FROM = 0.375  # share of the steps, as the shipped `base` was trained (doc/training.md)


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """What to train, how long, and on what to measure it.

    Attributes:
        panoramas: Folder of those to train on.
        tested: Folder of others, to measure on.
        cutouts: Folder of figures that move through both; None: none.
        runs: Folder of runs and models; what is there goes on, or is not trained again.
        variants: Some of `VARIANTS`.
        seeds: One run each.
        steps: Of each run, of two patches.
        patch: Their side [px].
        width: Channels of each network.
        scenes: To measure on.
        size: Their side [px].
    """

    panoramas: Path
    tested: Path
    cutouts: Path | None = None
    runs: Path
    variants: tuple[str, ...] = tuple(VARIANTS)
    seeds: tuple[int, ...] = (1, 2)
    steps: int = 800
    patch: int = 64
    width: int = _WIDTH
    scenes: int = 40
    size: int = 128

    def __post_init__(self) -> None:
        if unknown := set(self.variants) - set(VARIANTS):
            raise ValueError(f'variants: expected some of {", ".join(VARIANTS)}, got '
                             f'{", ".join(sorted(unknown))}')

    def settings(self, variant: str, seed: int) -> TrainingSettings:
        """How one of them is trained: as `base` on a CPU, but for width and length."""
        config = ['gamma_corrected=false'] if variant == 'ldr' else [f'structure={variant}']
        return TrainingSettings.of('budget', {
            'architecture': 'ddfnet', 'varied': False, 'panoramas': str(self.panoramas),
            'cutouts': str(self.cutouts or ''), 'run': str(self.runs / _name(variant, seed)),
            'config': (f'width={self.width}', *config), 'steps': self.steps, 'seed': seed,
            'patch': self.patch, 'batch_size': 2, 'learning_rate': 4e-4, 'decay': 0.995,
            'decoder_from': round(_DECODER_FROM * self.steps), 'warmup': min(60, self.steps // 4),
        })


def carry_out_ablation(ablation: Ablation, device: str = 'auto', workers: int = 1) -> Record:
    """Train all that is not trained yet, then measure them on the same scenes.

    Args:
        ablation: What.
        device: Torch device of training and measuring.
        workers: Processes that make patches.

    Returns:
        JSON-ready: `training` tells how long and how, `evaluation` is that of `ddfnet evaluate`,
        whose methods are called VARIANT_SEED.

    Raises:
        ValueError: unusable folders or settings.
    """
    minutes, models = {}, []
    for seed in ablation.seeds:
        for variant in ablation.variants:
            settings = dataclasses.replace(
                ablation.settings(variant, seed), device=device, workers=workers)
            state = train(settings)  # at once where the run is over
            models.append(Path(settings.run).with_suffix('.safetensors'))
            ship(Path(settings.run), models[-1], half=False)
            minutes[models[-1].stem] = round(state.seconds / 60, 1)
    # Halos are mended whatever the network (runtime/halo.py); here the networks are compared.
    fusion = DeghosterSettings(model=str(models[0]), device=device, mend_halos=False)
    found = carry_out(Plan(
        panoramas=ablation.tested, cutouts=ablation.cutouts, scenes=ablation.scenes,
        size=ablation.size, models=tuple(map(str, models[1:]))), fusion)
    return {'training': {**{name: getattr(ablation, name) for name in _TOLD},
                         'minutes': minutes},
            'evaluation': json.loads(_named(found, models[0].stem).to_json())}


def ablation_table(record: Record) -> str:
    """A row per structure: mean over the seeds, and what each seed gave; ours in bold."""
    if not record:
        return 'Not trained yet.'
    training, evaluation = record['training'], record['evaluation']
    values = {variant: found for variant in VARIANTS
              if (found := _values(record, variant))['psnr_mu']}
    lines = [_ahead(values), '', f'| | | {" | ".join(_METRICS.values())} |',
             '|---|---|' + '---|' * len(_METRICS)]
    for variant, found in values.items():
        place, what = VARIANTS[variant]
        title = f'**{what}**' if variant == OURS else what
        cells = [_cell(metric, found[metric]) for metric in _METRICS]
        lines.append(f'| {place} | {title} | {" | ".join(cells)} |')
    minutes = training['minutes'].values()
    return '\n'.join([*lines, '', (
        f'Mean over seeds {", ".join(map(str, training["seeds"]))}, and each of them. '
        f'{training["width"]} channels, {training["steps"]} steps of two '
        f'{training["patch"]}x{training["patch"]} patches, {min(minutes):g} to {max(minutes):g} '
        f'minutes each; {evaluation["scenes"]} scenes of {evaluation["size"]} pixels, seed '
        f'{evaluation["seed"]}; {evaluation["hardware"]}, {evaluation["device"]}, '
        f'{evaluation["precision"]}; commit {evaluation["commit"]}, {evaluation["date"]}.')])


def _ahead(values: Mapping[str, Mapping[str, list[float]]]) -> str:
    """Where the paper's structure loses, first of all; one line."""
    mean = {variant: statistics.fmean(found['psnr_mu']) for variant, found in values.items()}
    ahead = [f'{VARIANTS[v][1]} {mean[v]:.2f}' for v in mean if mean[v] > mean.get(OURS, 0)]
    if OURS not in mean or not ahead:
        return 'In PSNR-µ no structure is ahead of the paper\'s.'
    return f'In PSNR-µ ahead of the paper\'s, {mean[OURS]:.2f} dB: {"; ".join(ahead)}.'


def _values(record: Record, variant: str) -> dict[str, list[float]]:
    methods = record['evaluation']['methods']
    found = [methods.get(_name(variant, seed), {}) for seed in record['training']['seeds']]
    return {metric: [m[metric]['mean'] for m in found if metric in m] for metric in _METRICS}


def _cell(metric: str, values: list[float]) -> str:
    each = ', '.join(shown(metric, value) for value in values)
    return f'{shown(metric, statistics.fmean(values))} ({each})' if values else '-'


def _named(found: Evaluation, first: str) -> Evaluation:
    """With the name of the first model where it is called `fused`."""
    return dataclasses.replace(
        found, methods={first if k == FUSED else k: v for k, v in found.methods.items()},
        sha256={first if k == FUSED else k: v for k, v in found.sha256.items()})


def _name(variant: str, seed: int) -> str:
    return f'{variant}_{seed}'

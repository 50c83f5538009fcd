# SPDX-License-Identifier: Apache-2.0
"""Networks that are trained alike, and measured: one change at a time.

All of a study take the same number of steps on the same patches, once per seed. They say which
network learns more in a little time, not what each can reach, and have nothing to do with the
weights that are shipped.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ddfnet_ros import network
from ddfnet_ros.evaluation.ablation_studies import STRUCTURES, Study
from ddfnet_ros.evaluation.plan import FUSED, Plan
from ddfnet_ros.evaluation.record import Evaluation
from ddfnet_ros.evaluation.run import carry_out
from ddfnet_ros.runtime.export import kmac_per_pixel
from ddfnet_ros.settings import DeghosterSettings
from ddfnet_ros.training.settings import TrainingSettings
from ddfnet_ros.training.shipping import ship
from ddfnet_ros.training.train import train

Record = Mapping[str, Any]

_TOLD = ('steps', 'patch', 'batch_size')


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """What to train, and on what to measure it.

    Attributes:
        study: What is compared.
        panoramas: Folder of those to train on.
        tested: Folder of others, to measure on.
        cutouts: Folder of figures that move through both; None: none.
        runs: Folder of runs and models; what is there goes on, or is not trained again.
        variants: Some of the study's; none: all.
        seeds: One run each.
        steps: Of each run; 0: the study's.
        scenes: To measure on.
        size: Their side [px].
    """

    study: Study = STRUCTURES
    panoramas: Path
    tested: Path
    cutouts: Path | None = None
    runs: Path
    variants: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (1, 2)
    steps: int = 0
    scenes: int = 40
    size: int = 128

    def __post_init__(self) -> None:
        if unknown := set(self.variants) - set(self.study.variants):
            raise ValueError(f'variants: expected some of {", ".join(self.study.variants)}, got '
                             f'{", ".join(sorted(unknown))}')

    @property
    def chosen(self) -> tuple[str, ...]:
        """Names of the variants."""
        return self.variants or tuple(self.study.variants)

    def settings(self, variant: str, seed: int) -> TrainingSettings:
        """How one of them is trained."""
        chosen = self.study.variants[variant]
        steps = self.steps or self.study.recipe['steps']
        return TrainingSettings.of('budget', {
            **self.study.recipe, 'architecture': chosen.architecture, 'config': chosen.config,
            'flow': chosen.flow, 'panoramas': str(self.panoramas),
            'cutouts': str(self.cutouts or ''), 'run': str(self.runs / run_name(variant, seed)),
            'steps': steps, 'seed': seed, 'warmup': min(60, steps // 4),
        })


def carry_out_ablation(ablation: Ablation, device: str = 'auto', workers: int = 1) -> Record:
    """Train all that is not trained yet, then measure them on the same scenes.

    Args:
        ablation: What.
        device: Torch device of training and measuring.
        workers: Processes that make patches.

    Returns:
        JSON-ready: `training` tells how long and how, `networks` how large they are, `evaluation`
        is that of `ddfnet evaluate`, whose methods are called VARIANT_SEED.

    Raises:
        ValueError: unusable folders or settings.
    """
    minutes, models = {}, []
    for seed in ablation.seeds:
        for variant in ablation.chosen:
            settings = dataclasses.replace(
                ablation.settings(variant, seed), device=device, workers=workers)
            state = train(settings)  # at once where the run is over
            models.append(Path(settings.run).with_suffix('.safetensors'))
            ship(Path(settings.run), models[-1], half=False)
            minutes[models[-1].stem] = round(state.seconds / 60, 1)
    # Halos are mended, and the reference guarded, whatever the network; these are compared here.
    fusion = DeghosterSettings(model=str(models[0]), device=device, mend_halos=False,
                               guard_reference=False)
    found = carry_out(Plan(
        panoramas=ablation.tested, cutouts=ablation.cutouts, scenes=ablation.scenes,
        size=ablation.size, models=tuple(map(str, models[1:]))), fusion)
    alike = ablation.settings(ablation.chosen[0], ablation.seeds[0])
    return {'training': {'seeds': ablation.seeds, **{k: getattr(alike, k) for k in _TOLD},
                         'minutes': minutes},
            'networks': {name: _size(network.build(ablation.settings(name, 1).network))
                         for name in ablation.chosen},
            'evaluation': json.loads(_named(found, models[0].stem).to_json())}


def run_name(variant: str, seed: int) -> str:
    """What a run is called, and its model."""
    return f'{variant}_{seed}'


def _size(model: nn.Module) -> dict[str, int | float]:
    return {'parameters': sum(p.numel() for p in model.parameters()),
            'kmac_per_pixel': kmac_per_pixel(model)}


def _named(found: Evaluation, first: str) -> Evaluation:
    """With the name of the first model where it is called `fused`."""
    return dataclasses.replace(
        found, methods={first if k == FUSED else k: v for k, v in found.methods.items()},
        sha256={first if k == FUSED else k: v for k, v in found.sha256.items()})

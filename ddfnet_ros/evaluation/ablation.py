# SPDX-License-Identifier: Apache-2.0
"""Train variants of a network alike and measure them: an ablation study.

All variants of a study take the same number of steps on the same patches, once per seed. The
figures say which variant learns more in a short training, not what each can reach. The shipped
weights do not come from here.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ddfnet_ros import network
from ddfnet_ros.evaluation.ablation_studies import STRUCTURES, Study
from ddfnet_ros.evaluation.plan import FUSED, Plan
from ddfnet_ros.evaluation.record import Evaluation, Record
from ddfnet_ros.evaluation.run import carry_out
from ddfnet_ros.runtime.export import kmac_per_pixel
from ddfnet_ros.settings import DeghosterSettings
from ddfnet_ros.training.settings import TrainingSettings
from ddfnet_ros.training.shipping import ship
from ddfnet_ros.training.train import train

_RECORDED_SETTINGS = ('steps', 'patch', 'batch_size')


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """Settings of an ablation: what to train and what to measure it on.

    Attributes:
        study: The variants to compare.
        panoramas: Folder of the panoramas to train on.
        tested: Folder of other panoramas, to measure on.
        cutouts: Folder of cutouts that move through the scenes; None: no cutouts.
        runs: Folder of training runs and models. Unfinished runs are resumed, finished ones kept.
        variants: Names of the variants to train; empty: all of the study.
        seeds: Seeds of the trainings; each variant is trained once per seed.
        steps: Training steps of each run; 0: as the study's recipe says.
        scenes: Number of scenes to measure on.
        size: Side of these scenes [px].
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
        """Names of the variants to train."""
        return self.variants or tuple(self.study.variants)

    def settings(self, variant: str, seed: int) -> TrainingSettings:
        """Training settings of one variant with one seed."""
        chosen = self.study.variants[variant]
        steps = self.steps or self.study.recipe['steps']
        return TrainingSettings.from_recipe('budget', {
            **self.study.recipe, 'architecture': chosen.architecture, 'config': chosen.config,
            'flow': chosen.flow, 'panoramas': str(self.panoramas),
            'cutouts': str(self.cutouts or ''), 'run': str(self.runs / run_name(variant, seed)),
            'steps': steps, 'seed': seed, 'warmup': min(60, steps // 4),
        })


def carry_out_ablation(ablation: Ablation, device: str = 'auto', workers: int = 1) -> Record:
    """Train every variant that is not trained yet, then measure all on the same scenes.

    Args:
        ablation: Settings of the ablation.
        device: Torch device for training and measuring.
        workers: Number of processes that make training patches.

    Returns:
        A record ready for JSON. `training` has settings and minutes, `networks` the sizes, and
        `evaluation` the output of `ddfnet evaluate` with methods named VARIANT_SEED.

    Raises:
        ValueError: unusable folders or settings.
    """
    minutes, models = {}, []
    for seed in ablation.seeds:
        for variant in ablation.chosen:
            settings = dataclasses.replace(
                ablation.settings(variant, seed), device=device, workers=workers)
            state = train(settings)  # returns at once if the run is finished
            models.append(Path(settings.run).with_suffix('.safetensors'))
            ship(Path(settings.run), models[-1], half=False)
            minutes[models[-1].stem] = round(state.seconds / 60, 1)
    # Halo mending and the reference guard do not depend on the network; here networks compare.
    fusion = DeghosterSettings(model=str(models[0]), device=device, mend_halos=False,
                               guard_reference=False)
    found = carry_out(Plan(
        panoramas=ablation.tested, cutouts=ablation.cutouts, scenes=ablation.scenes,
        size=ablation.size, models=tuple(map(str, models[1:]))), fusion)
    alike = ablation.settings(ablation.chosen[0], ablation.seeds[0])
    training = {key: getattr(alike, key) for key in _RECORDED_SETTINGS}
    return {'training': {'seeds': ablation.seeds, **training, 'minutes': minutes},
            'networks': {name: _size(network.build(ablation.settings(name, 1).network))
                         for name in ablation.chosen},
            'evaluation': json.loads(_rename_fused(found, models[0].stem).to_json())}


def run_name(variant: str, seed: int) -> str:
    """Name of a training run and of its model."""
    return f'{variant}_{seed}'


def _size(model: nn.Module) -> dict[str, int | float]:
    return {'parameters': sum(p.numel() for p in model.parameters()),
            'kmac_per_pixel': kmac_per_pixel(model)}


def _rename_fused(found: Evaluation, first: str) -> Evaluation:
    """Give the method `fused` the name of the first model."""
    return dataclasses.replace(
        found, methods={first if k == FUSED else k: v for k, v in found.methods.items()},
        sha256={first if k == FUSED else k: v for k, v in found.sha256.items()})

# SPDX-License-Identifier: Apache-2.0
"""Carry out a plan: fusers, scenes and conditions become one record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

from torch import nn
from tqdm import tqdm

from ddfnet_ros import network, weights
from ddfnet_ros.evaluation.baselines import ABSENT, BASELINES, PEERS
from ddfnet_ros.evaluation.baselines.fuser import Fuser
from ddfnet_ros.evaluation.colorvideovdp import ColorVideoVDP
from ddfnet_ros.evaluation.conditions import Condition
from ddfnet_ros.evaluation.datasets import fang, kalantari
from ddfnet_ros.evaluation.evaluate import (
    Comparison,
    Extra,
    compare,
    compare_without_truth,
)
from ddfnet_ros.evaluation.plan import ALL, Plan
from ddfnet_ros.evaluation.record import Evaluation, Failure, Point
from ddfnet_ros.evaluation.scenes import Scene
from ddfnet_ros.evaluation.sheets import sheet
from ddfnet_ros.evaluation.studies import (
    AS_TRAINED,
    NOISE,
    axes,
    failures,
    references,
    sweep,
)
from ddfnet_ros.images import write_png
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.selection import choose_device, choose_model
from ddfnet_ros.settings import DeghosterSettings
from ddfnet_ros.synthesis.layers import CutoutBank
from ddfnet_ros.synthesis.panorama_bank import PanoramaBank
from ddfnet_ros.synthesis.scene_settings import SceneSettings
from ddfnet_ros.synthesis.scenes import SceneSource

FUSED = 'fused'
HALOS_LEFT = ', halos left'
_SHEETS = 8
_Item = TypeVar('_Item')


def carry_out(
    plan: Plan, fusion: DeghosterSettings, ready: Callable[[], object] = lambda: None
) -> Evaluation:
    """Evaluate.

    Args:
        plan: What, on what.
        fusion: How the model called `fused` works, and the others too but for their weights.
        ready: Called when models and panoramas are read, before progress is shown.

    Raises:
        ValueError: unknown peers, unusable folders, or packages that are missing.
        FileNotFoundError: no such weights.
    """
    extra: dict[str, Extra] = {'cvvdp': ColorVideoVDP()} if plan.cvvdp else {}
    fusers: dict[str, Fuser] = {**BASELINES, **_peers(plan.peers)}
    deghoster = Deghoster(fusion)
    others = [Deghoster(replace(fusion, model=name)) for name in plan.models]
    deghosters = {FUSED: deghoster} | {other.model_name: other for other in others}
    loaded = {name: _weights_of(model.settings) for name, model in deghosters.items()}
    fusers |= {name: _fuser_of(model, loaded[name].model) for name, model in deghosters.items()}
    if plan.study == 'references':
        fusers |= {name + HALOS_LEFT: _fuser_of(
            Deghoster(replace(model.settings, mend_halos=False)), loaded[name].model)
            for name, model in deghosters.items()}
    if plan.dataset == 'synthetic':
        source = _source(plan, fusion.reference)
        names, cutouts = source.panoramas.names, _count(plan.cutouts)
        ready()
        points, failed = _study(plan, fusers, source, extra)
        methods = points[0].methods
    else:
        ready()
        names, methods = _photographs(plan, fusers, extra)
        cutouts, points, failed = 0, [], []
    return Evaluation(
        study=plan.study, model=deghoster.model_name, device=deghoster.device,
        precision=deghoster.precision,
        sha256={name: found.sha256 for name, found in loaded.items()},
        dataset=plan.dataset, panoramas=names, cutouts=cutouts, seed=plan.seed,
        scenes=plan.scenes if points else len(names), size=plan.size if points else 0,
        methods=methods, points=points if len(points) > 1 else [], failures=failed,
    )


def _peers(names: Iterable[str]) -> dict[str, Fuser]:
    chosen = list(PEERS) if ALL in names else list(names)
    for name in chosen:
        if name in ABSENT:
            raise ValueError(f'--peers: {name} is not there: {ABSENT[name]}')
        if name not in PEERS:
            raise ValueError(
                f'--peers: expected {ALL} or some of {", ".join(PEERS)}, got {name!r}')
    return {name: PEERS[name] for name in chosen}


def _fuser_of(deghoster: Deghoster, model: nn.Module) -> Fuser:
    return Fuser(lambda bracket: deghoster(bracket).radiance, source=deghoster.model_name,
                 frames=fixed_frames(model))


def fixed_frames(model: nn.Module) -> int | None:
    """The only number of frames that a network takes; None: any."""
    config = network.describe(model)
    # Of the structures of DDFNet, only concatenation asks how many frames there are.
    fixed = config.get('structure', 'concatenation') == 'concatenation'
    return config.get('frames') if fixed else None


def _source(plan: Plan, reference: int | str) -> SceneSource:
    if isinstance(reference, str):
        raise ValueError(f'--reference: expected 1 to {plan.frames}, or 0 for the median, got '
                         f'{reference}; name an exposure')
    settings = SceneSettings(size=plan.size, frames=plan.frames,
                             reference_index=reference - 1 if reference else None)
    cutouts = CutoutBank(plan.cutouts) if plan.cutouts is not None else None
    return SceneSource(PanoramaBank(plan.panoramas or Path()), settings, cutouts)


def _study(
    plan: Plan, fusers: Mapping[str, Fuser], source: SceneSource, extra: Mapping[str, Extra]
) -> tuple[list[Point], list[Failure]]:
    given = source, plan.scenes, plan.seed, extra
    if plan.study == 'noise':
        return list(_told(sweep('noise', NOISE, fusers, *given), len(NOISE))), []
    if plan.study == 'references':
        return list(_told(references(fusers, *given), plan.frames)), []
    if plan.study == 'robustness':
        points = [
            point for axis, conditions in axes(plan.size).items()
            for point in _told(sweep(axis, conditions, fusers, *given), len(conditions), axis)]
        return points, [found for name in fusers if name not in PEERS
                        for found in failures(points, name)]
    condition = Condition(sigma=plan.sigma) if plan.sigma else AS_TRAINED
    if plan.pictures is not None:
        seen = condition.draw(source, min(plan.scenes, _SHEETS), plan.seed)
        _write_sheets(plan.pictures, seen, fusers)
    scenes = _told(condition.draw(source, plan.scenes, plan.seed), plan.scenes, 'scenes')
    return [Point('none', 0.0, compare(fusers, scenes, extra))], []


def _write_sheets(folder: Path, scenes: Iterable[Scene], fusers: Mapping[str, Fuser]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, scene in enumerate(_told(scenes, _SHEETS, 'sheets')):
        write_png(folder / f'scene_{number}.png', sheet(scene, fusers))


def _photographs(
    plan: Plan, fusers: Mapping[str, Fuser], extra: Mapping[str, Extra]
) -> tuple[list[str], Comparison]:
    root, names = plan.root or Path(), list[str]()
    if plan.dataset == 'kalantari':
        if plan.pictures is not None:
            seen = (scene for _, scene in islice(kalantari(root), _SHEETS))
            _write_sheets(plan.pictures, seen, fusers)
        return names, compare(fusers, _named(kalantari(root), names), extra)
    return names, compare_without_truth(fusers, _named(fang(root), names))


def _named(items: Iterable[tuple[str, _Item]], names: list[str]) -> Iterator[_Item]:
    """The items; their names are noted on the way."""
    for name, item in _told(items, None, 'scenes'):
        names.append(name)
        yield item


def _count(cutouts: Path | None) -> int:
    return 0 if cutouts is None else len(list(cutouts.glob('*.png')))


def _told(items: Iterable[_Item], count: int | None, what: str = 'conditions') -> Iterator[_Item]:
    """A progress bar, where someone looks."""
    return iter(tqdm(items, what, count, leave=False, disable=None))


def _weights_of(fusion: DeghosterSettings) -> weights.LoadedModel:
    return weights.load(choose_model(fusion.model, choose_device(fusion.device)))

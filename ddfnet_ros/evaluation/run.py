# SPDX-License-Identifier: Apache-2.0
"""Carry out a plan: fusers, scenes and conditions become one record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.evaluation.baselines import ABSENT, BASELINES, PEERS
from ddfnet_ros.evaluation.baselines.fuser import Fuser, Picture
from ddfnet_ros.evaluation.colorvideovdp import ColorVideoVDP
from ddfnet_ros.evaluation.conditions import Condition
from ddfnet_ros.evaluation.datasets import fang, kalantari
from ddfnet_ros.evaluation.evaluate import (
    Comparison,
    Extra,
    compare,
    compare_without_truth,
)
from ddfnet_ros.evaluation.plan import ALL, FUSED, Plan
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
from ddfnet_ros.runtime.machine import processor
from ddfnet_ros.settings import DeghosterSettings
from ddfnet_ros.synthesis.layers import CutoutBank
from ddfnet_ros.synthesis.panorama_bank import PanoramaBank
from ddfnet_ros.synthesis.scene_settings import SceneSettings
from ddfnet_ros.synthesis.scenes import SceneSource

HALOS_LEFT = ', halos left'
_ALONE = {'mend_halos': False, 'guard_reference': False}  # as others have published their networks
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
        ValueError: unknown peers, models of one name, unusable folders, or packages that are
            missing.
        FileNotFoundError: no such weights.
    """
    extra: dict[str, Extra] = {'cvvdp': ColorVideoVDP()} if plan.cvvdp else {}
    fusers: dict[str, Fuser] = {**BASELINES, **_peers(plan.peers)}
    deghosters = _deghosters(plan.models, fusion, fusers)
    fusers |= _fusers_of(deghosters, plan.study)
    if plan.dataset == 'synthetic':
        source = _source(plan, fusion.reference)
        ready()
        found = _on_scenes(plan, fusers, source, extra)
    else:
        ready()
        found = _on_photographs(plan, fusers, extra)
    first = deghosters[FUSED]
    return Evaluation(
        study=plan.study, model=first.model_name, device=first.device,
        precision=first.precision, hardware=processor(first.device),
        sha256={name: deghoster.sha256 for name, deghoster in deghosters.items()},
        dataset=plan.dataset, seed=plan.seed, **found)


def _deghosters(
    models: Iterable[str], fusion: DeghosterSettings, taken: Iterable[str]
) -> dict[str, Deghoster]:
    """All models by the name that they are compared under, `fused` first."""
    deghosters = {FUSED: Deghoster(fusion)}
    for model in models:
        deghoster = Deghoster(replace(fusion, model=model))
        name = deghoster.model_name
        if name in {*deghosters, *taken}:
            raise ValueError(f'--models: expected a name that no other method has, got {name}; '
                             'rename the file')
        deghosters[name] = deghoster
    return deghosters


def _fusers_of(deghosters: Mapping[str, Deghoster], study: str) -> dict[str, Fuser]:
    fusers = {name: _fuser_of(deghoster, **({} if _is_ours(deghoster) else _ALONE))
              for name, deghoster in deghosters.items()}
    if study == 'references':
        fusers |= {name + HALOS_LEFT: _fuser_of(deghoster, mend_halos=False)
                   for name, deghoster in deghosters.items() if _is_ours(deghoster)}
    return fusers


def _is_ours(deghoster: Deghoster) -> bool:
    return deghoster.architecture in ('ddfnet', 'fast')


def _fuser_of(deghoster: Deghoster, **changes: Any) -> Fuser:
    """A model with some of its live settings changed."""
    settings = replace(deghoster.settings, **changes)

    def fuse(bracket: Bracket) -> Picture:
        return deghoster(bracket, settings).radiance

    return Fuser(fuse, source=deghoster.model_name, frames=deghoster.frames)


def _on_scenes(
    plan: Plan, fusers: Mapping[str, Fuser], source: SceneSource, extra: Mapping[str, Extra]
) -> dict[str, Any]:
    """The fields of an evaluation that synthesised scenes decide."""
    points, failed = _study(plan, fusers, source, extra)
    return {'panoramas': source.panoramas.names, 'cutouts': _count(plan.cutouts),
            'scenes': plan.scenes, 'size': plan.size, 'methods': points[0].methods,
            'points': points if len(points) > 1 else [], 'failures': failed}


def _on_photographs(
    plan: Plan, fusers: Mapping[str, Fuser], extra: Mapping[str, Extra]
) -> dict[str, Any]:
    """The same of photographs."""
    names, methods = _photographs(plan, fusers, extra)
    return {'panoramas': names, 'scenes': len(names), 'size': 0, 'methods': methods}


def _peers(names: Iterable[str]) -> dict[str, Fuser]:
    chosen = list(PEERS) if ALL in names else list(names)
    for name in chosen:
        if name in ABSENT:
            raise ValueError(f'--peers: {name} is not there: {ABSENT[name]}')
        if name not in PEERS:
            raise ValueError(
                f'--peers: expected {ALL} or some of {", ".join(PEERS)}, got {name!r}')
    return {name: PEERS[name] for name in chosen}


def _source(plan: Plan, reference: int | str) -> SceneSource:
    if isinstance(reference, str):
        raise ValueError(f'--reference: expected 1 to {plan.frames}, or 0 for the median, got '
                         f'{reference}; name an exposure')
    settings = SceneSettings(size=plan.size, frames=plan.frames, ratios=_ratios(plan.frames),
                             reference_index=reference - 1 if reference else None)
    cutouts = CutoutBank(plan.cutouts) if plan.cutouts is not None else None
    return SceneSource(PanoramaBank(plan.panoramas or Path()), settings, cutouts)


def _ratios(frames: int) -> tuple[float, float]:
    """Of neighbouring exposures; of more than three frames the whole range is that of three."""
    low, high = SceneSettings().ratios
    share = min(1.0, 2 / (frames - 1))
    return low**share, high**share


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

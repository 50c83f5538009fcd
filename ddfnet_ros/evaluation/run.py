# SPDX-License-Identifier: Apache-2.0
"""Carry out a plan: run its study on its fusers and scenes, and collect the results."""

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
_AS_PUBLISHED = {'mend_halos': False, 'guard_reference': False}  # for the networks of others
_SHEETS = 8
_Item = TypeVar('_Item')


def carry_out(
    plan: Plan, fusion: DeghosterSettings, ready: Callable[[], object] = lambda: None
) -> Evaluation:
    """Run an evaluation.

    Args:
        plan: The methods, scenes and study.
        fusion: Settings of the model `fused`; the other models differ only in their weights.
        ready: Called once models and panoramas are loaded, before the progress bar appears.

    Raises:
        ValueError: unknown peer, two methods of one name, unusable folder, missing package.
        FileNotFoundError: weights not found.
    """
    extra: dict[str, Extra] = {'cvvdp': ColorVideoVDP()} if plan.cvvdp else {}
    fusers: dict[str, Fuser] = {**BASELINES, **_choose_peers(plan.peers)}
    deghosters = _load_models(plan.models, fusion, fusers)
    fusers |= _make_fusers(deghosters, plan.study)
    if plan.dataset == 'synthetic':
        source = _make_source(plan, fusion.reference)
        ready()
        found = _run_on_scenes(plan, fusers, source, extra)
    else:
        ready()
        found = _run_on_photographs(plan, fusers, extra)
    first = deghosters[FUSED]
    return Evaluation(
        study=plan.study, model=first.model_name, device=first.device,
        precision=first.precision, hardware=processor(first.device),
        sha256={name: deghoster.sha256 for name, deghoster in deghosters.items()},
        dataset=plan.dataset, seed=plan.seed, **found)


def _load_models(
    models: Iterable[str], fusion: DeghosterSettings, taken: Iterable[str]
) -> dict[str, Deghoster]:
    """Load all models, by the names they have in the comparison, `fused` first."""
    deghosters = {FUSED: Deghoster(fusion)}
    for model in models:
        deghoster = Deghoster(replace(fusion, model=model))
        name = deghoster.model_name
        if name in {*deghosters, *taken}:
            raise ValueError(f'--models: expected a name that no other method has, got {name}; '
                             'rename the file')
        deghosters[name] = deghoster
    return deghosters


def _make_fusers(deghosters: Mapping[str, Deghoster], study: str) -> dict[str, Fuser]:
    fusers = {name: _make_fuser(deghoster, **({} if _is_ours(deghoster) else _AS_PUBLISHED))
              for name, deghoster in deghosters.items()}
    if study == 'references':
        fusers |= {name + HALOS_LEFT: _make_fuser(deghoster, mend_halos=False)
                   for name, deghoster in deghosters.items() if _is_ours(deghoster)}
    return fusers


def _is_ours(deghoster: Deghoster) -> bool:
    return deghoster.architecture in ('ddfnet', 'fast')


def _make_fuser(deghoster: Deghoster, **changes: Any) -> Fuser:
    """Wrap a model as a fuser, with some of its live settings changed."""
    settings = replace(deghoster.settings, **changes)

    def fuse(bracket: Bracket) -> Picture:
        return deghoster(bracket, settings).radiance

    return Fuser(fuse, source=deghoster.model_name, frames=deghoster.frames)


def _run_on_scenes(
    plan: Plan, fusers: Mapping[str, Fuser], source: SceneSource, extra: Mapping[str, Extra]
) -> dict[str, Any]:
    """Run the study on synthetic scenes; returns those fields of `Evaluation`."""
    points, failed = _run_study(plan, fusers, source, extra)
    return {'panoramas': source.panoramas.names, 'cutouts': _count_cutouts(plan.cutouts),
            'scenes': plan.scenes, 'size': plan.size, 'methods': points[0].methods,
            'points': points if len(points) > 1 else [], 'failures': failed}


def _run_on_photographs(
    plan: Plan, fusers: Mapping[str, Fuser], extra: Mapping[str, Extra]
) -> dict[str, Any]:
    """Compare the fusers on photographs; returns those fields of `Evaluation`."""
    names, methods = _compare_on_photographs(plan, fusers, extra)
    return {'panoramas': names, 'scenes': len(names), 'size': 0, 'methods': methods}


def _choose_peers(names: Iterable[str]) -> dict[str, Fuser]:
    chosen = list(PEERS) if ALL in names else list(names)
    for name in chosen:
        if name not in PEERS:
            why = f' ({ABSENT[name].rstrip(".")})' if name in ABSENT else ''
            raise ValueError(f'--peers: expected {ALL} or some of {", ".join(PEERS)}, got '
                             f'{name!r}{why}; choose among those')
    return {name: PEERS[name] for name in chosen}


def _make_source(plan: Plan, reference: int | str) -> SceneSource:
    if isinstance(reference, str) or reference > plan.frames:
        raise ValueError(f'--reference: expected 1 to {plan.frames}, or 0 for the median, got '
                         f'{reference}; name an exposure')
    settings = SceneSettings(size=plan.size, frames=plan.frames, ratios=_ratio_range(plan.frames),
                             reference_index=reference - 1 if reference else None)
    cutouts = CutoutBank(plan.cutouts) if plan.cutouts is not None else None
    return SceneSource(PanoramaBank(plan.panoramas or Path()), settings, cutouts)


def _ratio_range(frames: int) -> tuple[float, float]:
    """Range of the ratio of neighbouring exposures; more frames span the range of three."""
    low, high = SceneSettings().ratios
    share = min(1.0, 2 / (frames - 1))
    return low**share, high**share


def _run_study(
    plan: Plan, fusers: Mapping[str, Fuser], source: SceneSource, extra: Mapping[str, Extra]
) -> tuple[list[Point], list[Failure]]:
    given = source, plan.scenes, plan.seed, extra
    if plan.study == 'noise':
        return list(_progress(sweep('noise', NOISE, fusers, *given), len(NOISE))), []
    if plan.study == 'references':
        return list(_progress(references(fusers, *given), plan.frames)), []
    if plan.study == 'robustness':
        points = [
            point for axis, conditions in axes(plan.size).items()
            for point in _progress(sweep(axis, conditions, fusers, *given), len(conditions), axis)]
        return points, [found for name in fusers if name not in PEERS
                        for found in failures(points, name)]
    condition = Condition(sigma=plan.sigma) if plan.sigma else AS_TRAINED
    if plan.pictures is not None:
        shown = condition.draw(source, min(plan.scenes, _SHEETS), plan.seed)
        _write_sheets(plan.pictures, shown, fusers)
    scenes = _progress(condition.draw(source, plan.scenes, plan.seed), plan.scenes, 'scenes')
    return [Point('none', 0.0, compare(fusers, scenes, extra))], []


def _write_sheets(folder: Path, scenes: Iterable[Scene], fusers: Mapping[str, Fuser]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, scene in enumerate(_progress(scenes, _SHEETS, 'sheets')):
        write_png(folder / f'scene_{number}.png', sheet(scene, fusers))


def _compare_on_photographs(
    plan: Plan, fusers: Mapping[str, Fuser], extra: Mapping[str, Extra]
) -> tuple[list[str], Comparison]:
    root, names = plan.root or Path(), list[str]()
    if plan.dataset == 'kalantari':
        if plan.pictures is not None:
            shown = (scene for _, scene in islice(kalantari(root), _SHEETS))
            _write_sheets(plan.pictures, shown, fusers)
        return names, compare(fusers, _collect_names(kalantari(root), names), extra)
    return names, compare_without_truth(fusers, _collect_names(fang(root), names))


def _collect_names(items: Iterable[tuple[str, _Item]], names: list[str]) -> Iterator[_Item]:
    """Yield the items and append the name of each to `names`."""
    for name, item in _progress(items, None, 'scenes'):
        names.append(name)
        yield item


def _count_cutouts(cutouts: Path | None) -> int:
    return 0 if cutouts is None else len(list(cutouts.glob('*.png')))


def _progress(
    items: Iterable[_Item], count: int | None, what: str = 'conditions'
) -> Iterator[_Item]:
    """Iterate with a progress bar, where stderr is a terminal."""
    return iter(tqdm(items, what, count, leave=False, disable=None))

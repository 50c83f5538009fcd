# SPDX-License-Identifier: Apache-2.0
"""What weights have learnt from, remembered by a run, so that its card claims nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ddfnet_ros.training.settings import TrainingSettings

FREE = 'Apache-2.0'
UNSTATED = 'yours to state'
# Of the files that the shipped models were trained on: nothing but these is known to be free.
_POLY_HAVEN = 'ca04890a2553c8f77c891ec1beb4d3c9f2aa4b5401736a4dbf7984efce9e1890'
_OPEN_CLIPART = 'e7fa19467a512c411162853fa840953a40be711b226be0de35b9f8c756e0236f'
_FREE_SCENES = 'Scenes synthesised from 62 Poly Haven panoramas (CC0) and public-domain cut-outs'
_NOTHING_ELSE = '; no photograph of a person, no licensed data set.'
_KALANTARI = 'the data set of Kalantari and Ramamoorthi (2017)'
_PHOTOGRAPHS = {'photographs': _KALANTARI}


def note(history: dict[str, Any], settings: TrainingSettings, step: int) -> None:
    """Remember what a run learns from.

    Nothing is noted where what came before is not known, as in checkpoints that are older than
    these notes.
    """
    if step and 'sources' not in history:
        return
    source = _source(settings)
    noted = history.setdefault('sources', [])
    if source not in noted:
        noted.append(source)


def origin(model: str, sha256: str, card: Mapping[str, Any]) -> dict[str, Any]:
    """What is remembered of the weights that a run starts from."""
    return {'model': model, 'sha256': sha256, 'minutes': card.get('minutes', 0),
            'licence': card.get('licence', UNSTATED), 'data': card.get('data', '')}


def digest(folder: Path, pattern: str) -> dict[str, Any]:
    """Number of files, and a sha256 of all that is in them whatever their names."""
    sums = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob(pattern))
    return {'count': len(sums), 'sha256': hashlib.sha256(' '.join(sums).encode()).hexdigest()}


def data(history: Mapping[str, Any], settings: TrainingSettings) -> str:
    """What the card says of all that the weights have learnt from."""
    scenes, photographed = _sources(history, settings)
    before = history.get('started_from', {}).get('data', '')
    free = _FREE_SCENES + _NOTHING_ELSE
    if not photographed and _are_free(scenes) and before in ('', free):
        return free
    said = [f'Photographed brackets: {_KALANTARI}.'] if photographed else []
    if scenes or not photographed:
        said.append(f'{_FREE_SCENES}.' if _are_free(scenes) else _own(scenes))
    return ' '.join([*said, f'Before that: {before}'] if before else said)


def licence(history: Mapping[str, Any], settings: TrainingSettings) -> str:
    """All that somebody else, or nobody, has stated; free where there is nothing of that kind."""
    scenes, photographed = _sources(history, settings)
    held = [f'that of {_KALANTARI}'] if photographed else []
    if not (_are_free(scenes) or (photographed and not scenes)):
        held.append(UNSTATED)
    held += [history.get(borrowed, {}).get('licence') or FREE
             for borrowed in ('started_from', 'flow')]
    return '; '.join(dict.fromkeys(one for one in held if one != FREE)) or FREE


def _source(settings: TrainingSettings) -> dict[str, Any]:
    if settings.dataset == 'kalantari':
        return _PHOTOGRAPHS
    source = {'panoramas': digest(Path(settings.panoramas), '*.exr')}
    if settings.cutouts:
        source['cutouts'] = digest(Path(settings.cutouts), '*.png')
    return source


def _sources(
    history: Mapping[str, Any], settings: TrainingSettings
) -> tuple[list[dict[str, Any]], bool]:
    """What scenes were synthesised from, and whether there were photographs."""
    noted = history.get('sources', [])
    scenes = [source for source in noted if source != _PHOTOGRAPHS]
    return scenes, settings.dataset == 'kalantari' or _PHOTOGRAPHS in noted


def _own(scenes: Sequence[Mapping[str, Any]]) -> str:
    panoramas, cutouts = (
        {s[what]['sha256']: s[what]['count'] for s in scenes if what in s}
        for what in ('panoramas', 'cutouts'))
    parts = [f'{(number := sum(found.values()))} {what}{"s" if number > 1 else ""}'
             for found, what in ((panoramas, 'panorama'), (cutouts, 'cut-out')) if found]
    return f'Scenes synthesised from {" and ".join(parts) or "panoramas"} of your own.'


def _are_free(scenes: Sequence[Mapping[str, Any]]) -> bool:
    known = [{'panoramas': _POLY_HAVEN}, {'panoramas': _POLY_HAVEN, 'cutouts': _OPEN_CLIPART}]
    return bool(scenes) and all(
        {what: files['sha256'] for what, files in source.items()} in known for source in scenes)

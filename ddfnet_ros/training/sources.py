# SPDX-License-Identifier: Apache-2.0
"""Record what a run was trained on, so that its card states data and licence correctly."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ddfnet_ros.training.settings import TrainingSettings

FREE = 'Apache-2.0'
UNSTATED = 'yours to state'
# Digests of the files that the shipped models were trained on; only these are known to be free.
_POLY_HAVEN = 'ca04890a2553c8f77c891ec1beb4d3c9f2aa4b5401736a4dbf7984efce9e1890'
_OPEN_CLIPART = 'e7fa19467a512c411162853fa840953a40be711b226be0de35b9f8c756e0236f'
_FREE_SCENES = 'Scenes synthesised from 62 Poly Haven panoramas (CC0) and public-domain cut-outs'
_NOTHING_ELSE = '; no photograph of a person, no licensed data set.'
_KALANTARI = 'the data set of Kalantari and Ramamoorthi (2017)'
_PHOTOGRAPHS = {'photographs': _KALANTARI}


def note(history: dict[str, Any], settings: TrainingSettings, step: int) -> None:
    """Add what a run is trained on to its history.

    Nothing is added if the run resumes a checkpoint that is older than these notes: what it was
    trained on before is not known.
    """
    if step and 'sources' not in history:
        return
    source = _current_source(settings)
    noted = history.setdefault('sources', [])
    if source not in noted:
        noted.append(source)


def origin(model: str, sha256: str, card: Mapping[str, Any]) -> dict[str, Any]:
    """History entry for the weights that a run starts from."""
    return {'model': model, 'sha256': sha256, 'minutes': card.get('minutes', 0),
            'licence': card.get('licence', UNSTATED), 'data': card.get('data', '')}


def digest(folder: Path, pattern: str) -> dict[str, Any]:
    """Number of files, and a sha256 of their contents, independent of their names."""
    checksums = sorted(
        hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob(pattern))
    return {'count': len(checksums),
            'sha256': hashlib.sha256(' '.join(checksums).encode()).hexdigest()}


def describe_data(history: Mapping[str, Any], settings: TrainingSettings) -> str:
    """Text for the card on all data that the weights were trained on."""
    scenes, photographed = _known_sources(history, settings)
    earlier = history.get('started_from', {}).get('data', '')
    free = _FREE_SCENES + _NOTHING_ELSE
    if not photographed and _are_free(scenes) and earlier in ('', free):
        return free
    sentences = [f'Photographed brackets: {_KALANTARI}.'] if photographed else []
    if scenes or not photographed:
        sentences.append(f'{_FREE_SCENES}.' if _are_free(scenes) else _describe_own(scenes))
    return ' '.join([*sentences, f'Before that: {earlier}'] if earlier else sentences)


def licence(history: Mapping[str, Any], settings: TrainingSettings) -> str:
    """Licence for the card: all that apply besides FREE, or FREE if there are none."""
    scenes, photographed = _known_sources(history, settings)
    licences = [f'that of {_KALANTARI}'] if photographed else []
    if not (_are_free(scenes) or (photographed and not scenes)):
        licences.append(UNSTATED)
    licences += [history.get(part, {}).get('licence') or FREE for part in ('started_from', 'flow')]
    return '; '.join(dict.fromkeys(one for one in licences if one != FREE)) or FREE


def _current_source(settings: TrainingSettings) -> dict[str, Any]:
    if settings.dataset == 'kalantari':
        return _PHOTOGRAPHS
    source = {'panoramas': digest(Path(settings.panoramas), '*.exr')}
    if settings.cutouts:
        source['cutouts'] = digest(Path(settings.cutouts), '*.png')
    return source


def _known_sources(
    history: Mapping[str, Any], settings: TrainingSettings
) -> tuple[list[dict[str, Any]], bool]:
    """Sources of synthesised scenes, and whether photographs were used too."""
    noted = history.get('sources', [])
    scenes = [source for source in noted if source != _PHOTOGRAPHS]
    return scenes, settings.dataset == 'kalantari' or _PHOTOGRAPHS in noted


def _describe_own(scenes: Sequence[Mapping[str, Any]]) -> str:
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

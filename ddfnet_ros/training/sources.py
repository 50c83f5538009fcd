# SPDX-License-Identifier: Apache-2.0
"""What scenes were made of, remembered by a run, so that its card claims nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ddfnet_ros.training.settings import TrainingSettings

FREE = 'Apache-2.0'
UNSTATED = 'yours to state'
# Of the files that the shipped models were trained on: nothing but these is known to be free.
_POLY_HAVEN = 'ca04890a2553c8f77c891ec1beb4d3c9f2aa4b5401736a4dbf7984efce9e1890'
_OPEN_CLIPART = 'e7fa19467a512c411162853fa840953a40be711b226be0de35b9f8c756e0236f'
_SHIPPED = ('Scenes synthesised from 62 Poly Haven panoramas (CC0) and public-domain cut-outs; no '
            'photograph of a person, no licensed data set.')


def note(history: dict[str, Any], settings: TrainingSettings, step: int) -> None:
    """Remember what a run synthesises scenes from.

    Nothing is noted where what came before is not known, as in checkpoints that are older than
    these notes.
    """
    if settings.dataset != 'synthetic' or (step and 'sources' not in history):
        return
    source = {'panoramas': digest(Path(settings.panoramas), '*.exr')}
    if settings.cutouts:
        source['cutouts'] = digest(Path(settings.cutouts), '*.png')
    noted = history.setdefault('sources', [])
    if source not in noted:
        noted.append(source)


def digest(folder: Path, pattern: str) -> dict[str, Any]:
    """Number of files, and a sha256 of all that is in them whatever their names."""
    sums = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob(pattern))
    return {'count': len(sums), 'sha256': hashlib.sha256(' '.join(sums).encode()).hexdigest()}


def synthetic_data(history: Mapping[str, Any]) -> str:
    """What the card says about data."""
    if _is_shipped(history):
        return _SHIPPED
    panoramas = {s['panoramas']['sha256']: s['panoramas']['count'] for s in _sources(history)}
    cutouts = {s['cutouts']['sha256']: s['cutouts']['count'] for s in _sources(history)
               if 'cutouts' in s}
    parts = [f'{(number := sum(found.values()))} {what}{"s" if number > 1 else ""}'
             for found, what in ((panoramas, 'panorama'), (cutouts, 'cut-out')) if found]
    return f'Scenes synthesised from {" and ".join(parts) or "panoramas"} of your own.'


def licence(history: Mapping[str, Any]) -> str:
    """The licence of weights trained on synthesised scenes, unless a PWC-Net has another."""
    origin = history.get('started_from')
    if origin and origin.get('licence', FREE) != FREE:
        return str(origin['licence'])
    return FREE if _is_shipped(history) else UNSTATED


def _is_shipped(history: Mapping[str, Any]) -> bool:
    known = [{'panoramas': _POLY_HAVEN}, {'panoramas': _POLY_HAVEN, 'cutouts': _OPEN_CLIPART}]
    return bool(_sources(history)) and all(
        {what: files['sha256'] for what, files in source.items()} in known
        for source in _sources(history))


def _sources(history: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(history.get('sources', []))

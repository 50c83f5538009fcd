# SPDX-License-Identifier: Apache-2.0
"""From a training run to a model file with its card, and the cards as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ddfnet_ros import network, weights
from ddfnet_ros.runtime.machine import hardware
from ddfnet_ros.training import slim, sources
from ddfnet_ros.training.checkpoint import Stored, fill
from ddfnet_ros.training.settings import TrainingSettings

_PHOTOGRAPHS = 'The data set of Kalantari and Ramamoorthi (2017), photographed brackets.'
_PHOTOGRAPHS_LICENCE = 'that of the data set of Kalantari and Ramamoorthi (2017)'
_PRIVATE = ('panoramas', 'cutouts', 'root', 'run', 'slim', 'start_from', 'pwcnet', 'device',
            'workers', 'keep_every')


def ship(
    run: Path,
    path: Path,
    evaluation: Mapping[str, Any] | None = None,
    half: bool = True,
    pwcnet: Path | None = None,
) -> str:
    """Write the averaged weights of a run as a model file.

    Args:
        run: Folder that `train` wrote, or a slim checkpoint's.
        path: Model file to write, models/NAME.safetensors.
        evaluation: What `ddfnet evaluate --json` wrote about these weights, for the card.
        half: Store the numbers as float16, which halves the file.
        pwcnet: Model file to write the PWC-Net to, where it was trained along.

    Returns:
        The checksum.

    Raises:
        FileNotFoundError: the folder holds no finished checkpoint.
        ValueError: a PWC-Net was trained along, and `pwcnet` does not say where to write it.
    """
    stored = slim.read_any(run)
    card = _card(stored) | ({'evaluation': dict(evaluation)} if evaluation else {})
    dtype = torch.float16 if half else torch.float32
    if motion := stored.part('flow_average'):
        if pwcnet is None:
            raise ValueError(f'{run}: expected a file for the PWC-Net, which was trained along, '
                             'got none; give --pwcnet')
        own = {k: v for k, v in card.items() if not k.startswith('flow')}
        card['flow_sha256'] = _save({'architecture': 'pwcnet'}, motion, pwcnet, own, dtype)
    return _save(stored.network, stored.part('average'), path, card, dtype)


def _save(
    config: Mapping[str, Any], tensors: dict[str, Tensor], path: Path, card: Mapping[str, Any],
    dtype: torch.dtype,
) -> str:
    model = network.build(config)
    fill(model, tensors)
    return weights.save(model, path, card, dtype)


def cards(folder: Path) -> str:
    """Markdown: one section per model file of a folder, from what the files say of themselves."""
    return '\n'.join(_section(path) for path in sorted(folder.glob(f'*{weights.SUFFIX}')))


def page(folder: Path) -> str:
    """The README of a folder of models."""
    return ('# Models\n\nWritten by `ddfnet weights cards` from the model files.\n\n'
            f'{cards(folder)}')


def _card(stored: Stored) -> dict[str, Any]:
    settings, history = stored.settings, stored.facts.get('history', {})
    flow = history.get('flow', {})
    borrowed = flow.get('licence', '')
    photographed = settings.dataset == 'kalantari'
    own = _PHOTOGRAPHS_LICENCE if photographed else sources.licence(history)
    card = {
        'data': _PHOTOGRAPHS if photographed else sources.synthetic_data(history),
        'licence': own if borrowed in ('', sources.FREE) else borrowed,
        'recipe': _recipe(settings),
        'steps': stored.facts['step'],
        'minutes': round(stored.facts['seconds'] / 60, 1),
        'hardware': '; '.join(history.get('hardware', [hardware('cpu')])),
    }
    if settings.architecture != 'pwcnet':
        card['flow'] = settings.flow
    if 'sha256' in flow:
        card['flow_sha256'] = flow['sha256']
    if 'started_from' in history:
        card['started_from'] = history['started_from']
    return card


def _recipe(settings: TrainingSettings) -> dict[str, Any]:
    """The recipe's name, and each value that is not the paper's."""
    paper = asdict(TrainingSettings())
    differs = {name: value for name, value in asdict(settings).items()
               if value != paper[name] and name not in _PRIVATE}
    return {'recipe': settings.recipe, **differs}


def _section(path: Path) -> str:
    loaded = weights.load(path)
    card = loaded.card
    parameters = sum(p.numel() for p in loaded.model.parameters())
    lines = [
        f'## {path.stem}\n',
        f'- Network: `{network.describe(loaded.model)}`, {parameters:,} parameters',
        *_motion(card),
        f'- Trained: {card["steps"]:,} steps, {card["minutes"]:g} minutes of computing, '
        f'{card["hardware"]}',
        *_origin(card),
        f'- Data: {card["data"]}',
        f'- Recipe: `{json.dumps(card["recipe"])}`',
        f'- Licence: {card["licence"]}',
        f'- sha256 of the tensors: `{loaded.sha256}`',
    ]
    if 'evaluation' in card:
        lines.append('\n' + _of_these(card['evaluation'], loaded.sha256)
                     + _results(card['evaluation']))
    return '\n'.join(lines) + '\n'


def _motion(card: Mapping[str, Any]) -> list[str]:
    """Which flow the model was trained with; none for a model that estimates flow itself."""
    if 'flow' not in card:
        return []
    which = f', sha256 of its tensors `{card["flow_sha256"]}`' if 'flow_sha256' in card else ''
    return [f'- Flow: {card["flow"]}{which}']


def _origin(card: Mapping[str, Any]) -> list[str]:
    origin = card.get('started_from')
    return [f'- Started from the weights of `{origin["model"]}` ({origin["minutes"]:g} minutes), '
            f'sha256 `{origin["sha256"]}`'] if origin else []


def _of_these(evaluation: Mapping[str, Any], sha256: str) -> str:
    """A warning where the figures are not of the weights in the file."""
    measured = evaluation.get('sha256', {})
    if sha256 in measured.values():
        return ''
    return ('**Measured with earlier weights of this name**, sha256 '
            f'`{measured.get("fused", "not noted")}`. ')


def _results(evaluation: Mapping[str, Any]) -> str:
    """Table of the evaluation: one row per metric, mean and spread per method."""
    methods = evaluation['methods']
    scenes = ', '.join(evaluation['panoramas'])
    rows = [
        f'Scenes from {scenes} (not trained on), seed {evaluation["seed"]}:\n',
        f'| metric | {" | ".join(methods)} | scenes |',
        '|---|' + '---|' * (len(methods) + 1),
    ]
    for metric, statistic in methods['fused'].items():
        values = [methods[name].get(metric) for name in methods]
        shown = [f'{v["mean"]:.4g} ± {v["spread"]:.2g}' if v else '-' for v in values]
        rows.append(f'| {metric} | {" | ".join(shown)} | {statistic["count"]} |')
    return '\n'.join(rows)

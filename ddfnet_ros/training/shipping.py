# SPDX-License-Identifier: Apache-2.0
"""From a training run to a model file with its card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ddfnet_ros import network, weights
from ddfnet_ros.runtime.machine import hardware
from ddfnet_ros.training import slim, sources
from ddfnet_ros.training.checkpoint import Stored, fill
from ddfnet_ros.training.settings import TrainingSettings

_PRIVATE = ('panoramas', 'cutouts', 'root', 'run', 'slim', 'start_from', 'pwcnet', 'device',
            'workers', 'keep_every')
_ALIKE = ('flow', 'flow_sha256', 'licence')


@dataclass(frozen=True)
class Mix:
    """A mean of the weights of two models of which one was trained from the other.

    It often does what both can, better than either (Wortsman et al., "Robust fine-tuning of
    zero-shot models", CVPR 2022).

    Attributes:
        model: Model file of the other one.
        share: Its share of the mean, in [0, 1].
    """

    model: Path
    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f'share: expected 0 to 1, got {self.share:g}')


def ship(
    run: Path,
    path: Path,
    evaluation: Mapping[str, Any] | None = None,
    half: bool = True,
    pwcnet: Path | None = None,
    mix: Mix | None = None,
) -> str:
    """Write the averaged weights of a run as a model file.

    Args:
        run: Folder that `train` wrote, or a slim checkpoint's.
        path: Model file to write, models/NAME.safetensors.
        evaluation: What `ddfnet evaluate --json` wrote about these weights, for the card.
        half: Store the numbers as float16, which halves the file.
        pwcnet: Model file to write the PWC-Net to, where it was trained along.
        mix: Another model, to store a mean with.

    Returns:
        The checksum.

    Raises:
        FileNotFoundError: the folder holds no finished checkpoint, or there is no such model.
        ValueError: a PWC-Net was trained along, and `pwcnet` does not say where to write it; a
            model of another network, flow or licence is to be mixed in.
    """
    stored = slim.read_any(run)
    tensors = stored.part('average')
    card = _card(stored) | ({'evaluation': dict(evaluation)} if evaluation else {})
    dtype = torch.float16 if half else torch.float32
    if motion := stored.part('flow_average'):
        if pwcnet is None:
            raise ValueError(f'{run}: expected a file for the PWC-Net, which was trained along, '
                             'got none; give --pwcnet')
        own = {k: v for k, v in card.items() if not k.startswith('flow')}
        card['flow_sha256'] = _save({'architecture': 'pwcnet'}, motion, pwcnet, own, dtype)
    if mix:
        tensors, card = _mixed(mix, stored.network, tensors, card)
    return _save(stored.network, tensors, path, card, dtype)


def _mixed(
    mix: Mix, config: Mapping[str, Any], tensors: dict[str, Tensor], card: dict[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and card with another model mixed in."""
    other = weights.load(mix.model)
    has = {'network': network.describe(network.build(config)),
           **{name: card.get(name) for name in _ALIKE}}
    got = {'network': network.describe(other.model),
           **{name: other.card.get(name) for name in _ALIKE}}
    for name, expected in has.items():
        if got[name] != expected:
            raise ValueError(f'{mix.model}: expected the same {name} as of the run, {expected}, '
                             f'got {got[name]}; mix models that were trained from one another')
    theirs = other.model.state_dict()
    mean = {name: torch.lerp(own.float(), theirs[name], mix.share)
            for name, own in tensors.items()}
    named = {'model': mix.model.stem, 'sha256': other.sha256, 'share': mix.share}
    return mean, card | {'mixed_with': named}


def _save(
    config: Mapping[str, Any], tensors: dict[str, Tensor], path: Path, card: Mapping[str, Any],
    dtype: torch.dtype,
) -> str:
    model = network.build(config)
    fill(model, tensors)
    return weights.save(model, path, card, dtype)


def _card(stored: Stored) -> dict[str, Any]:
    settings, history = stored.settings, stored.facts.get('history', {})
    flow = history.get('flow', {})
    card = {
        'data': sources.data(history, settings),
        'licence': sources.licence(history, settings),
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

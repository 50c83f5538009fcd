# SPDX-License-Identifier: Apache-2.0
"""Make a model file with its card from a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ddfnet_ros import network, weights
from ddfnet_ros.runtime.machine import hardware
from ddfnet_ros.training import slim, sources
from ddfnet_ros.training.checkpoint import Checkpoint, fill
from ddfnet_ros.training.settings import TrainingSettings

# Settings that the card leaves out: paths, and what does not affect the weights.
_PRIVATE = ('panoramas', 'cutouts', 'root', 'run', 'slim', 'start_from', 'pwcnet', 'device',
            'workers', 'keep_every')
# Entries of the card in which mixed models must agree.
_MUST_MATCH = ('flow', 'flow_sha256', 'licence')


@dataclass(frozen=True)
class Mix:
    """A model to average weights with; one of the two was trained from the other.

    The mean often combines what both can do, better than either alone (Wortsman et al., "Robust
    fine-tuning of zero-shot models", CVPR 2022).

    Attributes:
        model: Model file to mix in.
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
        run: Folder that `train` wrote, or folder of a slim checkpoint.
        path: Model file to write, models/NAME.safetensors.
        evaluation: Output of `ddfnet evaluate --json` for these weights, for the card.
        half: Whether to store float16, which halves the file.
        pwcnet: Model file to write the PWC-Net to, if it was trained jointly.
        mix: Another model to average the weights with.

    Returns:
        Checksum of the tensors in `path`.

    Raises:
        FileNotFoundError: the folder holds no finished checkpoint, or the model to mix is missing.
        ValueError: a PWC-Net was trained jointly but `pwcnet` is not given, or the other way
            round; the model to mix has another network, flow or licence; the evaluation is of
            other weights.
    """
    stored = slim.read_any(run)
    dtype = torch.float16 if half else torch.float32
    tensors = stored.part('average')
    card = _card(stored) | ({'evaluation': dict(evaluation)} if evaluation else {})
    flow, flow_card = _flow_of(run, stored, pwcnet), card.copy()
    if flow is not None:
        flow_card = {k: v for k, v in card.items() if not k.startswith('flow')}
        card['flow_sha256'] = weights.stored_checksum(flow, dtype)
    if mix:
        tensors, card = _mix_in(mix, stored.network, tensors, card)
    model = _filled(stored.network, tensors)
    _check_evaluation(evaluation or {}, weights.stored_checksum(model, dtype))
    if flow is not None and pwcnet is not None:
        weights.save(flow, pwcnet, flow_card, dtype)
    return weights.save(model, path, card, dtype)


def _flow_of(run: Path, stored: Checkpoint, pwcnet: Path | None) -> nn.Module | None:
    """The PWC-Net that was trained along, if one was; a file for it must be given only then."""
    tensors = stored.part('flow_average')
    if tensors and pwcnet is None:
        raise ValueError(f'{run}: expected a file for the PWC-Net, which was trained along, '
                         'got none; give --pwcnet')
    if pwcnet is not None and not tensors:
        raise ValueError(f'--pwcnet: expected none, as {run} has trained no PWC-Net along, got '
                         f'{pwcnet}; leave it out')
    return _filled({'architecture': 'pwcnet'}, tensors) if tensors else None


def _check_evaluation(evaluation: Mapping[str, Any], shipped: str) -> None:
    """Raise ValueError if an evaluation is of other weights; old ones do not say of which."""
    measured = evaluation.get('sha256', {})
    if measured and shipped not in measured.values():
        got = str(measured.get('fused', 'others'))[:12]
        raise ValueError(f'--evaluation: expected one of these weights, sha256 {shipped[:12]}, '
                         f'got one of {got}; ship without it, evaluate what was shipped, and ship '
                         'again')


def _mix_in(
    mix: Mix, config: Mapping[str, Any], tensors: dict[str, Tensor], card: dict[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and card with another model mixed in."""
    other = weights.load(mix.model)
    ours = {'network': network.describe(network.build(config)),
            **{name: card.get(name) for name in _MUST_MATCH}}
    got = {'network': network.describe(other.model),
           **{name: other.card.get(name) for name in _MUST_MATCH}}
    for name, expected in ours.items():
        if got[name] != expected:
            raise ValueError(f'{mix.model}: expected the same {name} as of the run, {expected}, '
                             f'got {got[name]}; mix models that were trained from one another')
    theirs = other.model.state_dict()
    mean = {name: torch.lerp(own.float(), theirs[name], mix.share)
            for name, own in tensors.items()}
    source = {'model': mix.model.stem, 'sha256': other.sha256, 'share': mix.share}
    return mean, card | {'mixed_with': source}


def _filled(config: Mapping[str, Any], tensors: dict[str, Tensor]) -> nn.Module:
    model = network.build(config)
    fill(model, tensors)
    return model


def _card(stored: Checkpoint) -> dict[str, Any]:
    settings, history = stored.settings, stored.facts.get('history', {})
    flow = history.get('flow', {})
    card = {
        'data': sources.describe_data(history, settings),
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
    """The recipe's name, and each setting that differs from the paper's."""
    paper = asdict(TrainingSettings())
    changed = {name: value for name, value in asdict(settings).items()
               if value != paper[name] and name not in _PRIVATE}
    return {'recipe': settings.recipe, **changed}

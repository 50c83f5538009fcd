# SPDX-License-Identifier: Apache-2.0
"""Start a run: anew, from its own checkpoint, from another run's, or from a model's weights."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import nn, optim

from ddfnet_ros import network, weights
from ddfnet_ros.flow.pwcnet import PWCNet
from ddfnet_ros.runtime.selection import choose_precision
from ddfnet_ros.training import checkpoint, slim, sources
from ddfnet_ros.training.checkpoint import CHECKPOINT, Checkpoint, State
from ddfnet_ros.training.schedule import Ramp
from ddfnet_ros.training.settings import TrainingSettings

_NO_PWCNET = ('train one (--recipe pwcnet), import one (ddfnet weights import-pwcnet), or do '
              'without (--flow dis)')
_MAX_ERROR_LENGTH = 200  # characters of another library's error that are quoted
_AVERAGE_OF = {'model': 'average', 'flow': 'flow_average'}


def start(settings: TrainingSettings, device: torch.device) -> State:
    """Make the state in which a run starts or resumes.

    Raises:
        FileNotFoundError: the settings name a checkpoint or model that does not exist.
        ValueError: it cannot be used, or has another architecture.
    """
    stored = _find_checkpoint(settings)
    model, history = _build_model(settings, stored)
    flow = None
    if settings.estimates_motion:
        loaded = weights.load(_find_pwcnet(settings.pwcnet))
        if not isinstance(loaded.model, PWCNet):
            raise ValueError(f'pwcnet: expected a PWC-Net, got {settings.pwcnet}, a '
                             f'{type(loaded.model).__name__}; {_NO_PWCNET}')
        flow = _to_device(loaded.model, device).requires_grad_(False)
        history['flow'] = {'sha256': loaded.sha256, 'licence': loaded.card.get('licence', '')}
    model = _to_device(model, device)
    state = State(
        model, copy.deepcopy(model), _make_optimizer(settings, model, flow), flow,
        history=history,
        ramp=Ramp(0, settings.rewarm if 'started_from' in history else settings.warmup))
    if stored is not None:
        _resume(state, stored, settings)
    return state


def unfreeze_flow(state: State) -> None:
    """Train the PWC-Net jointly from now on; does nothing if there is none or it already is."""
    if state.flow is None or state.flow_average is not None:
        return
    state.flow_average = copy.deepcopy(state.flow)
    state.flow.requires_grad_(True)


def _find_pwcnet(name: str) -> Path:
    try:
        return weights.find(name)
    except weights.WeightsNotFoundError as error:
        problem = str(error).partition('; ')[0]  # without its list of models: none is a PWC-Net
        raise weights.WeightsNotFoundError(f'pwcnet: {problem}; {_NO_PWCNET}') from error


def _find_checkpoint(settings: TrainingSettings) -> Checkpoint | None:
    """The run's own checkpoint, or else the one named by `start_from`; None if neither exists."""
    if (Path(settings.run) / CHECKPOINT).exists():
        return checkpoint.read(Path(settings.run))
    source = Path(settings.start_from)
    if (settings.start_from and source.is_dir()) or source.name in (slim.INDEX, CHECKPOINT):
        return slim.read_any(source)
    return None


def _build_model(
    settings: TrainingSettings, stored: Checkpoint | None
) -> tuple[nn.Module, dict[str, Any]]:
    """The network, and the history entries on the origin of its weights."""
    _check_config(settings)
    if stored is not None:
        model = network.build(stored.network)
        _check_network(settings, model)
        return model, {}
    if settings.start_from:
        loaded = weights.load(weights.find(settings.start_from))
        _check_network(settings, loaded.model)
        origin = sources.origin(Path(settings.start_from).stem, loaded.sha256, loaded.card)
        return loaded.model.train(), {'started_from': origin}
    return _build_new(settings), {}


def _check_config(settings: TrainingSettings) -> None:
    """Raise ValueError if `config` names fields that the network does not have."""
    own = network.describe(network.build({'architecture': settings.architecture}))
    if unknown := settings.network.keys() - own.keys():
        fields = ', '.join(name for name in own if name != 'architecture')
        raise ValueError(f'--config: expected fields of {settings.architecture} ({fields}), got '
                         f'{", ".join(sorted(unknown))}; leave that out')


def _build_new(settings: TrainingSettings) -> nn.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of layers without channels, which are refused
            model = network.build(settings.network)
        if empty := [name for name, weight in model.named_parameters() if not weight.numel()]:
            raise ValueError(f'no weights in {empty[0]}')
    except Exception as error:  # wrong layer arguments can raise anything
        if not settings.config:
            raise
        problem = shorten(str(error), _MAX_ERROR_LENGTH) or type(error).__name__
        raise ValueError(f'--config: expected values that make a network, got '
                         f'{" ".join(settings.config)} ({problem}); choose others') from error
    return model


def _check_network(settings: TrainingSettings, model: nn.Module) -> None:
    config = network.describe(model)
    for name, value in settings.network.items():
        expected, got = json.dumps(config.get(name)), json.dumps(value)
        if got != expected:
            own = (Path(settings.run) / CHECKPOINT).exists()
            where = f'the run in {settings.run}' if own else 'the weights to start from'
            remedy = '; choose another --run' if own else ''
            raise ValueError(
                f'{name}: expected {expected}, as {where} has it, got {got}{remedy}')


def _resume(state: State, stored: Checkpoint, settings: TrainingSettings) -> None:
    if stored.part('flow_average'):
        if state.flow is None:
            raise ValueError('flow: expected pwcnet, which the checkpoint has trained along, got '
                             f'{settings.flow}')
        unfreeze_flow(state)
    else:
        _check_flow(state.history, stored.facts.get('history', {}))
    if not stored.is_slim:
        checkpoint.restore(state, stored)
        return
    for name, module in state.networks().items():
        checkpoint.fill(module, stored.part(_AVERAGE_OF.get(name, name)))
    checkpoint.restore_progress(state, stored)
    state.ramp = Ramp(state.step, settings.rewarm)


def _check_flow(history: Mapping[str, Any], earlier: Mapping[str, Any]) -> None:
    """A frozen PWC-Net must be the same as when the run began."""
    now, before = (h.get('flow', {}).get('sha256') for h in (history, earlier))
    if before and now != before:
        raise ValueError(f'pwcnet: expected the one that the run has had, sha256 {before[:12]}, '
                         f'got {now[:12] if now else "none"}; give that file')


def _make_optimizer(
    settings: TrainingSettings, model: nn.Module, flow: nn.Module | None
) -> optim.Optimizer:
    """Optimizer of all parameters; a frozen PWC-Net's get no gradient, so they do not change."""
    parameters = [*model.parameters(), *(flow.parameters() if flow is not None else ())]
    kind = {'adam': optim.Adam, 'adamw': optim.AdamW}[settings.optimizer]
    return kind(parameters, settings.learning_rate, (0.9, settings.beta2),
                weight_decay=settings.weight_decay)


def _to_device(model: Any, device: torch.device) -> nn.Module:
    """Move a model to the device, in the memory format that is fastest there."""
    # In bfloat16 oneDNN works channels last; in float32 the default format is no slower.
    bfloat16 = choose_precision('auto', device) is torch.bfloat16
    memory_format = torch.channels_last if bfloat16 else torch.preserve_format
    moved: nn.Module = model.to(device, memory_format=memory_format)
    return moved

# SPDX-License-Identifier: Apache-2.0
"""Full training state on disk: safetensors for numbers, its header for the rest.

A checkpoint is written beside the old one and then renamed over it, so that a crash or a full disk
leaves the last good one intact.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer


@dataclass
class State:
    """Everything that a run needs to go on.

    Attributes:
        model: Network in training.
        average: Its exponential moving average, what is shipped.
        optimizer: Adam or AdamW, with its moments.
        step: Steps done.
        seconds: Time spent training, over all runs [s].
    """

    model: nn.Module
    average: nn.Module
    optimizer: Optimizer
    step: int = 0
    seconds: float = 0.0


def save(state: State, path: Path) -> None:
    """Write a full checkpoint; the previous one survives any failure."""
    tensors = {f'model.{k}': v for k, v in state.model.state_dict().items()}
    tensors |= {f'average.{k}': v for k, v in state.average.state_dict().items()}
    tensors |= {f'optimizer.{k}': v for k, v in _moments(state).items()}
    facts = {'step': state.step, 'seconds': state.seconds}
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix('.part')
    save_file({k: v.contiguous() for k, v in tensors.items()}, fresh, {'facts': json.dumps(facts)})
    os.replace(fresh, path)


def load(state: State, path: Path) -> None:
    """Fill `state` from a checkpoint of the same model.

    Raises:
        FileNotFoundError: no such file.
        RuntimeError: the checkpoint belongs to another model.
    """
    with safe_open(path, 'pt') as file:
        facts: dict[str, Any] = json.loads(file.metadata()['facts'])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    for part in ('model', 'average'):
        getattr(state, part).load_state_dict(_under(part, tensors))
    _restore_moments(state, _under('optimizer', tensors))
    state.step, state.seconds = int(facts['step']), float(facts['seconds'])


def _under(part: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    prefix = f'{part}.'
    return {k[len(prefix):]: v for k, v in tensors.items() if k.startswith(prefix)}


def _moments(state: State) -> dict[str, Tensor]:
    """Adam's moments by parameter name."""
    return {
        f'{name}.{key}': value
        for name, parameter in state.model.named_parameters()
        for key, value in state.optimizer.state[parameter].items()
    }


def _restore_moments(state: State, tensors: dict[str, Tensor]) -> None:
    for name, parameter in state.model.named_parameters():
        found = _under(name, tensors)
        state.optimizer.state[parameter] = {
            key: value if key == 'step' else value.to(parameter.device)
            for key, value in found.items()
        }

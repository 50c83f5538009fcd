# SPDX-License-Identifier: Apache-2.0
"""Training state on disk: tensors in a safetensors file, everything else in its header.

A full checkpoint is one file from which training resumes as if it had never stopped. It is written
to a new file and then renamed over the old one, so a crash or a full disk leaves the last good
checkpoint intact. A slim checkpoint (`slim.py`) has the averaged weights alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.optim import Optimizer

from ddfnet_ros import network, weights
from ddfnet_ros.training.schedule import Ramp
from ddfnet_ros.training.settings import TrainingSettings

CHECKPOINT = 'checkpoint.safetensors'
SETTINGS = 'settings.json'


@dataclass
class State:
    """Everything that is needed to resume a run.

    Attributes:
        model: Network in training.
        average: Exponential moving average of its weights; this is what is shipped.
        optimizer: Adam or AdamW, with its moments.
        flow: PWC-Net that estimates the motion; None if there is none.
        flow_average: Average of the PWC-Net's weights, once it is trained jointly.
        step: Number of steps done.
        seconds: Training time of all runs together [s].
        ramp: Warm-up of the learning rate.
        history: Origin of the weights, for the card: `hardware` used, `started_from`, the
            `sha256` and `licence` of the PWC-Net (`flow`), and what the scenes are made of
            (`sources`).
    """

    model: nn.Module
    average: nn.Module
    optimizer: Optimizer
    flow: nn.Module | None = None
    flow_average: nn.Module | None = None
    step: int = 0
    seconds: float = 0.0
    ramp: Ramp = field(default_factory=Ramp)
    history: dict[str, Any] = field(default_factory=dict)

    def networks(self) -> dict[str, nn.Module]:
        """Networks in training and their averages, by their name in a checkpoint."""
        networks = {'model': self.model, 'average': self.average}
        if self.flow is not None and self.flow_average is not None:
            networks |= {'flow': self.flow, 'flow_average': self.flow_average}
        return networks


@dataclass(frozen=True)
class Checkpoint:
    """Contents of a checkpoint.

    Attributes:
        facts: `step`, `seconds`, `ramp`, `history`, `settings` and `network` (its config).
        tensors: `model.*`, `average.*` and `optimizer.*`; also `flow.*` and `flow_average.*` if
            a PWC-Net is trained jointly.
    """

    facts: dict[str, Any]
    tensors: dict[str, Tensor]

    def part(self, name: str) -> dict[str, Tensor]:
        """Tensors whose name begins with `name.`, without that prefix."""
        return _select(name, self.tensors)

    @property
    def is_slim(self) -> bool:
        """Whether it holds only the averages."""
        return not self.part('model')

    @property
    def settings(self) -> TrainingSettings:
        """Settings that it was trained with."""
        return TrainingSettings.from_saved(self.facts['settings'])

    @property
    def network(self) -> dict[str, Any]:
        """Config of the network."""
        return self.facts.get('network') or self.settings.network


def snapshot(state: State, settings: TrainingSettings) -> Checkpoint:
    """Full checkpoint of a state; shares its tensors."""
    tensors = {f'{part}.{name}': tensor for part, module in state.networks().items()
               for name, tensor in module.state_dict().items()}
    tensors |= {f'optimizer.{name}.{key}': value for name, parameter in _trained_parameters(state)
                for key, value in state.optimizer.state[parameter].items()}
    facts = {
        'step': state.step, 'seconds': state.seconds, 'ramp': asdict(state.ramp),
        'history': state.history, 'settings': asdict(settings),
        'network': network.describe(state.model),
    }
    return Checkpoint(facts, tensors)


def save(state: State, path: Path, settings: TrainingSettings) -> None:
    """Write a full checkpoint; if that fails, the previous one stays intact.

    Raises:
        OSError: it cannot be written.
    """
    full = snapshot(state, settings)
    weights.write(full.tensors, path, {'facts': json.dumps(full.facts)})


def read(path: Path) -> Checkpoint:
    """Read a full checkpoint.

    Args:
        path: Checkpoint file, or the folder of the run.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is damaged or not a checkpoint.
    """
    path = path / CHECKPOINT if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f'{path}: expected a checkpoint, got none; check the folder')
    try:
        with safe_open(path, 'pt') as file:
            facts = json.loads((file.metadata() or {}).get('facts', '{}'))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f'{path}: expected a whole checkpoint, got {error}; copy it again'
                         ) from error
    if 'step' not in facts:
        raise ValueError(f'{path}: expected a checkpoint of ddfnet train, got another file')
    if 'settings' not in facts:  # old checkpoints have them in a file of their own
        facts['settings'] = json.loads((path.parent / SETTINGS).read_text())
    return Checkpoint(facts, tensors)


def restore(state: State, stored: Checkpoint) -> None:
    """Load a full checkpoint of the same networks into a state.

    Raises:
        ValueError: the checkpoint belongs to other networks.
    """
    for name, module in state.networks().items():
        fill(module, stored.part(name))
    moments = stored.part('optimizer')
    for name, parameter in _trained_parameters(state):
        state.optimizer.state[parameter] = {
            key: value if key == 'step' else value.to(parameter.device)
            for key, value in _select(name, moments).items()
        }
    state.ramp = Ramp(**stored.facts.get('ramp', {}))
    restore_progress(state, stored)


def restore_progress(state: State, stored: Checkpoint) -> None:
    """Continue a checkpoint's count of steps and seconds, and its history."""
    state.step, state.seconds = int(stored.facts['step']), float(stored.facts['seconds'])
    state.history = {**state.history, **stored.facts.get('history', {})}


def fill(module: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Load tensors into a network.

    Raises:
        ValueError: names or shapes differ from the network's.
    """
    own = module.state_dict()
    different = {
        name for name in own.keys() | tensors.keys()
        if name not in own or name not in tensors or own[name].shape != tensors[name].shape}
    if different:
        raise ValueError(f'expected weights of {type(module).__name__} with {len(own)} tensors, '
                         f'got others, such as {sorted(different)[:3]}; give the options that '
                         'they were trained with')
    module.load_state_dict(tensors)


def _trained_parameters(state: State) -> list[tuple[str, nn.Parameter]]:
    """Names and parameters for which the optimizer has moments."""
    named = list(state.model.named_parameters())
    if state.flow is not None and state.flow_average is not None:
        named += [(f'flow.{name}', p) for name, p in state.flow.named_parameters()]
    return named


def _select(part: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    prefix = f'{part}.'
    return {k[len(prefix):]: v for k, v in tensors.items() if k.startswith(prefix)}

# SPDX-License-Identifier: Apache-2.0
"""Training state on disk: safetensors for numbers, its header for the rest.

A full checkpoint is one file that goes on as if there had been no break. It is written beside the
old one and then renamed over it, so that a crash or a full disk leaves the last good one intact.
A slim one (`slim.py`) has the averaged weights alone.
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
    """Everything that a run needs to go on.

    Attributes:
        model: Network in training.
        average: Its exponential moving average, what is shipped.
        optimizer: Adam or AdamW, with its moments.
        flow: PWC-Net that estimates the motion, if one does.
        flow_average: Its average, once it is trained along.
        step: Steps done.
        seconds: Time spent training, over all runs [s].
        ramp: Of the learning rate.
        history: Where this came from, for the card: `hardware` used, `started_from`, the
            `sha256` and `licence` of the PWC-Net (`flow`), and what scenes are made of
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
        """Networks that training changes and their averages, by their name in a checkpoint."""
        found = {'model': self.model, 'average': self.average}
        if self.flow is not None and self.flow_average is not None:
            found |= {'flow': self.flow, 'flow_average': self.flow_average}
        return found


@dataclass(frozen=True)
class Stored:
    """What a checkpoint holds.

    Attributes:
        facts: `step`, `seconds`, `ramp`, `history`, `settings` and `network`, its config.
        tensors: `model.*`, `average.*`, `optimizer.*`, and the same of a PWC-Net trained along.
    """

    facts: dict[str, Any]
    tensors: dict[str, Tensor]

    def part(self, name: str) -> dict[str, Tensor]:
        """Tensors of one network, under their own names."""
        return _under(name, self.tensors)

    @property
    def is_slim(self) -> bool:
        """Whether there are averages only."""
        return not self.part('model')

    @property
    def settings(self) -> TrainingSettings:
        """How it was trained."""
        return TrainingSettings.stored(self.facts['settings'])

    @property
    def network(self) -> dict[str, Any]:
        """Config of the network."""
        return self.facts.get('network') or self.settings.network


def stored(state: State, settings: TrainingSettings) -> Stored:
    """What a full checkpoint holds of a state; shares its tensors."""
    tensors = {f'{part}.{name}': tensor for part, module in state.networks().items()
               for name, tensor in module.state_dict().items()}
    tensors |= {f'optimizer.{name}.{key}': value for name, parameter in _trained(state)
                for key, value in state.optimizer.state[parameter].items()}
    facts = {
        'step': state.step, 'seconds': state.seconds, 'ramp': asdict(state.ramp),
        'history': state.history, 'settings': asdict(settings),
        'network': network.describe(state.model),
    }
    return Stored(facts, tensors)


def save(state: State, path: Path, settings: TrainingSettings) -> None:
    """Write a full checkpoint; the previous one survives any failure.

    Raises:
        OSError: it cannot be written.
    """
    whole = stored(state, settings)
    weights.write(whole.tensors, path, {'facts': json.dumps(whole.facts)})


def read(path: Path) -> Stored:
    """Read a full checkpoint: its file, or the folder of the run.

    Raises:
        FileNotFoundError: there is none.
        ValueError: not a checkpoint, or a damaged one.
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
    if 'settings' not in facts:  # before they were part of the checkpoint
        facts['settings'] = json.loads((path.parent / SETTINGS).read_text())
    return Stored(facts, tensors)


def restore(state: State, stored: Stored) -> None:
    """Fill a state from a full checkpoint of the same networks.

    Raises:
        ValueError: the checkpoint belongs to other networks.
    """
    for name, module in state.networks().items():
        fill(module, stored.part(name))
    moments = stored.part('optimizer')
    for name, parameter in _trained(state):
        state.optimizer.state[parameter] = {
            key: value if key == 'step' else value.to(parameter.device)
            for key, value in _under(name, moments).items()
        }
    state.ramp = Ramp(**stored.facts.get('ramp', {}))
    note_progress(state, stored)


def note_progress(state: State, stored: Stored) -> None:
    """Go on counting where a checkpoint stopped."""
    state.step, state.seconds = int(stored.facts['step']), float(stored.facts['seconds'])
    state.history = {**state.history, **stored.facts.get('history', {})}


def fill(module: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Load tensors into a network of the same names and shapes.

    Raises:
        ValueError: they are not the same.
    """
    own = module.state_dict()
    unlike = {name for name in own.keys() | tensors.keys()
              if name not in own or name not in tensors or own[name].shape != tensors[name].shape}
    if unlike:
        raise ValueError(f'expected weights of {type(module).__name__} with {len(own)} tensors, '
                         f'got others, such as {sorted(unlike)[:3]}; give the options that they '
                         'were trained with')
    module.load_state_dict(tensors)


def _trained(state: State) -> list[tuple[str, nn.Parameter]]:
    """All parameters that the optimizer knows moments of, by name."""
    named = list(state.model.named_parameters())
    if state.flow is not None and state.flow_average is not None:
        named += [(f'flow.{name}', p) for name, p in state.flow.named_parameters()]
    return named


def _under(part: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    prefix = f'{part}.'
    return {k[len(prefix):]: v for k, v in tensors.items() if k.startswith(prefix)}

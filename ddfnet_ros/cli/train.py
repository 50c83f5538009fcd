# SPDX-License-Identifier: Apache-2.0
"""`ddfnet train`: train a network on synthesised scenes or photographs."""

from __future__ import annotations

from collections.abc import Sequence

from ddfnet_ros.command_line.naming import quoted
from ddfnet_ros.command_line.waiting import waiting
from ddfnet_ros.training.options import parse


def run(words: Sequence[str]) -> int:
    """Train."""
    settings, as_json = parse(words, 'ddfnet train')
    with waiting('reading what to train on') as stop:
        from ddfnet_ros.training.record import state_json
        from ddfnet_ros.training.train import train

        state = train(settings, ready=stop)
    if as_json:
        print(state_json(settings, state))
        return 0
    print(f'{state.step} steps, {state.seconds / 60:.1f} min; '
          f'ship it: ddfnet weights ship {quoted(settings.run)} models/NAME.safetensors')
    return 0

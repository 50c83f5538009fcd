# SPDX-License-Identifier: Apache-2.0
"""Runs node, recorder and player as processes that communicate over DDS."""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tqdm import tqdm

from ddfnet_ros import fast_dds
from ddfnet_ros.demo.options import Options
from ddfnet_ros.demo.processes import Child, Children, ProcessError
from ddfnet_ros.demo.recording import Recording
from ddfnet_ros.demo.shots import LOOK

_POLL = 0.05  # seconds between two looks at the processes
_QUIET = 1.5  # seconds without a result after which no more are expected
_PATIENCE = 30.0  # seconds that playing may take longer than the recording says
_BAR = '      fused {bar:40} {n_fmt} of {total_fmt} brackets, {elapsed}'
_SHARED_MEMORY = 60 * 2**20  # bytes that all processes reserve with the DDS profile
_KINDS = {'sensor_msgs/msg/Image': 'raw', 'sensor_msgs/msg/CompressedImage': 'compressed'}


@dataclass(frozen=True)
class Played:
    """Outcome of playing a recording.

    Attributes:
        brackets: Number of complete brackets sent, with repetitions.
        rate: Speed, relative to the recording.
        received: Arrivals by kind, as `node/recorder.py` records them.
        diagnostics: The node's last diagnostics.
    """

    brackets: int
    rate: float
    received: dict[str, list[tuple[int, int]]]
    diagnostics: dict[str, str]


class DemoSession:
    """The processes of one run, and the files that they write to the output folder."""

    def __init__(self, recording: Recording, options: Options) -> None:
        self._recording, self._options = recording, options
        self._logs = options.output / 'logs'
        self._table = self._logs / 'received.json'
        self._children = Children(self._logs, _environment())

    @contextmanager
    def running(self) -> Iterator[tuple[Child, Child]]:
        """Start the node and the recorder; both are ready in the body of the `with`."""
        with self._children:
            recorder = self._children.start('recorder', self._recorder_command())
            node = self._children.start('fuse_node', self._node_command())
            _wait_until_ready(node, recorder, self._options.start_timeout)
            yield node, recorder

    def play(self, node: Child, recorder: Child) -> Played:
        """Play the recording until the last result has arrived, with a progress bar."""
        recording, options = self._recording, self._options
        count = len(recording.brackets)
        rate = options.pace * recording.seconds / count
        rounds = math.ceil(options.seconds * options.pace / count)
        deadline = time.monotonic() + rounds * recording.seconds / rate + _PATIENCE
        player = self._children.start('player', [
            'ddfnet_ros.node.player', str(recording.path), '--rate', f'{rate:.4f}',
            '--loop', str(rounds), '--clock', '--subscribers', '2'])
        with tqdm(total=rounds * count, bar_format=_BAR, disable=None) as bar:
            _wait_for_results(player, node, recorder, deadline,
                              lambda fused: bar.update(fused - bar.n))
        if recorder.stop() != 0:
            raise ProcessError(f'recorder: expected its files, got\n{recorder.log_tail()}')
        table = json.loads(self._table.read_text())
        return Played(rounds * count, rate, table['received'], table['told'])

    def _node_command(self) -> list[str]:
        settings = self._recording.settings
        width, height = self._recording.brackets[0].reference.size
        parameters = {
            'image_topics': settings.image_topics, 'metadata_topics': settings.metadata_topics,
            'exposure_source': settings.exposure_source, 'bracket_size': settings.bracket_size,
            'image_width': width, 'image_height': height, 'model': self._options.model,
            'device': self._options.device, 'diagnostics_period': 0.5, 'use_sim_time': True,
            'tone_map': LOOK.tone_map, 'key': LOOK.key,
        }
        path = self._logs / 'fuse.yaml'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({'fuse_node': {'ros__parameters': parameters}}, indent=2))
        return ['ddfnet_ros.node.fuse_node', '--ros-args', '--params-file', str(path)]

    def _recorder_command(self) -> list[str]:
        inputs = [f'{_KINDS[kind]}:{topic}' for topic, kind in
                  self._recording.image_topics.items()]
        return ['ddfnet_ros.node.recorder', '--bag', str(self._options.output / 'fused.mcap'),
                '--table', str(self._table), *inputs]


def _environment() -> dict[str, str]:
    """Environment variables that keep the demo's topics apart from those of a robot."""
    environment = {
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        'ROS_DOMAIN_ID': os.environ.get('ROS_DOMAIN_ID', str(random.randint(1, 100))),
    }
    profile = fast_dds.shipped_profile('local')
    if profile and fast_dds.free_bytes() > _SHARED_MEMORY:
        environment |= dict.fromkeys(fast_dds.PROFILE_VARIABLES, str(profile))
    return environment


def _wait_until_ready(node: Child, recorder: Child, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        for line in recorder.new_lines():
            word, _, rest = line.partition(' ')
            if word == 'ready':
                return
            if word == 'problem':
                raise ProcessError(f'fuse_node: {rest}')
        for child in (node, recorder):
            child.check_running()
        if time.monotonic() > deadline:
            raise ProcessError(f'fuse_node: expected it to be active within {patience:g} s, got '
                               f'no sign of it:\n{node.log_tail()}')
        time.sleep(_POLL)


def _wait_for_results(player: Child, node: Child, recorder: Child, deadline: float,
                      progress: Callable[[int], object]) -> None:
    """Wait until the player has ended and no more results arrive."""
    latest = time.monotonic()
    while player.exit_code is None or time.monotonic() - latest < _QUIET:
        for line in recorder.new_lines():
            word, _, rest = line.partition(' ')
            if word == 'fused':
                progress(int(rest))
                latest = time.monotonic()
        for child in (node, recorder):
            child.check_running()
        if player.exit_code is None:
            latest = time.monotonic()
        if time.monotonic() > deadline:
            raise ProcessError('player: expected it to be done by now, got none of it:\n'
                               f'{player.log_tail()}')
        time.sleep(_POLL)
    if player.exit_code:
        raise ProcessError(f'player: exit code {player.exit_code}:\n{player.log_tail()}')

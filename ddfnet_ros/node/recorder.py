# SPDX-License-Identifier: Apache-2.0
"""Records what `fuse_node` publishes: the demo's witness, in a process of its own.

Two files: a bag with the first fused image of each reference stamp (a bag that loops repeats its
brackets) and all diagnostics, and a table (JSON) of when every input and every result arrived.
Prints one word a line on stdout for the demo to read: `ready`, `problem TEXT`, `fused COUNT`.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage, Image

from ddfnet_ros.bags import BagWriter, Message
from ddfnet_ros.node.process import ros_process
from ddfnet_ros.node.usage import own_arguments

_IMAGE_TYPES = {'raw': Image, 'compressed': CompressedImage}
_STAMP = struct.Struct('<4xiI')  # start of a message with a header: 4 bytes of CDR, the stamp
_READY_PERIOD = 0.1
# Deep and reliable: the recorder must not lose what the node published. The inputs are only timed;
# best effort matches publishers of either kind.
_RELIABLE = QoSProfile(depth=20, reliability=ReliabilityPolicy.RELIABLE)
_BEST_EFFORT = QoSProfile(depth=20, reliability=ReliabilityPolicy.BEST_EFFORT)


class Recorder(Node):
    """Subscribes to one `fuse_node` and to its inputs.

    Attributes:
        received: Arrivals by kind (input, hdr, image): lists of [header stamp, time of arrival],
            both [ns], the second by the monotonic clock.
        diagnostics: The node's latest diagnostics, as key-value pairs.
    """

    def __init__(self, bag: BagWriter, fuse_node: str, inputs: Sequence[str]) -> None:
        """Subscribe.

        Args:
            bag: Open bag for the published messages.
            fuse_node: Full name of the node.
            inputs: Image topics of the node, each as `raw:TOPIC` or `compressed:TOPIC`.
        """
        super().__init__('recorder')
        self._bag, self._name = bag, fuse_node
        self._inputs = [topic.partition(':')[2] for topic in inputs]
        self._stored: set[tuple[str, int]] = set()
        self.received: dict[str, list[tuple[int, int]]] = {'input': [], 'hdr': [], 'image': []}
        self.diagnostics: dict[str, str] = {}
        for kind in ('hdr', 'image'):
            self._listen(Image, f'{fuse_node}/{kind}', partial(self._on_result, kind), _RELIABLE)
        for topic in inputs:
            kind, _, name = topic.partition(':')
            self._listen(_IMAGE_TYPES[kind], name, self._on_input, _BEST_EFFORT)
        self._listen(DiagnosticArray, '/diagnostics', self._on_diagnostics, _RELIABLE)
        self._ready = self.create_timer(_READY_PERIOD, self._check_ready)

    def _listen(self, msgtype: type[Any], topic: str, callback: Callable[[bytes], None],
                qos: QoSProfile) -> None:
        self.create_subscription(msgtype, topic, callback, qos, raw=True)

    def _check_ready(self) -> None:
        """Print `ready` once the node's publishers and subscriptions are discovered."""
        publishes = self.count_publishers(f'{self._name}/hdr')
        others = 1  # besides this recorder
        if publishes and all(self.count_subscribers(t) > others for t in self._inputs):
            self._ready.cancel()
            _print_line('ready')

    def _on_input(self, cdr: bytes) -> None:
        self.received['input'].append((_stamp_ns(cdr), time.monotonic_ns()))

    def _on_result(self, kind: str, cdr: bytes) -> None:
        stamp_ns = _stamp_ns(cdr)
        self.received[kind].append((stamp_ns, time.monotonic_ns()))
        if (kind, stamp_ns) not in self._stored:
            self._stored.add((kind, stamp_ns))
            self._store(f'{self._name}/{kind}', 'sensor_msgs/msg/Image', cdr)
        if kind == 'hdr':
            _print_line(f'fused {len(self.received[kind])}')

    def _on_diagnostics(self, cdr: bytes) -> None:
        self._store('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray', cdr)
        for status in deserialize_message(cdr, DiagnosticArray).status:
            if status.name == f'{self._name}: fusion':
                self.diagnostics = {value.key: value.value for value in status.values}
                if status.level == DiagnosticStatus.ERROR:
                    _print_line(f'problem {status.message}')

    def _store(self, topic: str, msgtype: str, cdr: bytes) -> None:
        self._bag.write_cdr(Message(topic, msgtype, time.time_ns(), cdr))


def _stamp_ns(cdr: bytes) -> int:
    seconds, nanoseconds = _STAMP.unpack_from(cdr)
    return int(seconds) * 10**9 + int(nanoseconds)


def _parse_input(word: str) -> str:
    if word.partition(':')[0] not in _IMAGE_TYPES:
        raise argparse.ArgumentTypeError(f'expected raw:NAME or compressed:NAME, got {word}')
    return word


def _print_line(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Record until interrupted, then complete both files."""
    given = list(sys.argv if arguments is None else arguments)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--bag', type=Path, required=True, help='.mcap file to write')
    parser.add_argument('--table', type=Path, required=True, help='JSON file to write')
    parser.add_argument('--node', default='/fuse_node', help='full name of the node')
    parser.add_argument('inputs', nargs='+', type=_parse_input,
                        help='its image topics, raw:NAME or compressed:NAME')
    try:
        words = own_arguments(given)
    except ValueError as error:
        parser.error(str(error))
    options = parser.parse_args(words)
    with BagWriter(options.bag) as bag, ros_process(given):
        recorder = Recorder(bag, options.node, options.inputs)
        try:
            rclpy.spin(recorder)
        finally:
            table = {'received': recorder.received, 'told': recorder.diagnostics}
            options.table.write_text(json.dumps(table))
    return 0


if __name__ == '__main__':
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Peers of the soak runs that inspect results, play bags, or change the life cycle."""

from __future__ import annotations

import struct
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.serialization import deserialize_message
from rosgraph_msgs.msg import Clock

from benchmark.node_peer import Peer

_AGAIN = 5.0  # seconds until an unanswered request is repeated

__all__ = ['Manager', 'Peer', 'Player', 'Witness']


class Witness(Peer):
    """Reads from `~/bracket_info` which frames each result is made of.

    Attributes:
        brackets: Stamps of the frames of each result [ns], from short to long exposure.
    """

    def __init__(self, images: str) -> None:
        """Publish images; subscribe to `~/bracket_info`."""
        self.brackets: list[list[int]] = []
        super().__init__(images, '/fuse_node/bracket_info', DiagnosticArray)

    def _on_result(self, cdr: bytes, info: dict[str, int]) -> None:
        super()._on_result(cdr, info)
        values: Any = deserialize_message(cdr, DiagnosticArray).status[0].values
        self.brackets.append([_parse_ns(value.value) for value in values
                              if value.key.endswith('.stamp')])


def _parse_ns(text: str) -> int:
    seconds, _, fraction = text.partition('.')
    return int(seconds) * 10**9 + int(fraction)


class Player(Peer):
    """Plays a bag with its clock and reads the resulting radiance.

    Attributes:
        last: Radiance of the newest result at its last value.
    """

    def __init__(self, images: str) -> None:
        """Publish images and `/clock`; subscribe to `~/hdr`."""
        self.last = 0.0
        super().__init__(images, '/fuse_node/hdr')
        self._clock = self.create_publisher(Clock, '/clock', 10)

    def wait_for_node(self, patience: float) -> None:
        """Wait until the node has subscribed to images and `/clock`."""
        self.wait_until_matched(patience)
        self.spin_until(lambda: bool(self._clock.get_subscription_count()), patience)

    def publish_clock(self, stamp_ns: int) -> None:
        """Publish a time on `/clock`."""
        self._clock.publish(Clock(clock=Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)))

    def _on_result(self, cdr: bytes, info: dict[str, int]) -> None:
        super()._on_result(cdr, info)
        self.last = struct.unpack('<f', cdr[-4:])[0]


class Manager(Peer):
    """Requests transitions of the node's life cycle."""

    def __init__(self, images: str) -> None:
        """Publish images; subscribe to `~/image`."""
        super().__init__(images, '/fuse_node/image')
        self._change = self.create_client(ChangeState, '/fuse_node/change_state')
        self._by_label = False
        self._get = self.create_client(GetState, '/fuse_node/get_state')

    def wait_for_node(self, patience: float) -> None:
        """Wait until the node answers; answers get lost until it has discovered its client."""
        requests = ((self._get, GetState.Request()), (self._change, ChangeState.Request(
            transition=Transition(label='cleanup'))))  # an unconfigured node refuses this
        for client, request in requests:
            self.spin_until(client.service_is_ready, patience)
            self.spin_until(lambda client=client, request=request: self.spin_until(
                client.call_async(request).done, _AGAIN), patience)

    def change(self, transition: str, patience: float) -> bool:
        """Request a transition, alternately by label and by id; returns whether it succeeded.

        Raises:
            TimeoutError: the node did not answer.
        """
        number = getattr(Transition, f'TRANSITION_{transition.upper()}')
        self._by_label = not self._by_label
        wanted = Transition(label=transition) if self._by_label else Transition(id=number)
        request = ChangeState.Request(transition=wanted)
        return bool(self._call(self._change, request, patience).success)

    def state(self, patience: float) -> str:
        """Label of the node's state.

        Raises:
            TimeoutError: the node did not answer.
        """
        return str(self._call(self._get, GetState.Request(), patience).current_state.label)

    def _call(self, client: Any, request: Any, patience: float) -> Any:
        future = client.call_async(request)
        if not self.spin_until(future.done, patience):
            raise TimeoutError(f'expected an answer of {client.srv_name} within {patience:.0f} s, '
                               'got none; the node hangs')
        return future.result()

# SPDX-License-Identifier: Apache-2.0
"""Peers of the soak that look closer at what comes."""

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

_AGAIN = 5.0  # seconds until what was not answered is asked again

__all__ = ['Manager', 'Peer', 'Player', 'Witness']


class Witness(Peer):
    """Reads which frames each result was made of.

    Attributes:
        brackets: Stamps of the frames of each result [ns], in the order of their exposures.
    """

    def __init__(self, images: str) -> None:
        """Publish images; subscribe to `~/bracket_info`."""
        self.brackets: list[list[int]] = []
        super().__init__(images, '/fuse_node/bracket_info', DiagnosticArray)

    def _on_result(self, cdr: bytes, info: dict[str, int]) -> None:
        super()._on_result(cdr, info)
        values: Any = deserialize_message(cdr, DiagnosticArray).status[0].values
        self.brackets.append([_ns(value.value) for value in values
                              if value.key.endswith('.stamp')])


def _ns(text: str) -> int:
    seconds, _, fraction = text.partition('.')
    return int(seconds) * 10**9 + int(fraction)


class Player(Peer):
    """Plays a bag with its clock, and looks at the radiance that comes.

    Attributes:
        last: Of the newest result, at its last pixel.
    """

    def __init__(self, images: str) -> None:
        """Publish images and `/clock`; subscribe to `~/hdr`."""
        self.last = 0.0
        super().__init__(images, '/fuse_node/hdr')
        self._clock = self.create_publisher(Clock, '/clock', 10)

    def wait_for_node(self, patience: float) -> None:
        """Wait until it takes images and the time."""
        self.wait_until_matched(patience)
        self.spin_until(lambda: bool(self._clock.get_subscription_count()), patience)

    def tell_time(self, stamp_ns: int) -> None:
        """Publish it."""
        self._clock.publish(Clock(clock=Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)))

    def _on_result(self, cdr: bytes, info: dict[str, int]) -> None:
        super()._on_result(cdr, info)
        self.last = struct.unpack('<f', cdr[-4:])[0]


class Manager(Peer):
    """Asks for transitions of the node's life cycle."""

    def __init__(self, images: str) -> None:
        """Publish images; subscribe to `~/image`."""
        super().__init__(images, '/fuse_node/image')
        self._change = self.create_client(ChangeState, '/fuse_node/change_state')
        self._by_label = False
        self._get = self.create_client(GetState, '/fuse_node/get_state')

    def wait_for_node(self, patience: float) -> None:
        """Wait until it answers: before it knows of its client, its answers get lost."""
        asked = ((self._get, GetState.Request()), (self._change, ChangeState.Request(
            transition=Transition(label='cleanup'))))  # which an unconfigured node refuses
        for client, request in asked:
            self.spin_until(client.service_is_ready, patience)
            self.spin_until(lambda client=client, request=request: self.spin_until(
                client.call_async(request).done, _AGAIN), patience)

    def change(self, transition: str, patience: float) -> bool:
        """Ask for one, by label and by id in turn; whether this state has it and it succeeded.

        Raises:
            TimeoutError: no answer came.
        """
        number = getattr(Transition, f'TRANSITION_{transition.upper()}')
        self._by_label = not self._by_label
        wanted = Transition(label=transition) if self._by_label else Transition(id=number)
        request = ChangeState.Request(transition=wanted)
        return bool(self._answer(self._change, request, patience).success)

    def state(self, patience: float) -> str:
        """Where the node is.

        Raises:
            TimeoutError: no answer came.
        """
        return str(self._answer(self._get, GetState.Request(), patience).current_state.label)

    def _answer(self, client: Any, request: Any, patience: float) -> Any:
        future = client.call_async(request)
        if not self.spin_until(future.done, patience):
            raise TimeoutError(f'expected an answer of {client.srv_name} within {patience:.0f} s, '
                               'got none; the node hangs')
        return future.result()

# SPDX-License-Identifier: Apache-2.0
"""The camera and the viewer of `benchmark.node`, in one process."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from ddfnet_ros.bracket import Frame
from ddfnet_ros.node.serialising import header_of, image_cdr

_STAMP = struct.Struct('<4xiI')  # after CDR's own 4 bytes, a message with a header starts so
_TICK = 0.02  # seconds


class Peer(Node):
    """Sends images, and notes when results come.

    Attributes:
        came: When results came, by their stamp [ns], by the monotonic clock [s].
        reached: When DDS had them, before this process copied them into Python; by the wall
            clock [ns].
        told: What the node's newest diagnostics say.
    """

    def __init__(self, images: str, results: str, msgtype: type[Any] = Image) -> None:
        """Publish and subscribe.

        Args:
            images: Topic of the camera.
            results: Topic of the node.
            msgtype: Of the results; has a header.
        """
        self._results, self._node = results, results.rpartition('/')[0]
        super().__init__('benchmark', namespace=self._node)
        qos = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
        self._sender = self.create_publisher(Image, images, qos)
        self.create_subscription(msgtype, results, self._on_result, qos, raw=True)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)
        self.came: dict[int, float] = {}
        self.reached: dict[int, int] = {}
        self.told: dict[str, str] = {}

    def wait_until_matched(self, patience: float) -> None:
        """Wait for the node, until it takes images and is heard."""
        self.spin_until(lambda: bool(self._sender.get_subscription_count())
                        and bool(self.count_publishers(self._results)), patience)
        self.spin_for(1.0)

    def serialised(self, pixels: np.ndarray, stamp_ns: int) -> bytes:
        """An image message."""
        return image_cdr(header_of(Frame(pixels=pixels, stamp_ns=stamp_ns)), pixels)

    def send(self, message: bytes) -> None:
        """Publish it."""
        self._sender.publish(message)

    def wait_for_result(self, stamp_ns: int, patience: float) -> bool:
        """Wait for the result of that stamp; false if it does not come."""
        return self.spin_until(lambda: stamp_ns in self.came, patience)

    def diagnostics(self, fused: int, patience: float) -> dict[str, str]:
        """What the node tells after that many brackets."""
        self.spin_until(lambda: self.told.get('brackets_fused') == str(fused), patience)
        return self.told

    def spin_for(self, seconds: float) -> None:
        """Take what comes for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            rclpy.spin_once(self, timeout_sec=left)

    def spin_until(self, condition: Callable[[], bool], patience: float) -> bool:
        """Take what comes until a condition holds; whether it did in time [s]."""
        end = time.monotonic() + patience
        while not (held := condition()) and time.monotonic() < end:
            rclpy.spin_once(self, timeout_sec=_TICK)
        return held

    def _on_result(self, cdr: bytes, info: dict[str, int]) -> None:
        came = time.monotonic()
        seconds, nanoseconds = _STAMP.unpack_from(cdr)
        stamp_ns = seconds * 10**9 + nanoseconds
        self.came[stamp_ns], self.reached[stamp_ns] = came, info['received_timestamp']

    def _on_diagnostics(self, array: DiagnosticArray) -> None:
        for status in array.status:
            if status.name == f'{self._node}: fusion':
                self.told = {value.key: value.value for value in status.values}

# SPDX-License-Identifier: Apache-2.0
"""ROS node that is both the camera and the viewer of the node benchmarks."""

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

_STAMP = struct.Struct('<4xiI')  # stamp of a header at the start of a message, after CDR's 4 bytes
_TICK = 0.02  # seconds


class Peer(Node):
    """Publishes images and notes when results arrive.

    Attributes:
        received_at: Arrival of each result in Python, monotonic clock [s], by its stamp [ns].
        reached_dds_at: Arrival of each result in DDS, before it is copied into Python; wall clock
            [ns], by its stamp [ns].
        diagnostics: The node's newest diagnostics.
    """

    def __init__(self, images: str, results: str, msgtype: type[Any] = Image) -> None:
        """Publish and subscribe.

        Args:
            images: Topic to publish images on.
            results: Topic of the node's results.
            msgtype: Type of the results; starts with a header.
        """
        self._results, self._node = results, results.rpartition('/')[0]
        super().__init__('benchmark', namespace=self._node)
        qos = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
        self._sender = self.create_publisher(Image, images, qos)
        self.create_subscription(msgtype, results, self._on_result, qos, raw=True)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)
        self.received_at: dict[int, float] = {}
        self.reached_dds_at: dict[int, int] = {}
        self.diagnostics: dict[str, str] = {}

    def wait_until_matched(self, patience: float) -> None:
        """Wait until the node and this peer have discovered each other's topics."""
        self.spin_until(lambda: bool(self._sender.get_subscription_count())
                        and bool(self.count_publishers(self._results)), patience)
        self.spin_for(1.0)

    def serialised(self, pixels: np.ndarray, stamp_ns: int) -> bytes:
        """Serialise an image message."""
        return image_cdr(header_of(Frame(pixels=pixels, stamp_ns=stamp_ns)), pixels)

    def send(self, message: bytes) -> None:
        """Publish a serialised image."""
        self._sender.publish(message)

    def wait_for_result(self, stamp_ns: int, patience: float) -> bool:
        """Wait for the result with that stamp; returns whether it arrived in time."""
        return self.spin_until(lambda: stamp_ns in self.received_at, patience)

    def wait_for_diagnostics(self, fused: int, patience: float) -> dict[str, str]:
        """Wait for the node's diagnostics after that many fused brackets."""
        self.spin_until(lambda: self.diagnostics.get('brackets_fused') == str(fused), patience)
        return self.diagnostics

    def spin_for(self, seconds: float) -> None:
        """Handle messages for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            rclpy.spin_once(self, timeout_sec=left)

    def spin_until(self, condition: Callable[[], bool], patience: float) -> bool:
        """Handle messages until a condition holds; returns whether it did within patience [s]."""
        end = time.monotonic() + patience
        while not (held := condition()) and time.monotonic() < end:
            rclpy.spin_once(self, timeout_sec=_TICK)
        return held

    def _on_result(self, cdr: bytes, info: dict[str, int]) -> None:
        now = time.monotonic()
        seconds, nanoseconds = _STAMP.unpack_from(cdr)
        stamp_ns = seconds * 10**9 + nanoseconds
        self.received_at[stamp_ns] = now
        self.reached_dds_at[stamp_ns] = info['received_timestamp']

    def _on_diagnostics(self, array: DiagnosticArray) -> None:
        for status in array.status:
            if status.name == f'{self._node}: fusion':
                self.diagnostics = {value.key: value.value for value in status.values}

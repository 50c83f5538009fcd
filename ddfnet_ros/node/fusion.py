# SPDX-License-Identifier: Apache-2.0
"""Fuses brackets and publishes the results; one is published while the next is fused."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import NamedTuple

from ddfnet_ros.bracket import exposure_mismatch
from ddfnet_ros.node.debug_topics import DebugTopics
from ddfnet_ros.node.diagnostics import Statistics
from ddfnet_ros.node.engine import Engine
from ddfnet_ros.node.fused import Fused
from ddfnet_ros.node.inputs import Delivery, Inputs
from ddfnet_ros.node.outputs import Outputs
from ddfnet_ros.node.parameters import LiveSettings
from ddfnet_ros.node.saver import Saver
from ddfnet_ros.node.watchdog import Watchdog
from ddfnet_ros.node.worker import BatchGroup, Task
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.runtime.pending import Pending
from ddfnet_ros.runtime.request import Request
from ddfnet_ros.settings import NodeSettings

_AUTO_WAIT_MS = 2  # within which cameras that are triggered together deliver


class _InProgress(NamedTuple):
    """A bracket that is being fused.

    Attributes:
        delivery: The bracket and its times of arrival.
        settings: Settings that it is fused with.
        pending: Its result, once it is finished.
        started: When the worker took it, by the monotonic clock [s].
        submitted: When all its work was queued on the device, by the same clock [s].
    """

    delivery: Delivery
    settings: NodeSettings
    pending: Pending[Deghosted]
    started: float
    submitted: float


@dataclass(frozen=True, eq=False)
class Order:
    """A bracket that waits for its turn.

    Attributes:
        fusion: The fusion of its camera.
        delivery: The bracket and its times of arrival.
        live: Settings of its camera; read when the fusion starts.
    """

    fusion: Fusion
    delivery: Delivery
    live: LiveSettings[NodeSettings]

    @cached_property
    def wanted(self) -> bool:
        """Whether anybody listens; the first access also records the bracket in its camera."""
        return self.fusion.receive(self.delivery)


@dataclass(frozen=True)
class Fusion:
    """Everything of a camera that exists from configure to cleanup."""

    engine: Engine
    statistics: Statistics
    inputs: Inputs
    outputs: Outputs
    debug: DebugTopics
    watchdog: Watchdog = field(default_factory=Watchdog)
    saver: Saver = field(default_factory=Saver)

    def batch_group(self, settings: NodeSettings) -> BatchGroup | None:
        """The cameras whose brackets may join a batch; None for no batches."""
        wait_ms = settings.batch_wait_ms
        if wait_ms == 'auto':
            wait_ms = 0 if self.engine.device == 'cpu' else _AUTO_WAIT_MS
        key = self.engine.batch_key
        return BatchGroup(key, float(wait_ms) / 1e3) if wait_ms and key else None

    def receive(self, delivery: Delivery) -> bool:
        """Record a new bracket; return whether anybody listens."""
        self.engine.latest = delivery.bracket
        if not self.outputs.wanted:
            self.statistics.skip()
            return False
        self.statistics.note_mismatch(exposure_mismatch(delivery.bracket))
        return True

    def relay(self, delivery: Delivery) -> None:
        """Publish only the camera info of a bracket; in order with `publish`."""
        self.outputs.relay(delivery.camera_info, delivery.bracket.reference)

    def publish(self, bracket: _InProgress) -> None:
        """Wait for a bracket and publish it; one after the other, in order."""
        turn = time.monotonic()
        deghosted = bracket.pending.result()
        fused = Fused(deghosted, bracket.delivery.camera_info, bracket.settings)
        publishing = time.monotonic()
        self.outputs.publish(fused)
        done = time.monotonic()
        stage_ms = {'decode': (bracket.delivery.delivered_at - bracket.delivery.received_at) * 1e3,
                    'wait': (bracket.started - bracket.delivery.delivered_at) * 1e3,
                    **deghosted.stage_ms, 'queue': (turn - bracket.submitted) * 1e3,
                    'publish': (done - publishing) * 1e3}
        self.statistics.fuse((done - bracket.delivery.received_at) * 1e3, stage_ms, fused.clipping,
                             deghosted.together)
        processing_ms = (done - bracket.started) * 1e3
        self.watchdog.note(processing_ms, bracket.settings)
        self.debug.publish(processing_ms, bracket.delivery.bracket.reference)


def start(orders: Sequence[Order]) -> list[Task]:
    """Start to fuse brackets, those of several cameras as one batch.

    Returns:
        For each bracket, the task that publishes its result; only its camera info if nobody
        listens.

    Raises:
        Exception: the error of one of the brackets.
    """
    started = time.monotonic()
    wanted = {order: order.live.now for order in orders if order.wanted}
    pending = Engine.submit([
        (order.fusion.engine, Request(order.delivery.bracket, settings))
        for order, settings in wanted.items()])
    submitted = time.monotonic()
    tasks: dict[Order, Task] = {
        order: partial(order.fusion.publish, _InProgress(
            order.delivery, settings, result, started, submitted))
        for (order, settings), result in zip(wanted.items(), pending, strict=True)
    }
    return [tasks.get(order) or partial(order.fusion.relay, order.delivery) for order in orders]

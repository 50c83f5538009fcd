# SPDX-License-Identifier: Apache-2.0
"""What becomes of a bracket in the node: it is fused, then published while the next is fused."""

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
from ddfnet_ros.node.worker import Company, Task
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.runtime.pending import Pending
from ddfnet_ros.settings import NodeSettings

_AUTO_WAIT_MS = 2  # within which cameras that are triggered together deliver


class _UnderWay(NamedTuple):
    """A bracket that is being fused.

    Attributes:
        delivery: The bracket, and when it came.
        settings: Those that hold for it.
        pending: Its result.
        begun: When the worker took it, by the monotonic clock [s].
        submitted: When all was asked of the device, likewise.
    """

    delivery: Delivery
    settings: NodeSettings
    pending: Pending[Deghosted]
    begun: float
    submitted: float


@dataclass(frozen=True, eq=False)
class Order:
    """A bracket that waits for its turn.

    Attributes:
        fusion: Of its camera.
        delivery: The bracket, and when it came.
        live: Its camera's settings; those that hold when it is begun are its own.
    """

    fusion: Fusion
    delivery: Delivery
    live: LiveSettings[NodeSettings]

    @cached_property
    def wanted(self) -> bool:
        """Whether anybody listens; when first asked, its camera takes note of it."""
        return self.fusion.receive(self.delivery)


@dataclass(frozen=True)
class Fusion:
    """Everything that lives from configure to cleanup."""

    engine: Engine
    statistics: Statistics
    inputs: Inputs
    outputs: Outputs
    debug: DebugTopics
    watchdog: Watchdog = field(default_factory=Watchdog)
    saver: Saver = field(default_factory=Saver)

    def company(self, settings: NodeSettings) -> Company | None:
        """With whom brackets may be fused together; None: with nobody."""
        wait_ms = settings.batch_wait_ms
        if wait_ms == 'auto':
            wait_ms = 0 if self.engine.device == 'cpu' else _AUTO_WAIT_MS
        who = self.engine.company
        return Company(who, float(wait_ms) / 1e3) if wait_ms and who else None

    def receive(self, delivery: Delivery) -> bool:
        """Take note of a bracket; whether anybody listens."""
        self.engine.latest = delivery.bracket
        if not self.outputs.wanted:
            self.statistics.skip()
            return False
        self.statistics.doubt(exposure_mismatch(delivery.bracket))
        return True

    def relay(self, delivery: Delivery) -> None:
        """Publish the camera info of a bracket that nobody wants; in order, as with `publish`."""
        self.outputs.relay(delivery.camera_info, delivery.bracket.reference)

    def publish(self, way: _UnderWay) -> None:
        """Wait for a bracket and publish it; one after the other, in order."""
        turn = time.monotonic()
        deghosted = way.pending.result()
        fused = Fused(deghosted, way.delivery.camera_info, way.settings)
        publishing = time.monotonic()
        self.outputs.publish(fused)
        done = time.monotonic()
        stage_ms = {'decode': (way.delivery.delivered_at - way.delivery.received_at) * 1e3,
                    'wait': (way.begun - way.delivery.delivered_at) * 1e3,
                    **deghosted.stage_ms, 'queue': (turn - way.submitted) * 1e3,
                    'publish': (done - publishing) * 1e3}
        self.statistics.fuse((done - way.delivery.received_at) * 1e3, stage_ms, fused.clipping,
                             deghosted.together)
        processing_ms = (done - way.begun) * 1e3
        self.watchdog.note(processing_ms, way.settings)
        self.debug.publish(processing_ms, way.delivery.bracket.reference)


def begin(orders: Sequence[Order]) -> list[Task]:
    """Begin to fuse brackets, those of several cameras together.

    Returns:
        What publishes each of them; where nobody listens, its camera info alone.

    Raises:
        Exception: what beginning one of them by itself would raise.
    """
    begun = time.monotonic()
    wanted = {order: order.live.now for order in orders if order.wanted}
    pending = Engine.submit_together([
        (order.fusion.engine, order.delivery.bracket, settings)
        for order, settings in wanted.items()])
    submitted = time.monotonic()
    tasks: dict[Order, Task] = {
        order: partial(order.fusion.publish, _UnderWay(
            order.delivery, settings, result, begun, submitted))
        for (order, settings), result in zip(wanted.items(), pending, strict=True)
    }
    return [tasks.get(order) or partial(order.fusion.relay, order.delivery) for order in orders]

# SPDX-License-Identifier: Apache-2.0
"""What becomes of a bracket in the node: it is fused, then published while the next is fused."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from ddfnet_ros.bracket import exposure_mismatch
from ddfnet_ros.node.debug_topics import DebugTopics
from ddfnet_ros.node.diagnostics import Statistics
from ddfnet_ros.node.engine import Engine
from ddfnet_ros.node.fused import Fused
from ddfnet_ros.node.inputs import Delivery, Inputs
from ddfnet_ros.node.outputs import Outputs
from ddfnet_ros.node.saver import Saver
from ddfnet_ros.node.watchdog import Watchdog
from ddfnet_ros.runtime.deghoster import Deghosted
from ddfnet_ros.runtime.pending import Pending
from ddfnet_ros.settings import NodeSettings


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

    def begin(self, delivery: Delivery, settings: NodeSettings) -> Callable[[], None] | None:
        """Begin to fuse one bracket; gives what publishes it, or None where nobody listens."""
        begun = time.monotonic()
        self.engine.latest = delivery.bracket
        self.outputs.relay(delivery.camera_info, delivery.bracket.reference)
        if not self.outputs.wanted:
            self.statistics.skip()
            return None
        self.statistics.doubt(exposure_mismatch(delivery.bracket))
        pending = self.engine.submit(delivery.bracket, settings)
        return partial(self._publish, _UnderWay(
            delivery, settings, pending, begun, submitted=time.monotonic()))

    def _publish(self, way: _UnderWay) -> None:
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
        self.statistics.fuse(
            (done - way.delivery.received_at) * 1e3, stage_ms, fused.clipping)
        processing_ms = (done - way.begun) * 1e3
        self.watchdog.note(processing_ms, way.settings)
        self.debug.publish(processing_ms, way.delivery.bracket.reference)

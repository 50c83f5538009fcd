# SPDX-License-Identifier: Apache-2.0
"""The lifecycle node: exposure brackets in, ghost-free HDR images out. Glue, no arithmetic."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.logging import get_logger

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.node import diagnostics
from ddfnet_ros.node.inputs import Inputs, Job
from ddfnet_ros.node.outputs import Outputs
from ddfnet_ros.node.parameters import LiveSettings
from ddfnet_ros.node.process import ros_process
from ddfnet_ros.node.worker import Worker
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.settings import NodeSettings

_NAME = 'fuse_node'
_PROBLEM_LOG_PERIOD = 10.0  # seconds between two lines about drops or silence
_WARM_UP_SIZE = (96, 128)


@dataclass(frozen=True)
class _Fusion:
    """Everything that lives from configure to cleanup."""

    deghoster: Deghoster
    statistics: diagnostics.Statistics
    inputs: Inputs
    outputs: Outputs


class FuseNode(LifecycleNode):
    """Fuses exposure brackets; its parameters are the fields of `NodeSettings`.

    Unconfigured it only has its parameters; inactive it has its weights loaded and warmed up;
    active it subscribes, fuses in a thread of its own and publishes.
    """

    def __init__(self, **options: Any) -> None:
        """Declare the parameters.

        Args:
            options: What `rclpy.node.Node` takes, such as parameter_overrides.

        Raises:
            ValueError: parameters of the wrong type, out of range, or that do not fit together.
        """
        super().__init__(_NAME, **options)
        self._settings = LiveSettings(self, NodeSettings)
        self._fusion: _Fusion | None = None
        self._worker: Worker[Job] | None = None
        self._problem = self._last_warning = ''
        self._before = diagnostics.Snapshot()
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        # Steady, because a paused bag stops the node's clock but must not silence the node.
        self.create_timer(self._settings.now.diagnostics_period, self._diagnose,
                          clock=Clock(clock_type=ClockType.STEADY_TIME))

    def start(self) -> None:
        """Configure and activate, unless the settings leave that to a lifecycle manager."""
        if (self._settings.now.autostart
                and self.trigger_configure() == TransitionCallbackReturn.SUCCESS
                and self.context.ok()):  # not interrupted meanwhile
            self.trigger_activate()

    def on_configure(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Load the weights, warm up, and make the publishers."""
        try:
            self._fusion = self._prepare(self._settings.now)
        except Exception as error:  # rclpy would swallow it without a word
            return self._report('configure', error)
        self._before = diagnostics.Snapshot()
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the worker, then subscribe."""
        if self._fusion is None:
            return TransitionCallbackReturn.ERROR
        self._worker = Worker(partial(self._fuse, self._fusion), self._on_failure)
        try:
            super().on_activate(state)
            self._fusion.inputs.subscribe()
        except Exception as error:  # rclpy would swallow it without a word
            self._stop()
            return self._report('activate', error)
        self._problem = ''
        deghoster = self._fusion.deghoster
        self.get_logger().info(f'fusing {", ".join(self._fusion.inputs.topics)} with '
                               f'{deghoster.model_name} on {deghoster.device}')
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe, and let the worker finish the bracket that it is at."""
        self._stop()
        super().on_deactivate(state)
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Free the weights and the publishers."""
        self._free()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything."""
        self._free()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, ready to be configured again."""
        self._free()
        return TransitionCallbackReturn.SUCCESS

    def destroy_node(self) -> None:
        """Free everything, then the node itself."""
        self._free()
        super().destroy_node()

    def _prepare(self, settings: NodeSettings) -> _Fusion:
        statistics = diagnostics.Statistics()
        inputs = Inputs(self, settings, statistics, self._submit)
        deghoster = Deghoster(settings)
        deghoster(_warm_up_bracket(settings))
        return _Fusion(deghoster, statistics, inputs, Outputs(self))

    def _report(self, transition: str, error: Exception) -> TransitionCallbackReturn:
        self._problem = f'cannot {transition}: {_one_line(error)}'
        self.get_logger().error(self._problem)
        return TransitionCallbackReturn.FAILURE

    def _submit(self, job: Job) -> None:
        if self._fusion and self._worker and self._worker.submit(job):
            self._fusion.statistics.drop('superseded')

    def _fuse(self, fusion: _Fusion, job: Job) -> None:
        """Fuse and publish one bracket; runs in the worker's thread."""
        fusion.deghoster.settings = self._settings.now
        deghosted = fusion.deghoster(job.bracket)
        fusion.outputs.publish(deghosted, job.camera_info)
        latency_ms = (time.monotonic() - job.received_at) * 1e3
        fusion.statistics.fuse(latency_ms, deghosted.stage_ms)

    def _on_failure(self, _job: Job, error: Exception) -> None:
        if self._fusion and self.context.ok():  # what fails during shutdown is no news
            self._fusion.statistics.drop('failed')
            self.get_logger().error(f'a bracket failed: {_one_line(error)}',
                                    throttle_duration_sec=_PROBLEM_LOG_PERIOD)

    def _stop(self) -> None:
        if self._fusion:
            self._fusion.inputs.unsubscribe()
        if self._worker:
            self._worker.stop()
            self._worker = None

    def _free(self) -> None:
        self._stop()
        if self._fusion:
            self._fusion.outputs.close()
            self._fusion = None

    def _diagnose(self) -> None:
        status = DiagnosticStatus(name=f'{self.get_fully_qualified_name()}: fusion')
        if self._problem:
            status.level, status.message = DiagnosticStatus.ERROR, self._problem
        elif self._fusion is None:
            status.level, status.message = DiagnosticStatus.OK, 'not configured'
        else:
            self._describe(self._fusion, status)
        array = DiagnosticArray(status=[status])
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(array)

    def _describe(self, fusion: _Fusion, status: DiagnosticStatus) -> None:
        now, before = fusion.statistics.snapshot(fusion.inputs.dropped), self._before
        self._before = now
        status.hardware_id = fusion.deghoster.device
        status.level, status.message = DiagnosticStatus.OK, 'inactive'
        if self._worker:
            status.level, status.message = diagnostics.judge(
                now, before, fusion.inputs.explain_silence)
            self._log(status.level, status.message)
        status.values = [
            *diagnostics.values_of(now, before),
            KeyValue(key='model', value=fusion.deghoster.model_name),
            KeyValue(key='device', value=fusion.deghoster.device),
        ]

    def _log(self, level: bytes, message: str) -> None:
        if level == DiagnosticStatus.WARN:
            if message != self._last_warning and self.get_logger().warning(
                    message, throttle_duration_sec=_PROBLEM_LOG_PERIOD):
                self._last_warning = message
        elif message != diagnostics.ALL_WELL:
            self.get_logger().info(message, once=True)


def _one_line(error: Exception) -> str:
    """What an error says, without line breaks and never nothing."""
    return ' '.join(str(error).split()) or type(error).__name__


def _warm_up_bracket(settings: NodeSettings) -> Bracket:
    """A small bracket of the configured exposures; also shows early that those make one."""
    times = settings.exposure_times or tuple(4.0**k for k in range(settings.size))
    pixels = np.zeros((*_WARM_UP_SIZE, 3), np.uint8)
    return Bracket.of((Frame(pixels=pixels, exposure_time=t) for t in times), settings.reference)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until it is interrupted; 2 where its parameters are no good."""
    with ros_process(arguments):
        try:
            node = FuseNode()
        except ValueError as error:
            get_logger(_NAME).fatal(str(error))
            return 2
        try:
            node.start()
            rclpy.spin(node)
        finally:
            node.destroy_node()
    return 0


if __name__ == '__main__':
    sys.exit(main())

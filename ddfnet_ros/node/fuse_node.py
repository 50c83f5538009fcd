# SPDX-License-Identifier: Apache-2.0
"""The lifecycle node: exposure brackets in, ghost-free HDR images out. Glue, no arithmetic."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import (
    LifecycleNode,
    LifecyclePublisher,
    LifecycleState,
    TransitionCallbackReturn,
)
from rclpy.logging import get_logger

from ddfnet_ros.node import dds, diagnostics, engine, usage
from ddfnet_ros.node.clock import ignore_invalid_clock
from ddfnet_ros.node.debug_topics import DebugTopics
from ddfnet_ros.node.fusion import Fusion, Order, start
from ddfnet_ros.node.inputs import Delivery, Inputs
from ddfnet_ros.node.models import SharedRuntime
from ddfnet_ros.node.outputs import Outputs
from ddfnet_ros.node.parameters import LiveSettings, unknown_overrides
from ddfnet_ros.node.process import ros_process
from ddfnet_ros.node.reporting import PROBLEM_LOG_PERIOD, Reporter, engine_values
from ddfnet_ros.node.services import Answer, RefusedError, Services
from ddfnet_ros.node.transitions import refuse_impossible
from ddfnet_ros.node.worker import BatchGroup, Worker
from ddfnet_ros.settings import NodeSettings

_NAME = 'fuse_node'


class FuseNode(LifecycleNode):
    """Fuses exposure brackets; its parameters are the fields of `NodeSettings`.

    Unconfigured, it only has its parameters; inactive, it has loaded and warmed up its model;
    active, it subscribes, fuses in a worker thread and publishes.
    """

    def __init__(self, runtime: SharedRuntime | None = None, **options: Any) -> None:
        """Declare the parameters.

        Args:
            runtime: Models and worker thread that cameras of one process share; None: its own.
            options: Other arguments of `rclpy.node.Node`, such as parameter_overrides.

        Raises:
            ValueError: parameters of the wrong type, out of range, or that contradict each other.
        """
        super().__init__(_NAME, **options)
        refuse_impossible(self)
        ignore_invalid_clock(self)
        self._runtime = runtime or SharedRuntime()
        self._fusion: Fusion | None = None
        self._worker: Worker[Order] | None = None
        self._problem = ''
        self._has_ended = False  # by the transition shutdown
        self._adviser = dds.LargeImageAdviser(self)
        self._previous = self._productive = diagnostics.Snapshot()
        try:
            self._settings = LiveSettings(
                self, NodeSettings, allow=self._check_model, changed=self._on_settings)
            self._reporter = Reporter(
                self, self._settings.now.diagnostics_period, self._statuses)
        except ValueError:
            super().destroy_node()  # other cameras of the process keep running
            raise
        Services(self, self._reset, self._save)
        if warning := unknown_overrides(self):
            self.get_logger().warning(warning)

    def start(self) -> None:
        """Configure and activate, unless `autostart` is false."""
        if (self._settings.now.autostart
                and self.trigger_configure() == TransitionCallbackReturn.SUCCESS
                and self.context.ok()):  # not interrupted meanwhile
            self.trigger_activate()

    def on_configure(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Load the weights, warm up, and create the publishers."""
        self.get_logger().info('loading the model; half a minute where it was never loaded before')
        try:
            self._fusion = self._create_fusion(self._settings.now)
        except Exception as error:  # rclpy would swallow it without a word
            self._free()
            return self._report_failure('configure', error)
        self._problem = ''
        self._previous = self._productive = diagnostics.Snapshot()
        if warning := dds.shared_memory_warning():
            self.get_logger().warning(warning)
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the worker, then subscribe."""
        if self._fusion is None:
            return TransitionCallbackReturn.ERROR
        self._fusion.watchdog.reset()
        self._fusion.debug.reset()
        try:
            self._worker = Worker(start, self._on_failure, self._runtime.thread,
                                  partial(self._batch_group, self._fusion))
            super().on_activate(state)
            self._fusion.inputs.subscribe()
        except Exception as error:  # rclpy would swallow it without a word
            self._stop()
            return self._report_failure('activate', error)
        self._problem, self._adviser = '', dds.LargeImageAdviser(self)
        self._productive = self._fusion.statistics.snapshot(self._fusion.inputs.dropped)
        self.get_logger().info(
            f'fusing {", ".join(self._fusion.inputs.topics)} with '
            f'{self._fusion.engine.model_name} on {self._fusion.engine.device}')
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe, and wait until the worker has finished its current bracket."""
        self._stop()
        super().on_deactivate(state)
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Free the weights and the publishers."""
        self._free()
        self._problem = ''
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, for good."""
        self._free()
        self._problem, self._has_ended = '', True
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, ready to be configured again."""
        self._free()
        return TransitionCallbackReturn.SUCCESS

    def destroy_node(self) -> None:
        """Free everything, then the node itself."""
        self._free()
        super().destroy_node()

    def _create_fusion(self, settings: NodeSettings) -> Fusion:
        statistics = diagnostics.Statistics()
        inputs = Inputs(self, settings, statistics, self._submit)
        loaded = engine.Engine(settings, self._runtime.models, self.get_logger())
        return Fusion(loaded, statistics, inputs, Outputs(self), DebugTopics(self))

    def _report_failure(self, transition: str, error: Exception) -> TransitionCallbackReturn:
        if self.context.ok():  # failures during shutdown are expected
            self._problem = (
                f'cannot {transition}: {diagnostics.one_line(error)}; correct that, then ros2 '
                f'lifecycle set {self.get_fully_qualified_name()} {transition}, or start anew')
            self.get_logger().error(self._problem)
        return TransitionCallbackReturn.FAILURE

    def _check_model(self, settings: NodeSettings) -> None:
        if self._fusion and settings.model != self._settings.now.model:
            engine.check(settings)

    def _on_settings(self, settings: NodeSettings, changed: Collection[str]) -> None:
        if self._fusion and 'model' in changed:
            self._fusion.engine.load(settings)

    def _submit(self, delivery: Delivery) -> None:
        if self._fusion and self._worker and self._worker.submit(
                Order(self._fusion, delivery, self._settings)):
            self._fusion.statistics.drop('superseded')

    def _batch_group(self, fusion: Fusion) -> BatchGroup | None:
        return fusion.batch_group(self._settings.now)

    def _on_failure(self, _order: Order, error: Exception) -> None:
        if self._fusion and self.context.ok():  # see _report_failure
            self._fusion.statistics.drop('failed')
            self.get_logger().error(f'a bracket failed: {diagnostics.one_line(error)}',
                                    throttle_duration_sec=PROBLEM_LOG_PERIOD)

    def _reset(self) -> str:
        fusion, _ = self._active()
        fusion.inputs.reset('asked for')
        return 'forgot what was half assembled'

    def _save(self, answer: Answer) -> None:
        fusion, worker = self._active()
        settings = self._settings.now
        if not settings.save_folder:
            raise RefusedError('expected a folder to save to, got none; set save_folder')
        worker.do(partial(fusion.saver.save_latest, fusion.engine, settings, answer))

    def _active(self) -> tuple[Fusion, Worker[Order]]:
        if not (self._fusion and self._worker):
            remedy = 'start the process anew' if self._has_ended else 'activate it'
            raise RefusedError(f'expected an active node, got one that is not; {remedy}')
        return self._fusion, self._worker

    def _stop(self) -> None:
        if self._fusion:
            self._fusion.inputs.unsubscribe()
        if self._worker:
            if self._worker.stop() and self._fusion:
                self._fusion.statistics.drop('superseded')
            self._worker = None

    def _free(self) -> None:
        """Free everything that on_configure created, also where it failed half way."""
        self._stop()
        if self._fusion:
            self._fusion.engine.close()
            self._fusion.saver.close()
            self._fusion = None
        for publisher in [p for p in self.publishers if isinstance(p, LifecyclePublisher)]:
            self.destroy_lifecycle_publisher(publisher)

    def _statuses(self) -> Iterator[DiagnosticStatus]:
        name = self.get_fully_qualified_name()
        status = DiagnosticStatus(name=f'{name}: fusion')
        if self._problem:
            status.level, status.message = DiagnosticStatus.ERROR, self._problem
        elif self._fusion is None:
            status.level = DiagnosticStatus.OK
            status.message = 'shut down' if self._has_ended else 'not configured'
        else:
            self._fill_fusion_status(self._fusion, status)
        yield status
        if self._fusion and self._worker:
            yield self._fusion.watchdog.status(
                f'{name}: processing_time_status', self._settings.now)

    def _fill_fusion_status(self, fusion: Fusion, status: DiagnosticStatus) -> None:
        now, before = fusion.statistics.snapshot(fusion.inputs.dropped), self._previous
        self._previous = now
        if now.brackets > self._productive.brackets:
            self._productive = now
        status.hardware_id = fusion.engine.device
        status.level, status.message = DiagnosticStatus.OK, 'inactive'
        if self._worker:
            fusion.inputs.update_reliability()
            status.level, status.message = diagnostics.judge(
                now, before, self._productive, fusion.inputs.explain_silence)
            self._reporter.log(status.level, status.message)
            latest = fusion.engine.latest  # None as long as losses let none be complete
            self._adviser.check(fusion.inputs.message_bytes, fusion.outputs.bytes_of(
                latest, self._settings.now.hdr_encoding) if latest else {})
        if fusion.engine.problem and status.level == DiagnosticStatus.OK:
            status.level, status.message = DiagnosticStatus.WARN, fusion.engine.problem
        status.values = [*diagnostics.values_of(now, before), *engine_values(fusion.engine)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until interrupted; return 2 if its arguments are invalid."""
    if usage.print_help_if_asked(arguments, 'fuse_node', __doc__):
        return 0
    if usage.print_invalid_arguments(arguments, _NAME):
        return 2
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

# SPDX-License-Identifier: Apache-2.0
"""Subscribes to images, exposure metadata and camera info, and assembles brackets."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from rclpy.clock import JumpHandle, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from ddfnet_ros.assembly import BracketAssembler
from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.metadata.camera_info import CameraInfos, camera_info_beside
from ddfnet_ros.node.approximate import ApproximateAssembler
from ddfnet_ros.node.diagnostics import Statistics
from ddfnet_ros.node.exposure import exposure_source
from ddfnet_ros.node.listening import Listener
from ddfnet_ros.node.messages import frame_from
from ddfnet_ros.node.topic_names import full_names
from ddfnet_ros.settings import NodeSettings, check_different

_NEVER = -(2**63)  # before every stamp [ns]
_CLOCK_LAG_NS = 50 * 10**6  # how far /clock, at 40 Hz, may lag behind the images
_SHARED_DEPTH = 100  # extra queue depth on a metadata topic that other nodes use as well
_SHOWN = 3  # topics listed in one message
_LOG_PERIOD = 2.0  # seconds between two lines about bad images


class Delivery(NamedTuple):
    """A complete bracket on its way to the worker.

    Attributes:
        bracket: The bracket.
        camera_info: Camera info with the stamp of the reference frame, else the latest one; None
            if none came.
        received_at: When the message that completed it came, a frame or the metadata that one
            lacked, by the monotonic clock [s].
        delivered_at: When that was decoded and the bracket complete, by the same clock [s].
    """

    bracket: Bracket
    camera_info: CameraInfo | None
    received_at: float
    delivered_at: float


class Inputs:
    """Subscribes, and turns messages into complete brackets.

    Attributes:
        topics: Fully resolved image topics.
        message_bytes: Size of the latest message, by image topic; only topics that had one.
    """

    def __init__(self, node: Node, settings: NodeSettings, statistics: Statistics,
                 deliver: Callable[[Delivery], None]) -> None:
        """Prepare everything, but do not subscribe yet.

        Args:
            node: Node that subscribes.
            settings: Settings of the node.
            statistics: Counts images and drops.
            deliver: Called with each complete bracket.

        Raises:
            ValueError: settings that no bracket can be assembled with, topic names that ROS
                refuses, or a package that the settings need and that is not installed.
        """
        self.topics = full_names(node, 'image_topics', settings.image_topics)
        check_different(self.topics)
        self.message_bytes: dict[str, int] = {}
        self._node, self._settings = node, settings
        self._statistics, self._deliver = statistics, deliver
        self._assembler = (
            ApproximateAssembler(settings) if settings.sync == 'approximate' else BracketAssembler(
                settings, stream_count=len(self.topics), reference=settings.reference))
        self._exposures = exposure_source(settings)
        if self._exposures:  # raises for bad names now, not in `subscribe`
            full_names(node, 'metadata_topics', self._exposures.topics)
        full_names(node, 'camera_info_topics', settings.camera_info_topics)
        self._camera_infos = CameraInfos(
            settings.camera_info_topics or [camera_info_beside(topic) for topic in self.topics],
            depth=4 * settings.size)
        self._logged: dict[str, str] = {}  # by topic: logged, and unchanged since
        self._latest_ns = self._jumped_to_ns = _NEVER
        self._listeners: list[Listener] = []
        self._clock_jumps: JumpHandle | None = None

    @property
    def dropped(self) -> Counter[str]:
        """Frames dropped before they were part of a complete bracket, by reason."""
        unmatched = self._exposures.dropped if self._exposures else Counter[str]()
        dropped = self._assembler.dropped + unmatched
        # In the node, 'superseded' counts whole brackets; the assembler means single frames.
        dropped['incomplete'] += dropped.pop('superseded', 0)
        return +dropped

    def subscribe(self) -> None:
        """Subscribe to all topics."""
        # Unresolved names: rcl would apply remappings a second time to resolved ones.
        for stream, topic in enumerate(self._settings.image_topics):
            msgtype = CompressedImage if self._is_compressed(self.topics[stream]) else Image
            self._listen(msgtype, topic, partial(self._on_image, stream))
        for topic in self._camera_infos.topics:
            self._listen(CameraInfo, topic, partial(self._camera_infos.add, topic))
        if self._exposures:
            extra = _SHARED_DEPTH if self._exposures.shared else 0
            for place, topic in enumerate(self._exposures.topics):
                self._listen(self._exposures.msgtype, topic, partial(self._on_metadata, place),
                             extra)
        self._clock_jumps = self._node.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1)),
            post_callback=self._on_clock_jump,
        )
        self._statistics.begin()

    def unsubscribe(self) -> None:
        """Unsubscribe and drop half-assembled brackets."""
        if self._clock_jumps is not None:
            self._clock_jumps.unregister()
            self._clock_jumps = None
        while self._listeners:
            self._listeners.pop().close()
        self.reset('deactivated')

    def reset(self, reason: str) -> None:
        """Drop half-assembled brackets; the reason is logged."""
        if self._exposures:
            self._exposures.reset()
        self._assembler.reset(reason)
        self._logged.clear()
        self._jumped_to_ns = _NEVER

    def update_reliability(self) -> None:
        """Match the reliability of the current publishers; call this periodically."""
        for listener in self._listeners:
            listener.update_reliability()

    def explain_silence(self) -> str:
        """Explain from the ROS graph why no images come."""
        for listener in self._listeners[:len(self.topics)]:
            topic, expected = listener.topic, _type_name(listener.msgtype)
            published = [i.topic_type for i in self._node.get_publishers_info_by_topic(topic)]
            if not published:
                return (f'no images: no publisher on {topic}{self._other_image_topics()}; check '
                        'image_topics and remappings')
            if expected not in published:
                return (f'no images: expected {expected} on {topic}, got {published[0]}; '
                        'set transport or image_topics')
        return ('no images, although there are publishers: nothing sent, or lost because too '
                'large for Fast DDS as it is (dds_profile)')

    def _other_image_topics(self) -> str:
        """Image topics in the graph that are not ours, as text for a message."""
        kinds = {_type_name(Image), _type_name(CompressedImage)}
        own = self._node.get_fully_qualified_name()
        found = sorted(name for name, types in self._node.get_topic_names_and_types()
                       if kinds & set(types) and not name.startswith(f'{own}/')
                       and name not in self.topics)
        return f' (there is {", ".join(found[:_SHOWN])})' if found else ''

    def _listen(self, msgtype: type[Any], topic: str, callback: Callable[[Any], None],
                extra_depth: int = 0) -> None:
        # Two brackets deep, so that a burst of all exposures fits; metadata and camera info come
        # as often as images.
        depth = 2 * self._settings.size + extra_depth
        self._listeners.append(Listener(self._node, msgtype, topic, callback, depth))

    def _is_compressed(self, topic: str) -> bool:
        if self._settings.transport != 'auto':
            return self._settings.transport == 'compressed'
        published = dict(self._node.get_topic_names_and_types()).get(topic, [])
        return topic.endswith('/compressed') or _type_name(CompressedImage) in published

    def _on_image(self, stream: int, message: Image | CompressedImage) -> None:
        received_at = time.monotonic()
        self._statistics.receive()
        self.message_bytes[self.topics[stream]] = len(message.data)
        settings = self._settings
        try:
            frame = frame_from(message, stream, settings.significant_bits,
                               settings.image_counter_field)
        except ValueError as error:
            self._drop_invalid(self.topics[stream], str(error))
            return
        frames = self._exposures.add_frame(frame) if self._exposures else [frame]
        self._assemble(frames, received_at)

    def _on_metadata(self, place: int, message: Any) -> None:
        received_at = time.monotonic()
        if not self._exposures:
            return
        topic, frames, complaint = self._exposures.topics[place], [], ''
        try:
            frames = self._exposures.add_metadata(place, message)
        except ValueError as error:  # its frame is counted when it comes
            complaint = str(error)
        if complaint := complaint or self._exposures.take_complaint():
            self._log_once(topic, complaint)
        self._assemble(frames, received_at)

    def _assemble(self, frames: list[Frame], received_at: float) -> None:
        for frame in frames:
            if frame.stamp_ns <= self._jumped_to_ns:
                self._assembler.reset('the clock went back')
                self._jumped_to_ns = _NEVER
            self._latest_ns = frame.stamp_ns
            try:
                brackets = self._assembler.add(frame)
            except ValueError as error:
                self._drop_invalid(self.topics[frame.stream], str(error))
                continue
            if complaint := self._assembler.take_complaint():
                self._log_once(self.topics[frame.stream], complaint)
            for bracket in brackets:
                self._logged.clear()
                camera_info = self._camera_infos.match(bracket.reference)
                self._deliver(Delivery(bracket, camera_info, received_at, time.monotonic()))

    def _drop_invalid(self, topic: str, text: str) -> None:
        self._statistics.drop('invalid')
        self._log_once(topic, text)

    def _log_once(self, topic: str, text: str) -> None:
        """Log a problem of a topic once until it changes; throttled, so perhaps later."""
        if text != self._logged.get(topic) and self._node.get_logger().warning(
                f'{topic}: {text}', throttle_duration_sec=_LOG_PERIOD):
            self._logged[topic] = text

    def _on_clock_jump(self, _jump: TimeJump) -> None:
        """Have the first frame after a jump back in time reset the assembler.

        Clock and images come on different topics, in any order: so the last images from before
        the jump can still complete their bracket, and frames from after it are kept.
        """
        horizon_ns = self._node.get_clock().now().nanoseconds + _CLOCK_LAG_NS
        self._jumped_to_ns = horizon_ns if self._latest_ns > horizon_ns else _NEVER


def _type_name(msgtype: type[Any]) -> str:
    """Name of a message type in the graph: `package/msg/Name`."""
    return f'{msgtype.__module__.split(".")[0]}/msg/{msgtype.__name__}'

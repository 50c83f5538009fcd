# SPDX-License-Identifier: Apache-2.0
"""What the node subscribes to, and how brackets come of it."""

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
_CLOCK_LAG_NS = 50 * 10**6  # of /clock, which ticks 40 times a second, behind the images
_SHARED_DEPTH = 100  # messages of other nodes, at once, on a topic that has our metadata too
_SHOWN = 3  # topics in one line
_LOG_PERIOD = 2.0  # seconds between two lines about bad images


class Delivery(NamedTuple):
    """A complete bracket on its way to the worker.

    Attributes:
        bracket: The frames.
        camera_info: Of the reference frame, by its stamp, else the latest; None where none came.
        received_at: Monotonic clock when its last member, or what that waited for, arrived [s].
        delivered_at: The same clock when that was decoded and the bracket complete [s].
    """

    bracket: Bracket
    camera_info: CameraInfo | None
    received_at: float
    delivered_at: float


class Inputs:
    """Subscriptions, and the road from a message to a complete bracket.

    Attributes:
        topics: Fully resolved image topics.
        message_bytes: By these topics, the data of the latest message; only where one came.
    """

    def __init__(self, node: Node, settings: NodeSettings, statistics: Statistics,
                 deliver: Callable[[Delivery], None]) -> None:
        """Prepare everything, but subscribe to nothing yet.

        Raises:
            ValueError: settings by which no bracket could ever be assembled, names that ROS
                refuses, or something that they need and that is not installed.
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
        if self._exposures:  # refused now, not when they are subscribed
            full_names(node, 'metadata_topics', self._exposures.topics)
        full_names(node, 'camera_info_topics', settings.camera_info_topics)  # likewise
        self._camera_infos = CameraInfos(
            settings.camera_info_topics or [camera_info_beside(topic) for topic in self.topics],
            depth=4 * settings.size)
        self._refusals: dict[str, str] = {}  # by topic; those that were told and still hold
        self._latest_ns = self._jumped_to_ns = _NEVER
        self._listeners: list[Listener] = []
        self._clock_jumps: JumpHandle | None = None

    @property
    def dropped(self) -> Counter[str]:
        """Frames dropped on the way, by reason."""
        waited = self._exposures.dropped if self._exposures else Counter[str]()
        dropped = self._assembler.dropped + waited
        # Here that word is of whole brackets, which came too fast; these are parts of one.
        dropped['incomplete'] += dropped.pop('superseded', 0)
        return +dropped

    def subscribe(self) -> None:
        """Start listening."""
        # By the names that were given: rcl applies remappings, and would once more to full ones.
        for stream, topic in enumerate(self._settings.image_topics):
            msgtype = CompressedImage if self._is_compressed(self.topics[stream]) else Image
            self._listen(msgtype, topic, partial(self._on_image, stream))
        for topic in self._camera_infos.topics:
            self._listen(CameraInfo, topic, partial(self._camera_infos.add, topic))
        if self._exposures:
            others = _SHARED_DEPTH if self._exposures.shared else 0
            for place, topic in enumerate(self._exposures.topics):
                self._listen(self._exposures.msgtype, topic, partial(self._on_metadata, place),
                             others)
        self._clock_jumps = self._node.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1)),
            post_callback=self._on_clock_jump,
        )
        self._statistics.begin()

    def unsubscribe(self) -> None:
        """Stop listening and forget what is half assembled."""
        if self._clock_jumps is not None:
            self._clock_jumps.unregister()
            self._clock_jumps = None
        while self._listeners:
            self._listeners.pop().close()
        self.reset('deactivated')

    def reset(self, reason: str) -> None:
        """Forget what is half assembled."""
        if self._exposures:
            self._exposures.reset()
        self._assembler.reset(reason)
        self._refusals.clear()
        self._jumped_to_ns = _NEVER

    def follow(self) -> None:
        """Be as reliable as those who publish now; to be called now and then."""
        for listener in self._listeners:
            listener.follow()

    def explain_silence(self) -> str:
        """Say why no images may have come, as far as the graph tells."""
        for listener in self._listeners[:len(self.topics)]:
            topic, expected = listener.topic, _name_of(listener.msgtype)
            published = [i.topic_type for i in self._node.get_publishers_info_by_topic(topic)]
            if not published:
                return (f'no images: no publisher on {topic}{self._others()}; check image_topics '
                        'and remappings')
            if expected not in published:
                return (f'no images: expected {expected} on {topic}, got {published[0]}; '
                        'set transport or image_topics')
        return ('no images, although there are publishers: nothing sent, or lost because too '
                'large for Fast DDS as it is (dds_profile)')

    def _others(self) -> str:
        """The image topics that there are instead."""
        kinds = {_name_of(Image), _name_of(CompressedImage)}
        own = self._node.get_fully_qualified_name()
        there = sorted(name for name, types in self._node.get_topic_names_and_types()
                       if kinds & set(types) and not name.startswith(f'{own}/')
                       and name not in self.topics)
        return f' (there is {", ".join(there[:_SHOWN])})' if there else ''

    def _listen(self, msgtype: type[Any], topic: str, callback: Callable[[Any], None],
                others: int = 0) -> None:
        # Two brackets deep, so that a burst of one topic per exposure fits; metadata and camera
        # info come as often as images.
        depth = 2 * self._settings.size + others
        self._listeners.append(Listener(self._node, msgtype, topic, callback, depth))

    def _is_compressed(self, topic: str) -> bool:
        if self._settings.transport != 'auto':
            return self._settings.transport == 'compressed'
        published = dict(self._node.get_topic_names_and_types()).get(topic, [])
        return topic.endswith('/compressed') or _name_of(CompressedImage) in published

    def _on_image(self, stream: int, message: Image | CompressedImage) -> None:
        arrived = time.monotonic()
        self._statistics.receive()
        self.message_bytes[self.topics[stream]] = len(message.data)
        settings = self._settings
        try:
            frame = frame_from(message, stream, settings.significant_bits,
                               settings.image_counter_field)
        except ValueError as error:
            self._refuse(self.topics[stream], str(error))
            return
        self._add(self._exposures.add_frame(frame) if self._exposures else [frame], arrived)

    def _on_metadata(self, place: int, message: Any) -> None:
        arrived = time.monotonic()
        if self._exposures:
            try:
                self._add(self._exposures.add_metadata(place, message), arrived)
            except ValueError as error:
                self._refuse(self._exposures.topics[place], str(error))

    def _add(self, frames: list[Frame], arrived: float) -> None:
        for frame in frames:
            if frame.stamp_ns <= self._jumped_to_ns:
                self._assembler.reset('the clock went back')
                self._jumped_to_ns = _NEVER
            self._latest_ns = frame.stamp_ns
            try:
                brackets = self._assembler.add(frame)
            except ValueError as error:
                self._refuse(self.topics[frame.stream], str(error))
                continue
            if complaint := self._assembler.take_complaint():
                self._tell(self.topics[frame.stream], complaint)
            for bracket in brackets:
                self._refusals.clear()
                camera_info = self._camera_infos.of(bracket.reference)
                self._deliver(Delivery(bracket, camera_info, arrived, time.monotonic()))

    def _refuse(self, topic: str, text: str) -> None:
        self._statistics.drop('invalid')
        self._tell(topic, text)

    def _tell(self, topic: str, text: str) -> None:
        """Log what is wrong, once until it changes; later where another line is too recent."""
        if text != self._refusals.get(topic) and self._node.get_logger().warning(
                f'{topic}: {text}', throttle_duration_sec=_LOG_PERIOD):
            self._refusals[topic] = text

    def _on_clock_jump(self, _jump: TimeJump) -> None:
        """Have the first frame of the new time start anew.

        Clock and images come on different topics, in any order: the last images of the old time
        still complete their bracket, and what is of the new time already stays.
        """
        horizon_ns = self._node.get_clock().now().nanoseconds + _CLOCK_LAG_NS
        self._jumped_to_ns = horizon_ns if self._latest_ns > horizon_ns else _NEVER


def _name_of(msgtype: type[Any]) -> str:
    """`package/msg/Name`, as the graph has it."""
    return f'{msgtype.__module__.split(".")[0]}/msg/{msgtype.__name__}'

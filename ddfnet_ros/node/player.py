# SPDX-License-Identifier: Apache-2.0
"""Plays a bag over DDS without `ros2 bag`: `python -m ddfnet_ros.node.player BAG`.

The recorded bytes are published unchanged, with headers and stamps, also when the bag starts over:
subscribers receive what `ros2 bag play --loop` would send.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import rclpy
import tyro
from rclpy.duration import Duration
from rclpy.exceptions import NameValidationException
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import QosDurability
from rosgraph_msgs.msg import Clock
from tqdm import tqdm

from ddfnet_ros.bags import BagError, BagReader, Message
from ddfnet_ros.command_line.parsing import parse
from ddfnet_ros.node.process import ros_process
from ddfnet_ros.node.usage import own_arguments

_CLOCK = '/clock'
_TICK = 0.02  # seconds between two messages on /clock
_SETTLE = 0.3  # seconds to discover subscribers of other topics, once the images have theirs
_FLUSH = 5.0  # seconds for reliable subscribers to receive the last messages
_DEPTH = 20


@dataclass(frozen=True, kw_only=True)
class Options:
    """Play a bag over DDS, with headers and stamps as they were recorded.

    For example `ddfnet play street.mcap --rate 0.5 --loop 0`; with `--clock`, nodes that have
    use_sim_time follow the time of the recording.
    """

    bag: tyro.conf.Positional[Path]
    """An .mcap, .db3 or ROS 1 .bag file, or a rosbag2 folder."""
    rate: Annotated[float, tyro.conf.arg(aliases=['-r'])] = 1.0
    """How much faster than it was recorded."""
    loop: Annotated[int, tyro.conf.arg(aliases=['-l'])] = 1
    """How often to play it; 0: until interrupted."""
    clock: bool = False
    """Publish the time of the recording on /clock."""
    topics: Annotated[tuple[str, ...], tyro.conf.arg(
        metavar='TOPIC...', help_behavior_hint='')] = ()
    """Topics to play; none: all."""
    wait: float = 10.0
    """How long to wait for somebody who listens to the images [s]."""
    subscribers: int = 1
    """How many must listen to each image topic before it starts."""

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise ValueError(f'rate: expected a positive number, got {self.rate}')
        if self.loop < 0:
            raise ValueError(f'loop: expected 0 (endless) or more, got {self.loop}')
        if not self.wait >= 0:
            raise ValueError(f'wait: expected 0 (not at all) or more, got {self.wait}')


class Player:
    """Publishes the messages of an open bag at the pace of their recording."""

    def __init__(self, node: Node, bag: BagReader, options: Options) -> None:
        self._node, self._bag, self._options = node, bag, options
        self._topics = self._choose_topics()
        self._count = bag.count(self._topics)
        self._publishers = {
            topic: publisher for topic in self._topics
            if (publisher := self._create_publisher(topic, bag.topics[topic])) is not None
        }
        self._logged: set[str] = set()  # topics with other message types that were logged
        self._clock = node.create_publisher(Clock, _CLOCK, 10) if options.clock else None

    def _choose_topics(self) -> tuple[str, ...]:
        """Topics to play; without a recorded /clock if we publish our own."""
        topics = self._options.topics or tuple(self._bag.topics)
        if not self._options.clock or _CLOCK not in topics:
            return topics
        self._node.get_logger().warning(
            f'{_CLOCK}: recorded, and asked for by --clock; the recorded one is left out')
        return tuple(topic for topic in topics if topic != _CLOCK)

    def wait_for_subscribers(self) -> None:
        """Wait until all image topics have enough subscribers, for `wait` seconds at most."""
        images = [topic for topic in self._publishers if topic in self._bag.image_topics]
        deadline = time.monotonic() + self._options.wait
        awaited = [topic for topic in images or self._publishers
                   if self._subscriber_count(topic) < self._options.subscribers]
        if awaited and self._options.wait:
            self._node.get_logger().info(f'waiting up to {self._options.wait:g} s for subscribers '
                                         f'of {", ".join(awaited)}; --wait 0 does not')
        for topic in images or self._publishers:
            while self._subscriber_count(topic) < self._options.subscribers and rclpy.ok():
                if time.monotonic() > deadline:
                    self._node.get_logger().warning(
                        f'{topic}: expected {self._options.subscribers} subscriber(s) within '
                        f'{self._options.wait:g} s, got {self._subscriber_count(topic)}; playing')
                    return
                time.sleep(_TICK)
        time.sleep(_SETTLE)

    def play(self) -> None:
        """Play all rounds, then wait until reliable subscribers have received everything."""
        rounds, total = self._options.loop, self._count * self._options.loop or None
        with tqdm(total=total, unit='msg', desc=self._options.bag.name,
                  disable=None) as bar:
            for _ in range(rounds) if rounds else count():
                if not self._count or not rclpy.ok():  # no message, no pause
                    return
                for message in self._paced_messages():
                    self._send(message)
                    bar.update()
                    if not rclpy.ok():
                        return
        for publisher in self._publishers.values():
            publisher.wait_for_all_acked(Duration(seconds=_FLUSH))

    def _paced_messages(self) -> Iterator[Message]:
        """Yield the messages of one round, each when it is due; publish /clock meanwhile."""
        begun, first_ns = time.monotonic(), None
        for message in self._bag.messages(self._topics):
            first_ns = message.stamp_ns if first_ns is None else first_ns
            due = begun + (message.stamp_ns - first_ns) * 1e-9 / self._options.rate
            while (ahead := due - time.monotonic()) > 0 and rclpy.ok():
                self._publish_clock(message.stamp_ns - int(ahead * self._options.rate * 1e9))
                time.sleep(min(ahead, _TICK))
            self._publish_clock(message.stamp_ns)
            yield message

    def _publish_clock(self, stamp_ns: int) -> None:
        if self._clock:
            tick = Clock()
            tick.clock.sec, tick.clock.nanosec = divmod(stamp_ns, 10**9)
            self._clock.publish(tick)

    def _send(self, message: Message) -> None:
        topic, publisher = message.topic, self._publishers.get(message.topic)
        if publisher and message.msgtype == self._bag.topics[topic]:
            publisher.publish(bytes(message.cdr))
        elif publisher and topic not in self._logged:
            self._logged.add(topic)
            self._node.get_logger().warning(f'{topic}: expected {self._bag.topics[topic]} in all '
                                            f'messages, got {message.msgtype} too; left out')

    def _subscriber_count(self, topic: str) -> int:
        return int(self._publishers[topic].get_subscription_count())

    def _create_publisher(self, topic: str, msgtype: str) -> Publisher | None:
        package, _, name = msgtype.split('/')
        try:
            cls: type[Any] = getattr(import_module(f'{package}.msg'), name)
        except (ImportError, AttributeError):
            self._node.get_logger().warning(
                f'{topic}: expected a message type that is installed, got {msgtype}; left out')
            return None
        try:
            return self._node.create_publisher(cls, topic, self._qos(topic))
        except NameValidationException:  # ROS 1 and other recorders allow more names
            self._node.get_logger().warning(
                f'{topic}: expected a name that ROS 2 allows, got another; left out')
            return None

    def _qos(self, topic: str) -> QoSProfile:
        """Reliable, so that subscribers of either kind match; transient local if recorded so."""
        latched = [qos for qos in self._bag.offered_qos(topic)
                   if qos.durability == QosDurability.TRANSIENT_LOCAL]
        return QoSProfile(
            reliability=ReliabilityPolicy.RELIABLE,
            depth=max([_DEPTH, *(qos.depth for qos in latched)]),
            durability=(DurabilityPolicy.TRANSIENT_LOCAL if latched
                        else DurabilityPolicy.VOLATILE))


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the bag; return 2 if the arguments or the bag are invalid."""
    arguments = list(sys.argv if arguments is None else arguments)
    try:
        options = parse(Options, 'ddfnet play', own_arguments(arguments))
    except ValueError as error:
        print(f'player: {error}', file=sys.stderr)
        return 2
    with ros_process(arguments):
        try:
            with BagReader(options.bag) as bag:
                player = Player(Node('player'), bag, options)
                player.wait_for_subscribers()
                player.play()
        except BagError as error:
            print(f'player: {error}', file=sys.stderr)
            return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())

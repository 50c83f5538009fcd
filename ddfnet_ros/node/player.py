# SPDX-License-Identifier: Apache-2.0
"""Plays a bag over DDS: `python -m ddfnet_ros.node.player BAG`. For where `ros2 bag` is not.

The recorded bytes are published as they are, headers and stamps included, also when the bag
starts over: whoever listens sees what `ros2 bag play --loop` would send.
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
from ddfnet_ros.node.usage import own_words

_CLOCK = '/clock'
_TICK = 0.02  # seconds between two messages on /clock
_SETTLE = 0.3  # seconds that discovery of the remaining topics takes once images have a listener
_FLUSH = 5.0  # seconds that reliable subscribers have to fetch the last messages
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
        self._topics = self._chosen()
        self._count = bag.count(self._topics)
        self._publishers = {
            topic: publisher for topic in self._topics
            if (publisher := self._publisher(topic, bag.topics[topic])) is not None
        }
        self._mixed: set[str] = set()  # topics of which that was told
        self._clock = node.create_publisher(Clock, _CLOCK, 10) if options.clock else None

    def _chosen(self) -> tuple[str, ...]:
        """What is played; not a recorded clock beside our own."""
        topics = self._options.topics or tuple(self._bag.topics)
        if not self._options.clock or _CLOCK not in topics:
            return topics
        self._node.get_logger().warning(
            f'{_CLOCK}: recorded, and asked for by --clock; the recorded one is left out')
        return tuple(topic for topic in topics if topic != _CLOCK)

    def wait_for_subscribers(self) -> None:
        """Wait until the images have listeners, or until nobody is likely to come."""
        images = [topic for topic in self._publishers if topic in self._bag.image_topics]
        deadline = time.monotonic() + self._options.wait
        awaited = [topic for topic in images or self._publishers
                   if self._subscribers(topic) < self._options.subscribers]
        if awaited and self._options.wait:
            self._node.get_logger().info(f'waiting up to {self._options.wait:g} s for subscribers '
                                         f'of {", ".join(awaited)}; --wait 0 does not')
        for topic in images or self._publishers:
            while self._subscribers(topic) < self._options.subscribers and rclpy.ok():
                if time.monotonic() > deadline:
                    self._node.get_logger().warning(
                        f'{topic}: expected {self._options.subscribers} subscriber(s) within '
                        f'{self._options.wait:g} s, got {self._subscribers(topic)}; playing')
                    return
                time.sleep(_TICK)
        time.sleep(_SETTLE)

    def play(self) -> None:
        """Play all rounds, then wait until reliable subscribers have everything."""
        rounds, total = self._options.loop, self._count * self._options.loop or None
        with tqdm(total=total, unit='msg', desc=self._options.bag.name,
                  disable=None) as bar:
            for _ in range(rounds) if rounds else count():
                if not self._count or not rclpy.ok():  # no message, no pause
                    return
                for message in self._paced():
                    self._send(message)
                    bar.update()
                    if not rclpy.ok():
                        return
        for publisher in self._publishers.values():
            publisher.wait_for_all_acked(Duration(seconds=_FLUSH))

    def _paced(self) -> Iterator[Message]:
        """Give each message of one round when it is due, and tick meanwhile."""
        begun, first_ns = time.monotonic(), None
        for message in self._bag.messages(self._topics):
            first_ns = message.stamp_ns if first_ns is None else first_ns
            due = begun + (message.stamp_ns - first_ns) * 1e-9 / self._options.rate
            while (ahead := due - time.monotonic()) > 0 and rclpy.ok():
                self._tick(message.stamp_ns - int(ahead * self._options.rate * 1e9))
                time.sleep(min(ahead, _TICK))
            self._tick(message.stamp_ns)
            yield message

    def _tick(self, stamp_ns: int) -> None:
        if self._clock:
            tick = Clock()
            tick.clock.sec, tick.clock.nanosec = divmod(stamp_ns, 10**9)
            self._clock.publish(tick)

    def _send(self, message: Message) -> None:
        topic, publisher = message.topic, self._publishers.get(message.topic)
        if publisher and message.msgtype == self._bag.topics[topic]:
            publisher.publish(bytes(message.cdr))
        elif publisher and topic not in self._mixed:
            self._mixed.add(topic)
            self._node.get_logger().warning(f'{topic}: expected {self._bag.topics[topic]} in all '
                                            f'messages, got {message.msgtype} too; left out')

    def _subscribers(self, topic: str) -> int:
        return int(self._publishers[topic].get_subscription_count())

    def _publisher(self, topic: str, msgtype: str) -> Publisher | None:
        package, _, name = msgtype.split('/')
        try:
            cls: type[Any] = getattr(import_module(f'{package}.msg'), name)
        except (ImportError, AttributeError):
            self._node.get_logger().warning(
                f'{topic}: expected a message type that is installed, got {msgtype}; left out')
            return None
        try:
            return self._node.create_publisher(cls, topic, self._qos(topic))
        except NameValidationException:  # ROS 1 and other recorders allow more
            self._node.get_logger().warning(
                f'{topic}: expected a name that ROS 2 allows, got another; left out')
            return None

    def _qos(self, topic: str) -> QoSProfile:
        """Reliable, so that subscribers of either kind match; durable where that was recorded."""
        latched = [qos for qos in self._bag.offered(topic)
                   if qos.durability == QosDurability.TRANSIENT_LOCAL]
        return QoSProfile(
            reliability=ReliabilityPolicy.RELIABLE,
            depth=max([_DEPTH, *(qos.depth for qos in latched)]),
            durability=(DurabilityPolicy.TRANSIENT_LOCAL if latched
                        else DurabilityPolicy.VOLATILE))


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the bag; 2 where the arguments or the bag are no good."""
    arguments = list(sys.argv if arguments is None else arguments)
    try:
        options = parse(Options, 'ddfnet play', own_words(arguments))
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

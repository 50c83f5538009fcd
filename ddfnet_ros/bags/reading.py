# SPDX-License-Identifier: Apache-2.0
"""BagReader: read messages of any bag as CDR bytes, or as objects of their type."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple

from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection, Qos
from rosbags.rosbag2 import Reader as Rosbag2

from ddfnet_ros.bags.types import (
    TYPES,
    BagTypes,
    Topic,
    drop_empty_definition,
    has_fields,
    offered_qos,
)

IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
CAMERA_INFO_TYPE = 'sensor_msgs/msg/CameraInfo'
_READ_BY_FIELD = (*IMAGE_TYPES, CAMERA_INFO_TYPE, 'diagnostic_msgs/msg/DiagnosticArray')

# Damaged files cause errors of rosbags, SQLite, decompressors and, if a length is damaged, of
# memory and arithmetic. They have no other common base class.
_DAMAGED = Exception
_LONGEST = 300  # characters of their text in our message
_SUFFIXES = ('.mcap', '.db3', '.bag')


class BagError(ValueError):
    """A bag, or a message in it, is not what it should be."""


class Message(NamedTuple):
    """One message of a bag.

    Attributes:
        topic: Topic name with its leading slash.
        msgtype: Message type as `package/msg/Name`.
        stamp_ns: Recording time [ns].
        cdr: ROS 2 serialisation; ROS 1 messages are converted.
    """

    topic: str
    msgtype: str
    stamp_ns: int
    cdr: bytes | memoryview


class _Rosbag2(Rosbag2):
    """A rosbag2 reader that treats an empty type definition as missing, unlike rosbags."""

    @property
    def connections(self) -> list[Connection]:
        """Connections of all topics, with their type definitions."""
        return [drop_empty_definition(connection) for connection in super().connections]


class BagReader:
    """Context manager for one bag: an .mcap, .db3 or .bag file, or a rosbag2 folder.

    Attributes:
        topics: Message type by topic name, in alphabetical order.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self.topics: dict[str, str] = {}

    def __enter__(self) -> BagReader:
        if not self._path.exists():
            raise BagError(f'{self._path}: expected a bag, got no such file; check the path')
        if not may_be_bag(self._path):
            what = 'a folder without metadata.yaml' if self._path.is_dir() else 'another file'
            raise BagError(f'{self._path}: expected a bag, got {what}; name an .mcap, .db3 or '
                           '.bag file, or a rosbag2 folder')
        try:
            self._reader = AnyReader([self._path], default_typestore=TYPES)
            if self._reader.is2:
                self._reader.readers = [_Rosbag2(self._path)]
            self._reader.open()
        except _DAMAGED as error:
            raise self._damage_error(error) from error
        self._types = BagTypes(self._reader.typestore, self._reader.is2)
        self.topics = {
            c.topic: c.msgtype for c in sorted(self._reader.connections, key=lambda c: c.topic)
        }
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    @property
    def image_topics(self) -> tuple[str, ...]:
        """The topics with raw or compressed images."""
        return tuple(name for name, kind in self.topics.items() if kind in IMAGE_TYPES)

    @property
    def span_ns(self) -> tuple[int, int]:
        """Recording times of the first and the last message [ns]; (0, 0) without messages."""
        if not self._reader.message_count:
            return 0, 0
        return self._reader.start_time, self._reader.end_time - 1

    def describe_topics(self) -> list[Topic]:
        """Return what the bag tells about each topic, in alphabetical order.

        Raises:
            BagError: a type contains other types that the bag does not define.
        """
        found: dict[tuple[str, str], list[Connection]] = {}
        for connection in self._reader.connections:
            found.setdefault((connection.topic, connection.msgtype), []).append(connection)
        try:
            return [self._types.topic(*key, found[key]) for key in sorted(found)]
        except _DAMAGED as error:
            raise self._damage_error(error) from error

    def offered_qos(self, topic: str) -> list[Qos]:
        """Return the QoS that the publishers of a topic offered, as far as it was recorded."""
        return [qos for c in self._connections([topic]) for qos in offered_qos(c)]

    def count(self, topics: Collection[str] = ()) -> int:
        """Return the number of messages on these topics (empty: on all)."""
        return sum(connection.msgcount for connection in self._connections(topics))

    def messages(self, topics: Collection[str] = ()) -> Iterator[Message]:
        """Yield the messages of these topics (empty: of all) in order of recording time."""
        for source, stamp_ns, raw in self._raw_messages(self._connections(topics)):
            yield Message(source.topic, source.msgtype, stamp_ns, self._to_cdr(source, raw))

    def deserialise(self, message: Message) -> Any:
        """Deserialise a message of this bag to an object of its type.

        Raises:
            BagError: the bytes do not fit the type, the bag does not define the type, a type that
                is used here lacks fields of ROS 2's, or the type is not the topic's.
        """
        if message.msgtype != self.topics[message.topic]:
            raise BagError(f'{self._path}: expected {self.topics[message.topic]} on '
                           f'{message.topic}, got {message.msgtype} too; record one of them under '
                           'another name')
        types = self._types.store_for(message.msgtype)
        if message.msgtype not in types.fielddefs:
            raise BagError(f'{self._path}: expected a definition of {message.msgtype}, got none; '
                           'convert the bag where its package is installed (ros2 bag convert)')
        if message.msgtype in _READ_BY_FIELD and not has_fields(types, message.msgtype):
            raise BagError(f'{self._path}: expected {message.msgtype} with the fields of ROS 2, '
                           'got others; record or copy it again')
        try:
            return types.deserialize_cdr(message.cdr, message.msgtype)
        except _DAMAGED as error:
            raise self._damage_error(error) from error

    def _connections(self, topics: Collection[str]) -> list[Connection]:
        if missing := sorted(set(topics) - set(self.topics)):
            raise BagError(f'{self._path}: expected topic {missing[0]}, got {self._topic_list()}')
        return [c for c in self._reader.connections if not topics or c.topic in topics]

    def _raw_messages(
        self, connections: list[Connection]
    ) -> Iterator[tuple[Connection, int, bytes]]:
        if not connections:  # for rosbags, no connection means all of them
            return
        try:
            yield from self._reader.messages(connections)
        except _DAMAGED as error:
            raise self._damage_error(error) from error

    def _to_cdr(self, connection: Connection, raw: bytes) -> bytes | memoryview:
        if self._reader.is2:
            return raw
        try:
            return self._types.ros2.ros1_to_cdr(raw, connection.msgtype)
        except _DAMAGED as error:
            raise self._damage_error(error) from error

    def _damage_error(self, error: BaseException) -> BagError:
        mcap = self._path.suffix == '.mcap' or any(self._path.glob('*.mcap'))
        return BagError(f'{self._path}: expected a complete rosbag2 or ROS 1 bag, got: '
                        f'{shorten(str(error), _LONGEST) or type(error).__name__}; record or '
                        f'copy it again{", or try mcap recover" if mcap else ""}')

    def _topic_list(self) -> str:
        return ', '.join(f'{name} ({kind})' for name, kind in self.topics.items()) or 'no topics'


def name_of(path: Path) -> str:
    """Return the name of a bag: a file's without its suffix, a folder's in full with its dots."""
    whole = path.absolute()
    return whole.name if path.is_dir() else whole.stem


def may_be_bag(path: Path) -> bool:
    """Whether a path is that of a bag, by its name and, if it is a folder, by its files."""
    return (path / 'metadata.yaml').is_file() if path.is_dir() else path.suffix in _SUFFIXES

# SPDX-License-Identifier: Apache-2.0
"""Bags in and out without a ROS install: rosbag2 (mcap, sqlite3) and ROS 1, through rosbags.

Reading gives every message as CDR, whatever the bag, or images as Frames with the exposure that
the bag's metadata topic tells. Writing makes one .mcap file that `ros2 bag play` takes.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.interfaces import Connection
from rosbags.rosbag1 import ReaderError as Ros1ReaderError
from rosbags.rosbag2 import ReaderError, StoragePlugin, Writer
from rosbags.rosbag2.enums import CompressionFormat, CompressionMode
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, TypesysError, get_typestore
from rosbags.typesys.store import Typestore

from ddfnet_ros.bracket import Frame
from ddfnet_ros.encodings import pixels_of

IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
METADATA_TYPE = 'diagnostic_msgs/msg/DiagnosticArray'
TYPES = get_typestore(Stores.ROS2_JAZZY)

# What rosbags raises over damaged files: its own errors, and those of the parsers beneath it.
_DAMAGED = (AnyReaderError, ReaderError, Ros1ReaderError, SerdeError, TypesysError, struct.error,
            OSError, TypeError, ValueError, LookupError, AssertionError, RuntimeError)
_SEQUENCE_KEYS = ('FrameCounter', 'FrameSequence', 'SequenceId', 'frame_counter', 'sequence')


class BagError(ValueError):
    """A bag, or a message in it, is not what it should be."""


class Message(NamedTuple):
    """One message of a bag.

    Attributes:
        topic: Name, with its leading slash.
        msgtype: `package/msg/Name`.
        stamp_ns: When it was recorded [ns].
        cdr: Its ROS 2 serialisation; ROS 1 messages are converted.
    """

    topic: str
    msgtype: str
    stamp_ns: int
    cdr: bytes | memoryview


@dataclass(frozen=True)
class FrameMetadata:
    """What a camera says of one frame.

    Attributes:
        exposure_time: Seconds.
        gain: Analogue times digital gain, linear.
        sequence_id: The camera's counter, where it sends one.
    """

    exposure_time: float
    gain: float = 1.0
    sequence_id: int | None = None

    @classmethod
    def of_controls(cls, controls: Mapping[str, str]) -> FrameMetadata | None:
        """Read libcamera's control names, as camera_ros writes them into a DiagnosticArray.

        Args:
            controls: `ExposureTime` [us], and where present `AnalogueGain`, `DigitalGain`
                [linear] and a frame counter.

        Returns:
            None where there is no `ExposureTime`: another node's diagnostics.

        Raises:
            ValueError: a value is not a number, or not positive.
        """
        if 'ExposureTime' not in controls:
            return None
        time = _positive(controls, 'ExposureTime') * 1e-6
        gain = _positive(controls, 'AnalogueGain') * _positive(controls, 'DigitalGain')
        counter = next((controls[key] for key in _SEQUENCE_KEYS if key in controls), None)
        return cls(time, gain, None if counter is None else int(counter))


def _positive(controls: Mapping[str, str], key: str) -> float:
    text = controls.get(key, '1')
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float('inf'):
        raise ValueError(f'{key}: expected a positive number, got {text!r}; check the camera')
    return value


class BagReader:
    """Context manager over one bag: an .mcap, .db3 or .bag file, or a rosbag2 folder.

    Attributes:
        topics: Topic name to message type, in alphabetical order.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self.topics: dict[str, str] = {}

    def __enter__(self) -> BagReader:
        if not self._path.exists():
            raise BagError(f'{self._path}: expected a bag, got no such file; check the path')
        try:
            self._reader = AnyReader([self._path], default_typestore=TYPES)
            self._reader.open()
        except _DAMAGED as error:
            raise self._damaged(error) from error
        self._ros2_types = _without_sequence_numbers(self._reader.typestore)
        self.topics = {
            c.topic: c.msgtype for c in sorted(self._reader.connections, key=lambda c: c.topic)
        }
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    @property
    def image_topics(self) -> tuple[str, ...]:
        """The topics with images, raw or compressed."""
        return tuple(name for name, kind in self.topics.items() if kind in IMAGE_TYPES)

    def count(self, topics: Collection[str] = ()) -> int:
        """How many messages these topics (empty: all) have."""
        return sum(connection.msgcount for connection in self._connections(topics))

    def messages(self, topics: Collection[str] = ()) -> Iterator[Message]:
        """Give the messages of these topics (empty: of all) in the order of their recording."""
        for source, stamp_ns, raw in self._raw(self._connections(topics)):
            yield Message(source.topic, source.msgtype, stamp_ns, self._cdr(source, raw))

    def frames(self, image_topics: Collection[str] = ()) -> Iterator[Frame]:
        """Give the images of these topics (empty: of all) as Frames, in order of recording.

        A frame has the exposure of the metadata message with its own stamp, and none where the
        bag has no such message. Its stream is the place of its topic in `image_topics`.

        Raises:
            BagError: no such topic, no image topic at all, or an image that cannot be decoded.
        """
        names = tuple(image_topics) or self.image_topics
        if not names:
            raise BagError(f'{self._path}: expected an image topic, got {self._topic_list()}')
        metadata = self._metadata()
        for connection, _, raw in self._raw(self._connections(names)):
            message: Any = self._deserialised(connection, raw)
            stamp_ns = _stamp_ns(message)
            known = metadata.get(stamp_ns)
            try:
                yield Frame(
                    pixels=pixels_of(message), stamp_ns=stamp_ns,
                    exposure_time=known.exposure_time if known else None,
                    gain=known.gain if known else 1.0,
                    sequence_id=known.sequence_id if known else None,
                    stream=names.index(connection.topic), frame_id=message.header.frame_id,
                )
            except ValueError as error:
                raise BagError(f'{self._path}: {connection.topic} at {stamp_ns} ns: '
                               f'{error}') from error

    def _metadata(self) -> dict[int, FrameMetadata]:
        """What the bag tells of each image, by the stamp that both share."""
        told = {}
        for connection, _, raw in self._raw(
            [c for c in self._reader.connections if c.msgtype == METADATA_TYPE]
        ):
            message: Any = self._deserialised(connection, raw)
            controls = {v.key: v.value for status in message.status for v in status.values}
            try:
                known = FrameMetadata.of_controls(controls)
            except ValueError as error:
                raise BagError(f'{self._path}: {connection.topic}: {error}') from error
            if known:
                told[_stamp_ns(message)] = known
        return told

    def _connections(self, topics: Collection[str]) -> list[Connection]:
        if missing := sorted(set(topics) - set(self.topics)):
            raise BagError(f'{self._path}: expected topic {missing[0]}, got {self._topic_list()}')
        return [c for c in self._reader.connections if not topics or c.topic in topics]

    def _raw(self, connections: list[Connection]) -> Iterator[tuple[Connection, int, bytes]]:
        if not connections:  # for rosbags, no connection means all of them
            return
        try:
            yield from self._reader.messages(connections)
        except _DAMAGED as error:
            raise self._damaged(error) from error

    def _cdr(self, connection: Connection, raw: bytes) -> bytes | memoryview:
        if self._reader.is2:
            return raw
        try:
            return self._ros2_types.ros1_to_cdr(raw, connection.msgtype)
        except _DAMAGED as error:
            raise self._damaged(error) from error

    def _deserialised(self, connection: Connection, raw: bytes) -> object:
        try:
            return self._reader.deserialize(raw, connection.msgtype)
        except _DAMAGED as error:
            raise self._damaged(error) from error

    def _damaged(self, error: BaseException) -> BagError:
        return BagError(f'{self._path}: expected a complete rosbag2 or ROS 1 bag, got: '
                        f'{str(error) or type(error).__name__}; record or copy it again')

    def _topic_list(self) -> str:
        return ', '.join(f'{name} ({kind})' for name, kind in self.topics.items()) or 'no topics'


class BagWriter:
    """Context manager that writes one .mcap file, replacing an older one only when complete."""

    def __init__(self, path: Path | str, compress: bool = False) -> None:
        self._path = Path(path)
        self._compress = compress
        self._connections: dict[tuple[str, str], Connection] = {}
        if self._path.suffix != '.mcap':
            raise BagError(f'{self._path}: expected a name that ends in .mcap; choose another')

    def __enter__(self) -> BagWriter:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(dir=self._path.parent, prefix='.bag-')
        # rosbags writes a folder with the file and its metadata.yaml; the file alone holds all.
        self._writer = Writer(Path(self._folder.name) / 'bag', version=9,
                              storage_plugin=StoragePlugin.MCAP)
        if self._compress:
            self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        self._writer.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        with self._folder:
            self._writer.__exit__(kind, error, trace)
            if kind is None:
                os.replace(Path(self._folder.name) / 'bag' / 'bag.mcap', self._path)

    def write(self, topic: str, message: Any, stamp_ns: int) -> None:
        """Add a message object of `TYPES`, recorded at `stamp_ns`."""
        msgtype = message.__msgtype__
        self.write_cdr(Message(topic, msgtype, stamp_ns, TYPES.serialize_cdr(message, msgtype)))

    def write_cdr(self, message: Message) -> None:
        """Add a message as it came over the wire.

        Raises:
            BagError: its type is not among ROS 2's common messages.
        """
        key = message.topic, message.msgtype
        if key not in self._connections:
            try:
                self._connections[key] = self._writer.add_connection(*key, typestore=TYPES)
            except (TypesysError, LookupError) as error:
                raise BagError(f'{message.topic}: expected a common message type, got '
                               f'{message.msgtype}; leave the topic out') from error
        self._writer.write(self._connections[key], message.stamp_ns, message.cdr)


def _without_sequence_numbers(types: Typestore) -> Typestore:
    """The types of a bag with ROS 2's Header: ROS 1's has a sequence number in front."""
    header = 'std_msgs/msg/Header'
    ros2 = get_typestore(Stores.EMPTY)
    ros2.register({**types.fielddefs, header: TYPES.fielddefs[header]})
    return ros2


def _stamp_ns(message: Any) -> int:
    return int(message.header.stamp.sec) * 10**9 + int(message.header.stamp.nanosec)

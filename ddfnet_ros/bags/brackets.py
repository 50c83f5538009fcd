# SPDX-License-Identifier: Apache-2.0
"""From a bag's messages to complete brackets: the node's road, without the node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ddfnet_ros.assembly import BracketAssembler
from ddfnet_ros.bags.reading import (
    CAMERA_INFO_TYPE,
    IMAGE_TYPES,
    BagError,
    BagReader,
    Message,
)
from ddfnet_ros.bracket import Bracket, Frame, exposure_mismatch
from ddfnet_ros.encodings import pixels_of
from ddfnet_ros.metadata import MetadataJoiner, source_of
from ddfnet_ros.metadata.camera_info import CameraInfos, camera_info_beside
from ddfnet_ros.metadata.frames import frame_of
from ddfnet_ros.settings import NodeSettings, check_different


class Found(NamedTuple):
    """A complete bracket.

    Attributes:
        bracket: The frames.
        camera_info: With the stamp of the reference frame, else the latest of its topic; None
            where none came.
        stamp_ns: When the message that completed it was recorded [ns].
    """

    bracket: Bracket
    camera_info: Any
    stamp_ns: int


class BracketFinder:
    """Gives the brackets of an open bag, in order.

    Attributes:
        image_topics: Full names, one per stream.
        complaints: The first problem of each topic, for people.
    """

    def __init__(self, path: Path, bag: BagReader, settings: NodeSettings) -> None:
        """Find the topics.

        Raises:
            BagError: topics that are not there or not of the right type.
            ValueError: settings by which no bracket could ever be assembled.
        """
        self._path, self._bag, self._settings = path, bag, settings
        self.image_topics = tuple(map(absolute, settings.image_topics))
        check_different(self.image_topics)
        self._require(self.image_topics, IMAGE_TYPES)
        self._camera_infos = CameraInfos(self._camera_info_topics(), depth=4 * settings.size)
        self._metadata = self._metadata_topics()
        source = source_of(settings)
        self._joiner = MetadataJoiner(settings, source) if source else None
        self._assembler = BracketAssembler(
            settings, stream_count=len(self.image_topics), reference=settings.reference)
        self._refused: Counter[str] = Counter()
        self.complaints: dict[str, str] = {}

    @property
    def dropped(self) -> Counter[str]:
        """Frames dropped on the way, by reason."""
        joining = self._joiner.dropped if self._joiner else Counter()
        return self._assembler.dropped + joining + self._refused

    def find(self, seen: Callable[[], object] = lambda: None) -> Iterator[Found]:
        """Read the bag to its end; calls `seen` with each image.

        Raises:
            BagError: damaged, or nothing tells where frames stand in the cycle.
        """
        topics = [*self.image_topics, *self._metadata, *self._camera_infos.topics]
        for message in self._bag.messages(topics):
            if message.topic in self.image_topics:
                seen()
            for frame in self._frames(message):
                yield from self._add(frame, message)
        if self._joiner:
            self._joiner.reset()
        self._assembler.reset('the bag is over')

    def refuse(self, found: Found, error: Exception) -> None:
        """Count the frames of a bracket that could not be fused."""
        self._refused['failed'] += len(found.bracket.frames)
        topic = self.image_topics[found.bracket.reference.stream]
        self.complaints.setdefault(topic, str(error))

    def _frames(self, message: Message) -> list[Frame]:
        """The frames that a message completes, if it is about frames."""
        try:
            content = self._bag.deserialised(message)
            if message.topic in self._camera_infos.topics:
                self._camera_infos.add(message.topic, content)
                return []
            if message.topic in self._metadata and self._joiner:
                return [frame for place in self._places(self._joiner, message.topic)
                        for frame in self._joiner.add_metadata(place, content)]
            frame = frame_of(content, pixels_of(content, self._settings.significant_bits),
                             self.image_topics.index(message.topic),
                             self._settings.image_counter_field)
            return self._joiner.add_frame(frame) if self._joiner else [frame]
        except ValueError as error:
            self._refused['invalid'] += 1
            text = str(error).removeprefix(f'{self._path}: ')
            self.complaints.setdefault(message.topic, text)
            return []

    def _places(self, joiner: MetadataJoiner, topic: str) -> list[int]:
        """Where a metadata topic stands in the settings; one that they do not name is the first.

        It may be that of several image topics.
        """
        if len(joiner.topics) == 1:
            return [0]
        return [place for place, name in enumerate(self._metadata) if name == topic]

    def _add(self, frame: Frame, message: Message) -> Iterator[Found]:
        try:
            brackets = self._assembler.add(frame)
        except ValueError as error:
            raise BagError(f'{self._path}: {error}') from error
        if complaint := self._assembler.take_complaint():
            self.complaints.setdefault(self.image_topics[frame.stream], complaint)
        for bracket in brackets:
            if mismatch := exposure_mismatch(bracket):
                self.complaints.setdefault(self.image_topics[frame.stream], mismatch)
            yield Found(bracket, self._camera_infos.of(bracket.reference), message.stamp_ns)

    def _require(self, topics: tuple[str, ...], types: tuple[str, ...]) -> None:
        for topic in topics:
            if (got := self._bag.topics.get(topic)) not in types:
                there = ', '.join(name for name, kind in self._bag.topics.items() if kind in types)
                raise BagError(f'{self._path}: expected {topic} with {" or ".join(types)}, got '
                               f'{got or "no such topic"}; there are: {there or "none"}')

    def _metadata_topics(self) -> tuple[str, ...]:
        """Those that the settings name, or else all of the source's type."""
        if (source := source_of(self._settings)) is None:
            return ()
        topics = tuple(map(absolute, self._settings.metadata_topics)) or tuple(
            name for name, kind in self._bag.topics.items() if kind == source.msgtype)
        if not topics:
            raise BagError(f'{self._path}: expected a topic with {source.msgtype} for '
                           f'exposure_source {self._settings.exposure_source}, got none; set '
                           'another source, or exposure_times')
        self._require(topics, (source.msgtype,))
        return topics

    def _camera_info_topics(self) -> tuple[str, ...]:
        """One per image topic: named by the settings, or beside the images where there is one."""
        given = tuple(map(absolute, self._settings.camera_info_topics))
        self._require(given, (CAMERA_INFO_TYPE,))
        beside = tuple(map(camera_info_beside, self.image_topics))
        there = all(self._bag.topics.get(topic) == CAMERA_INFO_TYPE for topic in beside)
        return given or (beside if there else ())


def absolute(topic: str) -> str:
    """The full name of a topic, which is given without its slash or with it."""
    return topic if topic.startswith('/') else f'/{topic}'

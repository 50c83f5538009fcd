# SPDX-License-Identifier: Apache-2.0
"""Assemble complete brackets from a bag's messages, in the same way as the node."""

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
        bracket: The bracket.
        camera_info: CameraInfo with the stamp of the reference frame, else the latest of its
            topic; None if none came.
        stamp_ns: Recording time of the message that completed the bracket [ns].
    """

    bracket: Bracket
    camera_info: Any
    stamp_ns: int


class BracketFinder:
    """Finds the brackets of an open bag, in order.

    Attributes:
        image_topics: Full topic names, one per stream.
        complaints: The first problem of each topic, as text for users.
    """

    def __init__(self, path: Path, bag: BagReader, settings: NodeSettings) -> None:
        """Find the topics.

        Raises:
            BagError: a topic is missing or has the wrong type.
            ValueError: no bracket could ever be assembled with these settings.
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
        self._own_drops: Counter[str] = Counter()
        self.complaints: dict[str, str] = {}

    @property
    def dropped(self) -> Counter[str]:
        """Number of dropped frames by reason."""
        joining = self._joiner.dropped if self._joiner else Counter()
        return self._assembler.dropped + joining + self._own_drops

    def find(self, on_image: Callable[[], object] = lambda: None) -> Iterator[Found]:
        """Read the bag to its end; calls `on_image` for each image.

        Raises:
            BagError: the bag is damaged, or the places of frames in the cycle are unknown.
        """
        topics = [*self.image_topics, *self._metadata, *self._camera_infos.topics]
        for message in self._bag.messages(topics):
            if message.topic in self.image_topics:
                on_image()
            for frame in self._frames_completed_by(message):
                yield from self._add(frame, message)
        if self._joiner:
            self._joiner.reset()
        self._assembler.reset('the bag is over')

    def refuse(self, found: Found, error: Exception) -> None:
        """Count the frames of a bracket that could not be fused."""
        self._own_drops['failed'] += len(found.bracket.frames)
        topic = self.image_topics[found.bracket.reference.stream]
        self.complaints.setdefault(topic, str(error))

    def _frames_completed_by(self, message: Message) -> list[Frame]:
        """Return the frames that are complete, with their exposure, once this message is read."""
        try:
            content = self._bag.deserialise(message)
            if message.topic in self._camera_infos.topics:
                self._camera_infos.add(message.topic, content)
                return []
            if message.topic in self._metadata and self._joiner:
                return self._join(self._joiner, message.topic, content)
            frame = frame_of(content, pixels_of(content, self._settings.significant_bits),
                             self.image_topics.index(message.topic),
                             self._settings.image_counter_field)
            return self._joiner.add_frame(frame) if self._joiner else [frame]
        except ValueError as error:
            # Of bad metadata, the joiner counts the frame.
            self._own_drops['invalid'] += message.topic not in self._metadata
            text = str(error).removeprefix(f'{self._path}: ')
            self.complaints.setdefault(message.topic, text)
            return []

    def _join(self, joiner: MetadataJoiner, topic: str, content: Any) -> list[Frame]:
        frames = [frame for place in self._metadata_places(joiner, topic)
                  for frame in joiner.add_metadata(place, content)]
        if complaint := joiner.take_complaint():
            self.complaints.setdefault(topic, complaint)
        return frames

    def _metadata_places(self, joiner: MetadataJoiner, topic: str) -> list[int]:
        """Indices of a metadata topic in the settings; several if image topics share it.

        A topic that the settings do not name has index 0.
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
            yield Found(bracket, self._camera_infos.match(bracket.reference), message.stamp_ns)

    def _require(self, topics: tuple[str, ...], types: tuple[str, ...]) -> None:
        for topic in topics:
            if (got := self._bag.topics.get(topic)) not in types:
                there = ', '.join(name for name, kind in self._bag.topics.items() if kind in types)
                raise BagError(f'{self._path}: expected {topic} with {" or ".join(types)}, got '
                               f'{got or "no such topic"}; there are: {there or "none"}')

    def _metadata_topics(self) -> tuple[str, ...]:
        """The metadata topics that the settings name, else all topics of the source's type."""
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
        """One topic per image topic: as the settings name them, else `camera_info` beside each."""
        given = tuple(map(absolute, self._settings.camera_info_topics))
        self._require(given, (CAMERA_INFO_TYPE,))
        beside = tuple(map(camera_info_beside, self.image_topics))
        there = all(self._bag.topics.get(topic) == CAMERA_INFO_TYPE for topic in beside)
        return given or (beside if there else ())


def absolute(topic: str) -> str:
    """Return a topic name with its leading slash."""
    return topic if topic.startswith('/') else f'/{topic}'

# SPDX-License-Identifier: Apache-2.0
"""What a bag holds that brackets could be made of: image topics, and what tells exposures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ddfnet_ros.bags.reading import IMAGE_TYPES, BagError, BagReader
from ddfnet_ros.bags.types import Topic
from ddfnet_ros.bracket import Pixels, check_pixels, white_level
from ddfnet_ros.encodings import pixels_of
from ddfnet_ros.metadata import SOURCES, FrameMetadata, MetadataReader
from ddfnet_ros.metadata.frames import stamp_ns

_SAMPLES = 90  # images of each topic that are looked at
_TRAILING = 20  # messages read after the last of them, for its metadata
_SIDE = 160  # pixels of the longer side that they are reduced to


@dataclass
class ImageTopic:
    """One image topic.

    Attributes:
        name: Name, with its leading slash.
        msgtype: `package/msg/Name`.
        count: Images in the bag.
        encoding: Of the pixels, or the format of compressed images; '' without images.
        size: (width, height) in pixels; (0, 0) where no image could be decoded.
        stamps_ns: Of the first images, by their headers.
        thumbnails: Of those that could be decoded, much reduced.
        problem: What the first image that could not be read or decoded lacked.
        frame_id: Of the last image that was looked at.
    """

    name: str
    msgtype: str
    count: int
    encoding: str = ''
    size: tuple[int, int] = (0, 0)
    stamps_ns: list[int] = field(default_factory=list)
    thumbnails: list[Pixels] = field(default_factory=list)
    problem: str = ''
    frame_id: str = ''

    @property
    def interval(self) -> float:
        """Time between two images, pauses and lost images aside [s]; 0 where it cannot be told."""
        gaps = np.diff(np.sort(self.stamps_ns)) * 1e-9
        # The lower quartile, because in pairs with a pause after each, every second gap is one.
        return float(np.quantile(gaps, 0.25)) if gaps.size else 0.0

    @property
    def rate(self) -> float:
        """Images per second over those looked at, pauses included; 0 where it cannot be told."""
        span = (max(self.stamps_ns) - min(self.stamps_ns)) * 1e-9 if self.stamps_ns else 0.0
        return (len(self.stamps_ns) - 1) / span if span > 0 else 0.0

    @property
    def brightness(self) -> npt.NDArray[np.float64]:
        """Mean linear brightness of the thumbnails, in [0, 1]."""
        return np.array([_brightness(picture) for picture in self.thumbnails])


@dataclass(frozen=True)
class MetadataTopic:
    """A topic that tells exposures.

    Attributes:
        name: Name, with its leading slash.
        source: Of `metadata.SOURCES`, by name.
        told: What it tells, by the stamp of the image [ns] and, where several cameras may share
            the topic, its frame_id, else ''.
        shared: Whether they may.
    """

    name: str
    source: str
    told: Mapping[tuple[int, str], FrameMetadata]
    shared: bool = False


@dataclass(frozen=True)
class Survey:
    """What a bag holds.

    Attributes:
        path: The bag.
        seconds: From its first to its last message.
        topics: All of them.
        images: The image topics.
        metadata: The topics that tell exposures.
        problems: By topic that could have told exposures, why a message of it cannot be read.
    """

    path: Path
    seconds: float
    topics: tuple[Topic, ...]
    images: tuple[ImageTopic, ...]
    metadata: tuple[MetadataTopic, ...]
    problems: Mapping[str, str] = field(default_factory=dict)


def survey(path: Path) -> Survey:
    """Look at the beginning of a bag.

    Raises:
        BagError: it cannot be read.
    """
    with BagReader(path) as bag:
        topics = bag.described()
        images = {t.name: ImageTopic(t.name, t.msgtype, t.count) for t in topics
                  if t.msgtype in IMAGE_TYPES}
        told = [_Told(t.name, name) for t in topics for name, source in SOURCES.items()
                if source.msgtype == t.msgtype]
        if images:
            _look(bag, images, told)
            _doubt_stamps(images.values())
        first_ns, last_ns = bag.span_ns
    # Without any, it is diagnostics of other nodes.
    metadata = tuple(MetadataTopic(t.topic, t.source, t.known, t.shared) for t in told if t.known)
    return Survey(path, (last_ns - first_ns) * 1e-9, tuple(topics), tuple(images.values()),
                  metadata, {t.topic: t.problem for t in told if t.problem})


class _Told:
    """What one topic tells, if it is read as that of one source."""

    def __init__(self, topic: str, source: str) -> None:
        self.topic, self.source, self.problem = topic, source, ''
        self.shared = SOURCES[source].shared
        self.known: dict[tuple[int, str], FrameMetadata] = {}
        self._readers: dict[str, MetadataReader] = {}

    def add(self, message: Any) -> None:
        """Read a message, if it can be: fusing the bag says what is wrong with the others."""
        camera = message.header.frame_id if self.shared else ''
        reader = self._readers.setdefault(camera, MetadataReader(SOURCES[self.source]))
        try:
            if known := reader.read(message):
                self.known[reader.stamp_ns(message), camera] = known
        except ValueError:
            pass


def _look(bag: BagReader, images: Mapping[str, ImageTopic], told: Sequence[_Told]) -> None:
    """Read on until every image topic has given its samples, or the bag ends."""
    missing, trailing = {name for name, topic in images.items() if topic.count}, _TRAILING
    for message in bag.messages([*images, *{t.topic for t in told}]):
        tellers = [teller for teller in told if teller.topic == message.topic]
        try:
            content = bag.deserialised(message)
        except BagError as error:  # of this message: the others may be whole
            if image := images.get(message.topic):
                image.problem = image.problem or str(error)
            for teller in tellers:
                teller.problem = teller.problem or str(error)
            continue
        for teller in tellers:
            teller.add(content)
        if message.topic in missing:
            topic = images[message.topic]
            _add_sample(topic, content)
            if len(topic.stamps_ns) >= min(_SAMPLES, topic.count):
                missing.discard(message.topic)
        trailing -= not missing
        if not trailing:
            break


def _doubt_stamps(topics: Iterable[ImageTopic]) -> None:
    """Without stamps that differ there is no order of the images, and no bracket."""
    for topic in topics:
        if len(topic.stamps_ns) > 1 and not topic.interval:
            topic.problem = topic.problem or (
                f'expected a stamp for each image, got {len(set(topic.stamps_ns))} for '
                f'{len(topic.stamps_ns)}; have the camera stamp its images')


def _add_sample(topic: ImageTopic, message: Any) -> None:
    topic.stamps_ns.append(stamp_ns(message))
    topic.frame_id = message.header.frame_id
    topic.encoding = message.format if hasattr(message, 'format') else message.encoding
    try:
        pixels = pixels_of(message)
        check_pixels(pixels)
    except ValueError as error:
        topic.problem = topic.problem or str(error)
        return
    topic.size = (pixels.shape[1], pixels.shape[0])
    scale = min(1.0, _SIDE / max(topic.size))
    sides = [max(1, round(side * scale)) for side in topic.size]
    small: Any = cv2.resize(pixels, sides, interpolation=cv2.INTER_AREA)
    topic.thumbnails.append(small)


def _brightness(picture: Pixels) -> float:
    return float(np.mean(np.maximum(picture / white_level(picture), 0) ** 2.2))

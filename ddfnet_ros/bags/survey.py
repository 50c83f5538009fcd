# SPDX-License-Identifier: Apache-2.0
"""Survey a bag for the inputs of brackets: image topics, and topics with exposure metadata."""

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

_SAMPLES = 90  # images of each topic to look at
_TRAILING = 20  # messages to read after the last of them, for its metadata
_SIDE = 160  # longer side of thumbnails [pixels]


@dataclass
class ImageTopic:
    """One image topic.

    Attributes:
        name: Topic name with its leading slash.
        msgtype: Message type as `package/msg/Name`.
        count: Number of images in the bag.
        encoding: Encoding, or the format of compressed images; '' without images.
        size: (width, height) in pixels; (0, 0) if no image could be decoded.
        stamps_ns: Header stamps of the first images [ns].
        thumbnails: Reduced copies of those of them that could be decoded.
        problem: Error text of the first image that could not be read or decoded; '' without.
        frame_id: Frame ID of the last image that was looked at.
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
        """Time between two images without pauses and lost images [s]; 0 if unknown."""
        gaps = np.diff(np.sort(self.stamps_ns)) * 1e-9
        # The lower quartile: in pairs with a pause after each, every second gap is a pause.
        return float(np.quantile(gaps, 0.25)) if gaps.size else 0.0

    @property
    def rate(self) -> float:
        """Images per second, pauses included; 0 if unknown."""
        span = (max(self.stamps_ns) - min(self.stamps_ns)) * 1e-9 if self.stamps_ns else 0.0
        return (len(self.stamps_ns) - 1) / span if span > 0 else 0.0

    @property
    def brightness(self) -> npt.NDArray[np.float64]:
        """Mean linear brightness of the thumbnails, in [0, 1]."""
        return np.array([_mean_brightness(picture) for picture in self.thumbnails])


@dataclass(frozen=True)
class MetadataTopic:
    """A topic with exposure metadata.

    Attributes:
        name: Topic name with its leading slash.
        source: Name of the metadata source, a key of `metadata.SOURCES`.
        samples: Metadata of the first images, by image stamp [ns] and frame_id; the frame_id is
            '' unless cameras may share the topic.
        shared: Whether several cameras may share the topic.
    """

    name: str
    source: str
    samples: Mapping[tuple[int, str], FrameMetadata]
    shared: bool = False


@dataclass(frozen=True)
class Survey:
    """What a bag contains.

    Attributes:
        path: Path of the bag.
        seconds: Time from the first to the last message [s].
        topics: All topics.
        images: The image topics.
        metadata: The topics with exposure metadata.
        problems: For each topic that may have exposure metadata but has an unreadable message, the
            error text.
    """

    path: Path
    seconds: float
    topics: tuple[Topic, ...]
    images: tuple[ImageTopic, ...]
    metadata: tuple[MetadataTopic, ...]
    problems: Mapping[str, str] = field(default_factory=dict)


def survey(path: Path) -> Survey:
    """Survey a bag by its first messages.

    Raises:
        BagError: the bag cannot be read.
    """
    with BagReader(path) as bag:
        topics = bag.describe_topics()
        images = {t.name: ImageTopic(t.name, t.msgtype, t.count) for t in topics
                  if t.msgtype in IMAGE_TYPES}
        samples = [_TopicMetadata(t.name, name) for t in topics
                   for name, source in SOURCES.items() if source.msgtype == t.msgtype]
        if images:
            _read_samples(bag, images, samples)
            _check_stamps(images.values())
        first_ns, last_ns = bag.span_ns
    # Topics without any metadata are diagnostics of other nodes.
    metadata = tuple(
        MetadataTopic(t.topic, t.source, t.by_stamp, t.shared) for t in samples if t.by_stamp)
    return Survey(path, (last_ns - first_ns) * 1e-9, tuple(topics), tuple(images.values()),
                  metadata, {t.topic: t.problem for t in samples if t.problem})


class _TopicMetadata:
    """Collects the metadata of one topic, read as messages of one source."""

    def __init__(self, topic: str, source: str) -> None:
        self.topic, self.source, self.problem = topic, source, ''
        self.shared = SOURCES[source].shared
        self.by_stamp: dict[tuple[int, str], FrameMetadata] = {}
        self._readers: dict[str, MetadataReader] = {}

    def add(self, message: Any) -> None:
        """Read a message; skips an unreadable one, which fusing the bag will report."""
        camera = message.header.frame_id if self.shared else ''
        reader = self._readers.setdefault(camera, MetadataReader(SOURCES[self.source]))
        try:
            if metadata := reader.read(message):
                self.by_stamp[reader.stamp_ns(message), camera] = metadata
        except ValueError:
            pass


def _read_samples(bag: BagReader, images: Mapping[str, ImageTopic],
                  samples: Sequence[_TopicMetadata]) -> None:
    """Read until every image topic has enough samples, or the bag ends."""
    missing, trailing = {name for name, topic in images.items() if topic.count}, _TRAILING
    for message in bag.messages([*images, *{t.topic for t in samples}]):
        of_topic = [one for one in samples if one.topic == message.topic]
        try:
            content = bag.deserialise(message)
        except BagError as error:  # other messages may be readable
            if image := images.get(message.topic):
                image.problem = image.problem or str(error)
            for one in of_topic:
                one.problem = one.problem or str(error)
            continue
        for one in of_topic:
            one.add(content)
        if message.topic in missing:
            topic = images[message.topic]
            _add_sample(topic, content)
            if len(topic.stamps_ns) >= min(_SAMPLES, topic.count):
                missing.discard(message.topic)
        trailing -= not missing
        if not trailing:
            break


def _check_stamps(topics: Iterable[ImageTopic]) -> None:
    """Note a problem if all stamps of a topic are equal: its images then have no order."""
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


def _mean_brightness(picture: Pixels) -> float:
    return float(np.mean(np.maximum(picture / white_level(picture), 0) ** 2.2))

# SPDX-License-Identifier: Apache-2.0
"""Join the frames of all image topics with the exposures in metadata messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ddfnet_ros.bracket import Frame, without_counter
from ddfnet_ros.metadata.matching import Matcher
from ddfnet_ros.metadata.reading import FrameMetadata, MetadataReader
from ddfnet_ros.metadata.sources import MetadataSource
from ddfnet_ros.settings import NodeSettings

DEFAULT_TOPIC = '~/meta'

_MAX_CAMERAS = 64  # per topic: so that names that never come again do not pile up


@dataclass
class _Camera:
    """The state of one camera that sends metadata.

    Attributes:
        reader: Reader of its metadata messages.
        matchers: Matcher for each image topic (by index) that its metadata may belong to.
        has_images: Whether an image of it has come.
    """

    reader: MetadataReader
    matchers: dict[int, Matcher]
    has_images: bool = False


class MetadataJoiner:
    """Joins frames and metadata messages, which may come in any order.

    Attributes:
        topics: Metadata topics: one for all image topics, or one for each.
        shared: Whether other nodes publish other messages on them.
    """

    def __init__(self, settings: NodeSettings, source: MetadataSource) -> None:
        """Take the settings and the metadata source that they name."""
        self.topics = settings.metadata_topics or (DEFAULT_TOPIC,)
        self.shared = source.shared
        self._settings, self._source = settings, source
        self._counts = bool(settings.image_counter_field)
        self._counts_in_frame_id = settings.image_counter_field == 'header.frame_id'
        # By topic and camera name; the camera heard from most recently is last.
        self._cameras: list[dict[str, _Camera]] = [{} for _ in self.topics]
        self._dropped = Counter[str]()  # by cameras that were forgotten

    @property
    def dropped(self) -> Counter[str]:
        """Frames without usable metadata, by reason; see `Matcher`."""
        return sum((matcher.dropped for matcher in self._matchers()), self._dropped)

    def add_frame(self, frame: Frame) -> list[Frame]:
        """Add a frame; return it with its exposure if its metadata is here already."""
        camera = self._find_camera(0 if len(self.topics) == 1 else frame.stream, frame.frame_id)
        camera.has_images = True
        number: Any = frame.sequence_id if self._counts else frame.stamp_ns
        found = camera.matchers[frame.stream].add_frame(number, frame)
        return [found] if found else []

    def add_metadata(self, topic: int, message: Any) -> list[Frame]:
        """Add a message of one of `topics`; return the frames that waited for it.

        Args:
            topic: Index of the metadata topic.
            message: The metadata message.

        Raises:
            ValueError: it cannot be read; its frame is dropped, if it says which one that is.
                Messages of cameras whose images do not come here are ignored instead.
        """
        camera = self._find_camera(topic, message.header.frame_id if self.shared else '')
        try:
            metadata = camera.reader.read(message)
        except ValueError:
            with suppress(ValueError):
                self._join(camera, message, None)
            if self._is_foreign(topic, camera):
                return []
            raise
        # Checked before joining: messages of other nodes need no counter and no stamp.
        if metadata is None:
            return []
        return self._join(camera, message, metadata)

    def take_complaint(self) -> str:
        """Return what is wrong with our cameras' metadata; '' for nothing since the last call."""
        complaint = ''
        for camera in (camera for cameras in self._cameras for camera in cameras.values()):
            for matcher in camera.matchers.values() if camera.has_images else ():
                complaint, matcher.complaint = complaint or matcher.complaint, ''
        return complaint

    def reset(self) -> None:
        """Forget all waiting frames and metadata."""
        for matcher in self._matchers():
            matcher.reset()

    def _find_camera(self, topic: int, frame_id: str) -> _Camera:
        """Find or make the camera of a frame ID.

        On a shared topic cameras are told apart by frame ID, because cameras that are triggered
        together have equal stamps or counters.
        """
        name = frame_id if self.shared else ''
        if self._counts_in_frame_id:
            name = without_counter(name)
        cameras = self._cameras[topic]
        cameras[name] = cameras.pop(name) if name in cameras else self._new_camera(topic)
        if len(cameras) > _MAX_CAMERAS:
            for matcher in cameras.pop(next(iter(cameras))).matchers.values():
                matcher.reset()
                self._dropped += matcher.dropped
        return cameras[name]

    def _new_camera(self, topic: int) -> _Camera:
        settings = self._settings
        streams = range(len(settings.image_topics)) if len(self.topics) == 1 else (topic,)
        depth = settings.metadata_depth
        return _Camera(
            MetadataReader(self._source, settings.exposure_times, settings.size),
            {k: Matcher(depth, depth * len(streams), self._counts) for k in streams})

    def _matchers(self) -> Iterator[Matcher]:
        for cameras in self._cameras:
            for camera in cameras.values():
                yield from camera.matchers.values()

    def _is_foreign(self, topic: int, camera: _Camera) -> bool:
        """Whether no image of this camera has come, but images of another one of the topic."""
        others = self._cameras[topic].values()
        return not camera.has_images and any(other.has_images for other in others)

    def _match_number(self, camera: _Camera, message: Any) -> int:
        """Return the stamp [ns] or counter that a message has in common with its frame.

        Raises:
            ValueError: the message has none; its frame will wait in vain.
        """
        if not self._counts:
            return camera.reader.stamp_ns(message)
        if (number := camera.reader.counter(message)) is None:
            raise ValueError('expected metadata with a frame counter, as image_counter_field '
                             'wants, got none; set counter_field')
        return number

    def _join(self, camera: _Camera, message: Any, metadata: FrameMetadata | None) -> list[Frame]:
        number = self._match_number(camera, message)
        found = [matcher.add_metadata(number, metadata) for matcher in camera.matchers.values()]
        return [frame for frame in found if frame]

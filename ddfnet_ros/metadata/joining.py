# SPDX-License-Identifier: Apache-2.0
"""Gives the frames of all image topics the exposure that metadata messages tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ddfnet_ros.bracket import Frame
from ddfnet_ros.metadata.matching import Matcher
from ddfnet_ros.metadata.reading import FrameMetadata, MetadataReader
from ddfnet_ros.metadata.sources import MetadataSource
from ddfnet_ros.settings import NodeSettings

DEFAULT_TOPIC = '~/meta'

_MOST_CAMERAS = 64  # of a topic, so that names that never come again do not pile up


@dataclass
class _Camera:
    """What is known of one that sends metadata.

    Attributes:
        reader: Of its messages.
        matchers: By image topic, of those that its metadata may be of.
        ours: Whether an image of it has come.
    """

    reader: MetadataReader
    matchers: dict[int, Matcher]
    ours: bool = False


class MetadataJoiner:
    """Takes frames and metadata messages in any order.

    Attributes:
        topics: Where metadata come: one for all image topics, or one for each.
        shared: Whether other nodes send other things there.
    """

    def __init__(self, settings: NodeSettings, source: MetadataSource) -> None:
        """Take the settings and the source that they name."""
        self.topics = settings.metadata_topics or (DEFAULT_TOPIC,)
        self.shared = source.shared
        self._settings, self._source = settings, source
        self._counts = bool(settings.image_counter_field)
        self._counts_in_frame_id = settings.image_counter_field == 'header.frame_id'
        # By topic, and there by name; the one that was heard of latest is last.
        self._cameras: list[dict[str, _Camera]] = [{} for _ in self.topics]
        self._dropped = Counter[str]()  # of cameras that are forgotten

    @property
    def dropped(self) -> Counter[str]:
        """Frames whose metadata never came, under 'no_metadata'."""
        return sum((matcher.dropped for matcher in self._matchers()), self._dropped)

    def add_frame(self, frame: Frame) -> list[Frame]:
        """Take a frame; give it back with its exposure if its metadata is here already."""
        camera = self._camera(0 if len(self.topics) == 1 else frame.stream, frame.frame_id)
        camera.ours = True
        number: Any = frame.sequence_id if self._counts else frame.stamp_ns
        found = camera.matchers[frame.stream].add_frame(number, frame)
        return [found] if found else []

    def add_metadata(self, topic: int, message: Any) -> list[Frame]:
        """Take a message of one of `topics`; give the frames that have been waiting for it.

        Raises:
            ValueError: it cannot be read; its frame is forgotten, where it says which that is.
                Not of cameras that share the topic and send their images elsewhere.
        """
        camera = self._camera(topic, message.header.frame_id if self.shared else '')
        try:
            metadata = camera.reader.read(message)
        except ValueError:
            with suppress(ValueError):
                self._join(camera, message, None)
            if self._is_elsewhere(topic, camera):
                return []
            raise
        # Only now: what other nodes send on the topic needs no counter and no stamp.
        if metadata is None:
            return []
        return self._join(camera, message, metadata)

    def reset(self) -> None:
        """Forget everything that waits."""
        for matcher in self._matchers():
            matcher.reset()

    def _camera(self, topic: int, frame_id: str) -> _Camera:
        """The one of a name; those that are triggered together have equal stamps, or counters."""
        name = frame_id if self.shared else ''
        if self._counts_in_frame_id:
            name = re.sub(r'\d+(?=\D*$)', '', name)
        cameras = self._cameras[topic]
        cameras[name] = cameras.pop(name) if name in cameras else self._new(topic)
        if len(cameras) > _MOST_CAMERAS:
            for matcher in cameras.pop(next(iter(cameras))).matchers.values():
                matcher.reset()
                self._dropped += matcher.dropped
        return cameras[name]

    def _new(self, topic: int) -> _Camera:
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

    def _is_elsewhere(self, topic: int, camera: _Camera) -> bool:
        """Whether a camera is none of those whose images come here, as far as is known."""
        return not camera.ours and any(one.ours for one in self._cameras[topic].values())

    def _number(self, camera: _Camera, message: Any) -> int:
        """What a message and its frame have in common: a stamp, or a counter.

        Raises:
            ValueError: the message has none. Its frame then waits in vain, as any other would.
        """
        if not self._counts:
            return camera.reader.stamp_ns(message)
        if (number := camera.reader.counter(message)) is None:
            raise ValueError('expected metadata with a frame counter, as image_counter_field '
                             'wants, got none; set counter_field')
        return number

    def _join(self, camera: _Camera, message: Any, metadata: FrameMetadata | None) -> list[Frame]:
        number = self._number(camera, message)
        found = [matcher.add_metadata(number, metadata) for matcher in camera.matchers.values()]
        return [frame for frame in found if frame]

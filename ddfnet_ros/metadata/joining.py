# SPDX-License-Identifier: Apache-2.0
"""Gives the frames of all image topics the exposure that metadata messages tell."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ddfnet_ros.bracket import Frame
from ddfnet_ros.metadata.matching import Matcher
from ddfnet_ros.metadata.reading import FrameMetadata, MetadataReader
from ddfnet_ros.metadata.sources import MetadataSource
from ddfnet_ros.settings import NodeSettings

DEFAULT_TOPIC = '~/meta'


class MetadataJoiner:
    """Takes frames and metadata messages in any order.

    Attributes:
        topics: Where metadata come: one for all image topics, or one for each.
    """

    def __init__(self, settings: NodeSettings, source: MetadataSource) -> None:
        """Take the settings and the source that they name."""
        self.topics = settings.metadata_topics or (DEFAULT_TOPIC,)
        self._shared, self._counts = source.shared, bool(settings.image_counter_field)
        self._readers = [MetadataReader(source, settings.exposure_times, settings.size)
                         for _ in self.topics]
        streams = len(settings.image_topics)
        per_topic = -(-streams // len(self.topics))
        self._matchers = [
            Matcher(settings.metadata_depth, settings.metadata_depth * per_topic, self._counts)
            for _ in range(streams)
        ]

    @property
    def dropped(self) -> Counter[str]:
        """Frames whose metadata never came, under 'no_metadata'."""
        return sum((matcher.dropped for matcher in self._matchers), Counter())

    def add_frame(self, frame: Frame) -> list[Frame]:
        """Take a frame; give it back with its exposure if its metadata is here already."""
        key: Any = frame.sequence_id if self._counts else frame.stamp_ns
        if self._shared:  # cameras that are triggered together have equal stamps
            key = key, frame.frame_id
        found = self._matchers[frame.stream].add_frame(key, frame)
        return [found] if found else []

    def add_metadata(self, topic: int, message: Any) -> list[Frame]:
        """Take a message of one of `topics`; give the frames that have been waiting for it.

        Raises:
            ValueError: it cannot be read; its frame is forgotten.
        """
        reader = self._readers[topic]
        number = reader.counter(message) if self._counts else reader.stamp_ns(message)
        key = (number, message.header.frame_id) if self._shared else number
        try:
            metadata = reader.read(message)
        except ValueError:
            self._join(topic, key, None)
            raise
        if metadata is None:
            return []
        if number is None:
            raise ValueError('expected metadata with a frame counter, as image_counter_field '
                             'wants, got none; set counter_field')
        return self._join(topic, key, metadata)

    def reset(self) -> None:
        """Forget everything that waits."""
        for matcher in self._matchers:
            matcher.reset()

    def _join(self, topic: int, key: Any, metadata: FrameMetadata | None) -> list[Frame]:
        matchers = self._matchers if len(self.topics) == 1 else [self._matchers[topic]]
        found = [matcher.add_metadata(key, metadata) for matcher in matchers]
        return [frame for frame in found if frame]

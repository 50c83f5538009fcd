# SPDX-License-Identifier: Apache-2.0
"""Gives the frames of all image topics the exposure that metadata messages tell."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
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
        shared: Whether other nodes send other things there.
    """

    def __init__(self, settings: NodeSettings, source: MetadataSource) -> None:
        """Take the settings and the source that they name."""
        self.topics = settings.metadata_topics or (DEFAULT_TOPIC,)
        self.shared = source.shared
        self._counts = bool(settings.image_counter_field)
        self._counts_in_frame_id = settings.image_counter_field == 'header.frame_id'
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
        number: Any = frame.sequence_id if self._counts else frame.stamp_ns
        found = self._matchers[frame.stream].add_frame(
            number, frame, self._camera(frame.frame_id) if self.shared else '')
        return [found] if found else []

    def add_metadata(self, topic: int, message: Any) -> list[Frame]:
        """Take a message of one of `topics`; give the frames that have been waiting for it.

        Raises:
            ValueError: it cannot be read; its frame is forgotten, where it says which that is.
        """
        reader = self._readers[topic]
        try:
            metadata = reader.read(message)
        except ValueError:
            with suppress(ValueError):
                self._join(topic, self._number(reader, message), message, None)
            raise
        # Only now: what other nodes send on the topic needs no counter and no stamp.
        if metadata is None:
            return []
        return self._join(topic, self._number(reader, message), message, metadata)

    def reset(self) -> None:
        """Forget everything that waits."""
        for matcher in self._matchers:
            matcher.reset()

    def _camera(self, frame_id: str) -> str:
        """Which camera: those that are triggered together have equal stamps, or counters."""
        return re.sub(r'\d+(?=\D*$)', '', frame_id) if self._counts_in_frame_id else frame_id

    def _number(self, reader: MetadataReader, message: Any) -> int:
        """What a message and its frame have in common: a stamp, or a counter.

        Raises:
            ValueError: the message has none. Its frame then waits in vain, as any other would.
        """
        if not self._counts:
            return reader.stamp_ns(message)
        if (number := reader.counter(message)) is None:
            raise ValueError('expected metadata with a frame counter, as image_counter_field '
                             'wants, got none; set counter_field')
        return number

    def _join(self, topic: int, number: int, message: Any,
              metadata: FrameMetadata | None) -> list[Frame]:
        camera = self._camera(message.header.frame_id) if self.shared else ''
        matchers = self._matchers if len(self.topics) == 1 else [self._matchers[topic]]
        found = [matcher.add_metadata(number, metadata, camera) for matcher in matchers]
        return [frame for frame in found if frame]

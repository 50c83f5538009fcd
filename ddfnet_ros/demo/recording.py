# SPDX-License-Identifier: Apache-2.0
"""What is played: a bag of brackets, and the truth beside it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from ddfnet_ros.assembly import BracketAssembler
from ddfnet_ros.bags import METADATA_TYPE, BagError, BagReader
from ddfnet_ros.bracket import Bracket
from ddfnet_ros.settings import AssemblySettings


@dataclass(frozen=True)
class Recording:
    """A bag with brackets.

    Attributes:
        path: The bag.
        image_topics: One interleaved topic, or one per exposure, with their message types.
        metadata_topic: Where the exposures are told.
        brackets: The complete ones, in order.
        seconds: From its first to its last message.
    """

    path: Path
    image_topics: dict[str, str]
    metadata_topic: str
    brackets: tuple[Bracket, ...]
    seconds: float

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Read a bag and assemble its brackets.

        Raises:
            BagError: not a bag, no images, no exposure metadata, or no complete bracket.
        """
        with BagReader(path) as bag:
            metadata = [name for name, kind in bag.topics.items() if kind == METADATA_TYPE]
            if not metadata:
                raise BagError(f'{path}: expected a {METADATA_TYPE} topic with the exposures, '
                               f'got {", ".join(bag.topics)}; record the camera\'s metadata too')
            frames = list(bag.frames())
            stamps = [message.stamp_ns for message in bag.messages()]
            image_topics = {name: bag.topics[name] for name in bag.image_topics}
        size = len({frame.exposure_time for frame in frames})
        assembler = BracketAssembler(
            AssemblySettings(bracket_size=size), stream_count=len(image_topics))
        brackets = tuple(bracket for frame in frames for bracket in assembler.add(frame))
        if not brackets:
            raise BagError(f'{path}: expected brackets of {size} exposures, got {len(frames)} '
                           f'frames without a complete one ({dict(assembler.dropped)})')
        return cls(path, image_topics, metadata[0], brackets, (stamps[-1] - stamps[0]) * 1e-9)


def shipped() -> Path:
    """The street that comes with the package."""
    return Path(str(files('ddfnet_ros.demo'))) / 'street' / 'street.mcap'

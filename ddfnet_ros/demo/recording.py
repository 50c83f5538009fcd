# SPDX-License-Identifier: Apache-2.0
"""The recording that the demo plays: a bag of brackets."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from ddfnet_ros.bags import BagError, BagReader
from ddfnet_ros.bags.brackets import BracketFinder
from ddfnet_ros.bags.suggestion import complete_suggestions
from ddfnet_ros.bags.survey import survey
from ddfnet_ros.bracket import Bracket
from ddfnet_ros.settings import NodeSettings


@dataclass(frozen=True)
class Recording:
    """A bag with brackets.

    Attributes:
        path: Path of the bag.
        settings: Settings that assemble its frames to brackets.
        image_topics: Message types by topic: one interleaved topic, or one per exposure.
        brackets: The complete brackets, in order.
        seconds: Time from its first to its last message.
    """

    path: Path
    settings: NodeSettings
    image_topics: dict[str, str]
    brackets: tuple[Bracket, ...]
    seconds: float

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Read a bag and assemble its brackets.

        Raises:
            BagError: not a bag, no images or exposure metadata, or no complete bracket.
        """
        suggestions = complete_suggestions(survey(path))
        if len(suggestions) != 1:
            raise BagError(f'{path}: expected images of one bracket and metadata with their '
                           f'exposures, got {len(suggestions)} brackets; see `ddfnet inspect '
                           f'{path}`')
        settings = NodeSettings(**suggestions[0].parameters)
        with BagReader(path) as bag:
            finder = BracketFinder(path, bag, settings)
            brackets = tuple(found.bracket for found in finder.find())
            first_ns, last_ns = bag.span_ns
            image_topics = {name: bag.topics[name] for name in finder.image_topics}
        if not brackets:
            raise BagError(f'{path}: expected brackets of {settings.size} exposures, got none '
                           f'that is complete ({dict(finder.dropped)})')
        return cls(path, settings, image_topics, brackets, (last_ns - first_ns) * 1e-9)


def shipped_bag() -> Path:
    """Path of the recorded street that is part of the package."""
    return Path(str(files('ddfnet_ros.demo'))) / 'street' / 'street.mcap'

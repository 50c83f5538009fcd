# SPDX-License-Identifier: Apache-2.0
"""What is played: a bag of brackets, and the truth beside it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from ddfnet_ros.bags import BagError, BagReader
from ddfnet_ros.bags.brackets import BracketFinder
from ddfnet_ros.bags.suggestion import told_suggestions
from ddfnet_ros.bags.survey import survey
from ddfnet_ros.bracket import Bracket
from ddfnet_ros.settings import NodeSettings


@dataclass(frozen=True)
class Recording:
    """A bag with brackets.

    Attributes:
        path: The bag.
        settings: By which its frames become brackets.
        image_topics: One interleaved topic, or one per exposure, with their message types.
        brackets: The complete ones, in order.
        seconds: From its first to its last message.
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
        told = told_suggestions(survey(path))
        if len(told) != 1:
            raise BagError(f'{path}: expected images of one bracket and metadata with their '
                           f'exposures, got {len(told)} brackets; see `ddfnet inspect {path}`')
        settings = NodeSettings(**told[0].parameters)
        with BagReader(path) as bag:
            finder = BracketFinder(path, bag, settings)
            brackets = tuple(found.bracket for found in finder.find())
            first_ns, last_ns = bag.span_ns
            image_topics = {name: bag.topics[name] for name in finder.image_topics}
        if not brackets:
            raise BagError(f'{path}: expected brackets of {settings.size} exposures, got none '
                           f'that is complete ({dict(finder.dropped)})')
        return cls(path, settings, image_topics, brackets, (last_ns - first_ns) * 1e-9)


def shipped() -> Path:
    """The street that comes with the package."""
    return Path(str(files('ddfnet_ros.demo'))) / 'street' / 'street.mcap'

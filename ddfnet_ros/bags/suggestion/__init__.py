# SPDX-License-Identifier: Apache-2.0
"""Which topics of a bag look like a bracket, and by which settings it would be assembled."""

from __future__ import annotations

from collections.abc import Sequence

from ddfnet_ros.bags.suggestion.exposures import Estimate
from ddfnet_ros.bags.suggestion.in_step import brackets_in_step
from ddfnet_ros.bags.suggestion.interleaved import by_brightness, by_metadata
from ddfnet_ros.bags.suggestion.suggestion import Suggestion
from ddfnet_ros.bags.survey import Survey
from ddfnet_ros.bracket import Pixels

__all__ = ['Suggestion', 'suggestions', 'told_suggestions']


def suggestions(found: Survey, estimate: Estimate) -> list[Suggestion]:
    """What may be fused, the surest first.

    Args:
        found: What the bag holds.
        estimate: Gives the relative exposures of pictures of one scene; ValueError where it
            cannot.
    """
    usable = [topic for topic in found.images if len(topic.stamps_ns) > 1]
    told = [s for topic in usable for s in by_metadata(topic, found.metadata)]
    parallel = brackets_in_step(usable, found.metadata, estimate)
    known = {name for s in told + parallel for name in s.settings['image_topics']}
    seen = [s for topic in usable if topic.name not in known
            for s in by_brightness(topic, estimate)]
    return sorted(told + parallel + seen, key=lambda s: not s.complete)


def told_suggestions(found: Survey) -> list[Suggestion]:
    """Those whose exposures the bag itself tells."""
    return [suggestion for suggestion in suggestions(found, _unknown) if suggestion.complete]


def _unknown(_pictures: Sequence[Pixels]) -> list[float]:
    raise ValueError

# SPDX-License-Identifier: Apache-2.0
"""Suggest which topics of a bag form brackets, and the settings to assemble them."""

from __future__ import annotations

from collections.abc import Sequence

from ddfnet_ros.bags.suggestion.exposures import Estimate
from ddfnet_ros.bags.suggestion.in_step import brackets_in_step
from ddfnet_ros.bags.suggestion.interleaved import by_brightness, by_metadata
from ddfnet_ros.bags.suggestion.suggestion import Suggestion
from ddfnet_ros.bags.survey import Survey
from ddfnet_ros.bracket import Pixels

__all__ = ['Suggestion', 'complete_suggestions', 'suggestions']


def suggestions(found: Survey, estimate: Estimate) -> list[Suggestion]:
    """Return what may be fused, those with known exposures first.

    Args:
        found: The survey of the bag.
        estimate: Estimates the relative exposures of pictures of one scene; raises ValueError if
            it cannot.
    """
    usable = [topic for topic in found.images if len(topic.stamps_ns) > 1]
    with_metadata = [s for topic in usable for s in by_metadata(topic, found.metadata)]
    parallel = brackets_in_step(usable, found.metadata, estimate)
    known = {name for s in with_metadata + parallel for name in s.settings['image_topics']}
    guessed = [s for topic in usable if topic.name not in known
               for s in by_brightness(topic, estimate)]
    return sorted(with_metadata + parallel + guessed, key=lambda s: not s.complete)


def complete_suggestions(found: Survey) -> list[Suggestion]:
    """Return the suggestions whose exposures are known from the bag's metadata."""
    return [s for s in suggestions(found, _refuse_to_estimate) if s.complete]


def _refuse_to_estimate(_pictures: Sequence[Pixels]) -> list[float]:
    raise ValueError

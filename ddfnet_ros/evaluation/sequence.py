# SPDX-License-Identifier: Apache-2.0
"""Flicker: what changes between fused pictures although nothing changes in the scene."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ddfnet_ros.evaluation.metrics import Picture, compressed


def flicker(pictures: Sequence[Picture], truths: Sequence[Picture]) -> float:
    """Mean change from picture to picture that the truth does not make, after the mu-law.

    Args:
        pictures: Fused, one after the other; linear, relative to the shortest exposure.
        truths: Of the same instants; the same picture again where nothing moves.

    Returns:
        In units of the mu-law's range [0, 1]; 0 is steady.

    Raises:
        ValueError: fewer than two pictures, or another number of truths.
    """
    if len(pictures) != len(truths) or len(pictures) < 2:
        raise ValueError(f'expected at least 2 pictures and as many truths, got {len(pictures)} '
                         f'and {len(truths)}')
    changes = zip(_changes(pictures), _changes(truths), strict=True)
    return float(np.mean([np.abs(found - true).mean() for found, true in changes]))


def _changes(pictures: Sequence[Picture]) -> list[Picture]:
    return [later - earlier for earlier, later in pairwise(map(compressed, pictures))]

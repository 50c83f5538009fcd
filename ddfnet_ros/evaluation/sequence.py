# SPDX-License-Identifier: Apache-2.0
"""Flicker: changes between fused pictures that the scene does not cause."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ddfnet_ros.evaluation.metrics import Picture, compressed


def flicker(pictures: Sequence[Picture], truths: Sequence[Picture]) -> float:
    """Mean change from picture to picture, minus that of the truth, after the mu-law.

    Args:
        pictures: Consecutive fused pictures, linear, relative to the shortest exposure.
        truths: True radiance at the same instants.

    Returns:
        Mean absolute difference in units of the mu-law's range [0, 1]; 0 is steady.

    Raises:
        ValueError: fewer than two pictures, or a different number of truths.
    """
    if len(pictures) != len(truths) or len(pictures) < 2:
        raise ValueError(f'expected at least 2 pictures and as many truths, got {len(pictures)} '
                         f'and {len(truths)}')
    changes = zip(_changes(pictures), _changes(truths), strict=True)
    return float(np.mean([np.abs(found - true).mean() for found, true in changes]))


def _changes(pictures: Sequence[Picture]) -> list[Picture]:
    return [later - earlier for earlier, later in pairwise(map(compressed, pictures))]

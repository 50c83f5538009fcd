# SPDX-License-Identifier: Apache-2.0
"""What random scenes are like."""

from __future__ import annotations

from dataclasses import dataclass

LAYER = 128  # side of a layer's texture [px]


@dataclass(frozen=True, kw_only=True)
class SceneSettings:
    """What random scenes are like.

    Attributes:
        size: Side of the square picture [px].
        frames: Exposures in a bracket.
        reference_index: How many of them are shorter than the reference; None: the median.
        layers: Moving layers in front of the background.
        max_motion: Fastest layer [px per frame interval].
        shake: Usual camera shift between neighbouring frames [px] at most; 40 % of the cameras
            stand still, one in ten shakes 2.5 times as much.
        ratios: Least and largest exposure ratio of neighbouring frames.
        instants: Sub-instants that motion blur of the longest frame is averaged over, shorter
            frames over fewer; 1: no blur.
    """

    size: int = 128
    frames: int = 3
    reference_index: int | None = None
    layers: int = 3
    max_motion: float = 60.0
    shake: float = 8.0
    ratios: tuple[float, float] = (2.5, 8.0)
    instants: int = 1

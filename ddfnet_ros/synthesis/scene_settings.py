# SPDX-License-Identifier: Apache-2.0
"""Settings of random scenes."""

from __future__ import annotations

from dataclasses import dataclass

LAYER = 128  # side of a layer's texture [px]


@dataclass(frozen=True, kw_only=True)
class SceneSettings:
    """Settings of random scenes.

    Attributes:
        size: Side of the square frames [px].
        frames: Number of frames in a bracket.
        reference_index: Number of frames that are shorter than the reference; None: the median.
        layers: Number of moving layers in front of the background.
        max_motion: Speed of the fastest layer [px per frame interval].
        shake: Largest usual camera shift between neighbouring frames [px]; 40 % of the cameras
            are static, one in ten shakes 2.5 times as much.
        ratios: Smallest and largest exposure ratio of neighbouring frames.
        instants: Number of instants averaged for the motion blur of the longest frame; shorter
            frames take fewer; 1: no blur.
    """

    size: int = 128
    frames: int = 3
    reference_index: int | None = None
    layers: int = 3
    max_motion: float = 60.0
    shake: float = 8.0
    ratios: tuple[float, float] = (2.5, 8.0)
    instants: int = 1

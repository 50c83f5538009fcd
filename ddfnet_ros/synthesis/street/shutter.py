# SPDX-License-Identifier: Apache-2.0
"""When the camera takes which exposure, and the frames that it takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ddfnet_ros.synthesis.street.arrays import Array


@dataclass(frozen=True, kw_only=True)
class Shutter:
    """How the camera cycles through its exposures.

    Attributes:
        exposure_times: Of one bracket, in the order in which they are taken [s].
        instants: How many instants of each exposure are drawn.
        reference: Which of them has a truth.
        frame_rate: Frames per second.
        gain: Linear analogue gain of all frames.
        start_ns: Stamp of the first frame.
    """

    exposure_times: tuple[float, ...] = (0.0008, 0.0048, 0.0288)
    instants: tuple[int, ...] = (1, 2, 5)
    reference: int = 1
    frame_rate: float = 30.0
    gain: float = 2.0
    start_ns: int = 1_767_250_800_000_000_000

    def opens_ns(self, index: int) -> int:
        """Nanoseconds after the first frame at which frame `index` begins."""
        return round(index * 1e9 / self.frame_rate)


@dataclass(frozen=True, eq=False, kw_only=True)
class Shot:
    """One frame.

    Attributes:
        index: Count of frames since the start.
        member: Its place in the cycle of exposures.
        radiance: (H, W, 3) before the sensor, relative to the shortest exposure.
        pixels: (H, W, 3) RGB as the sensor gives it.
    """

    index: int
    member: int
    radiance: Array
    pixels: npt.NDArray[np.uint8]

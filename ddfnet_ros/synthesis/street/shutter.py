# SPDX-License-Identifier: Apache-2.0
"""The camera's exposure cycle, and the frames that it takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ddfnet_ros.synthesis.street.arrays import Array


@dataclass(frozen=True, kw_only=True)
class Shutter:
    """Exposure cycle of the camera.

    Attributes:
        exposure_times: Exposure times of a bracket, in the order of the frames [s].
        instants: Number of instants to render for each of these exposures.
        reference: Index of the exposure that has a truth.
        frame_rate: Frames per second.
        gain: Linear analogue gain of all frames.
        start_ns: Stamp of the first frame [ns].
    """

    exposure_times: tuple[float, ...] = (0.0008, 0.0048, 0.0288)
    instants: tuple[int, ...] = (1, 2, 5)
    reference: int = 1
    frame_rate: float = 30.0
    gain: float = 2.0
    start_ns: int = 1_767_250_800_000_000_000

    def opens_ns(self, index: int) -> int:
        """Time from the first frame to the start of frame `index` [ns]."""
        return round(index * 1e9 / self.frame_rate)


@dataclass(frozen=True, eq=False, kw_only=True)
class Shot:
    """One frame.

    Attributes:
        index: Number of frames before this one.
        member: Position in the exposure cycle.
        radiance: (H, W, 3) radiance before the sensor, relative to the shortest exposure.
        pixels: (H, W, 3) RGB output of the sensor.
    """

    index: int
    member: int
    radiance: Array
    pixels: npt.NDArray[np.uint8]

# SPDX-License-Identifier: Apache-2.0
"""The result of fusing a bracket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ddfnet_ros.bracket import Bracket


@dataclass(frozen=True, eq=False)
class Deghosted:
    """The result for one bracket.

    Attributes:
        bracket: The bracket that was fused; the result is aligned with its reference frame.
        radiance: (H, W, 3) RGB or (H, W) for grey frames, float32, linear, finite, >= 0, in the
            unit of Eq. 2: LDR ** gamma / (exposure_time * gain).
        image: The tone-mapped radiance: (H, W, 3) RGB or (H, W), uint8.
        stage_ms: Wall time of each stage [ms]. If other brackets were submitted together with
            this one, 'others' is the time that the host spent on those.
        motion: Returns the flow, (N - 1, H, W, 2) float32: pixels (x, y) from the reference to
            each other frame, shorter ones first. It is a function because few callers need the
            flow and it may lie on a device.
        shares: Returns (N, H, W) float32 in [0, 1]: how much of each frame each pixel takes, in
            the bracket's order; they sum to 1. Runs the network once more. Raises ValueError
            if the network has no weights.
            Both functions keep the motion in memory as long as this object lives.
        together: Number of brackets in the batch, this one included.
        way: How it was fused: 'whole' or, where memory was short, another of `runtime/ways.py`.
    """

    bracket: Bracket
    radiance: npt.NDArray[np.float32]
    image: npt.NDArray[np.uint8]
    stage_ms: dict[str, float]
    motion: Callable[[], npt.NDArray[np.float32]]
    shares: Callable[[], npt.NDArray[np.float32]]
    together: int = 1
    way: str = 'whole'

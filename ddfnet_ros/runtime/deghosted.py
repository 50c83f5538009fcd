# SPDX-License-Identifier: Apache-2.0
"""What fusing a bracket gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ddfnet_ros.bracket import Bracket


@dataclass(frozen=True, eq=False)
class Deghosted:
    """What became of one bracket.

    Attributes:
        bracket: What it was made from; the result lies on its reference frame's pixels.
        radiance: (H, W, 3) RGB or (H, W) for grey frames, float32, linear, finite, >= 0, in the
            unit of Eq. 2: LDR ** gamma / (exposure_time * gain).
        image: The same, tone-mapped: (H, W, 3) RGB or (H, W), uint8.
        stage_ms: Wall time of each stage, milliseconds; where other brackets were submitted with
            this one, under 'others' how long the host was at them.
        motion: Gives (N - 1, H, W, 2) float32: pixels (x, y) from the reference to each other
            frame, shorter ones first. A call, because few ask and it may lie on a device.
        shares: Gives (N, H, W) float32 in [0, 1]: how much of each frame each pixel takes, in
            the bracket's order; they sum to 1. Runs the network once more; raises ValueError
            where it has no weights.
            Both calls keep the motion in memory as long as this object lives.
        together: Brackets that went through the network at once, this one among them.
        way: How it was fused: 'whole', or for lack of memory by another of `runtime/ways.py`.
    """

    bracket: Bracket
    radiance: npt.NDArray[np.float32]
    image: npt.NDArray[np.uint8]
    stage_ms: dict[str, float]
    motion: Callable[[], npt.NDArray[np.float32]]
    shares: Callable[[], npt.NDArray[np.float32]]
    together: int = 1
    way: str = 'whole'

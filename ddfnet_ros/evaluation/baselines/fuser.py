# SPDX-License-Identifier: Apache-2.0
"""What all peers are: a function of one bracket, and what its result means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ddfnet_ros.bracket import Bracket

Picture = npt.NDArray[np.float32]
RADIANCE, IMAGE = 'radiance', 'image'


@dataclass(frozen=True)
class Fuser:
    """Something that fuses brackets; call it.

    Attributes:
        fuse: Bracket to (H, W, 3), or (H, W) for grey frames; float32.
        output: 'radiance', linear, in the unit of Eq. 2 as `Deghosted.radiance`; or 'image',
            values for display in [0, 1] that no radiance can be had from.
        source: Where the method was published.
        frames: The only number of frames that it takes; None: any.
    """

    fuse: Callable[[Bracket], Picture]
    output: str = RADIANCE
    source: str = ''
    frames: int | None = None

    def takes(self, bracket: Bracket) -> bool:
        """Whether it can fuse a bracket of so many frames."""
        return self.frames in (None, len(bracket.frames))

    def __call__(self, bracket: Bracket) -> Picture:
        """Fuse one bracket."""
        return self.fuse(bracket)

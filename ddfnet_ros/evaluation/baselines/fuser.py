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
    """

    fuse: Callable[[Bracket], Picture]
    output: str = RADIANCE
    source: str = ''

    def __call__(self, bracket: Bracket) -> Picture:
        """Fuse one bracket."""
        return self.fuse(bracket)

# SPDX-License-Identifier: Apache-2.0
"""Interface of fusion methods: a function of one bracket and the meaning of its result."""

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
    """A fusion method; call it with a bracket.

    Attributes:
        fuse: Function from a bracket to (H, W, 3), or (H, W) for grey frames; float32.
        output: 'radiance': linear, in the unit of Eq. 2 like `Deghosted.radiance`; or 'image':
            display values in [0, 1], not convertible to radiance.
        source: Publication of the method.
        frames: The only number of frames that it supports; None: any.
    """

    fuse: Callable[[Bracket], Picture]
    output: str = RADIANCE
    source: str = ''
    frames: int | None = None

    def takes(self, bracket: Bracket) -> bool:
        """Whether the method supports the bracket's number of frames."""
        return self.frames in (None, len(bracket.frames))

    def __call__(self, bracket: Bracket) -> Picture:
        """Fuse one bracket."""
        return self.fuse(bracket)

# SPDX-License-Identifier: Apache-2.0
"""What all kernels know of a bracket; Numba takes it as it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class Levels(NamedTuple):
    """Its frames, the reference first and the others from short to long."""

    pixels: npt.NDArray[Any]
    """(n, h, w, 3) uint8 or uint16."""

    white: np.float32
    """Pixel value of LDR 1."""

    linear: npt.NDArray[np.float32]
    """(n, levels): the corrected value (Eq. 2) of each frame's pixel values."""

# SPDX-License-Identifier: Apache-2.0
"""A bracket as all kernels get it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class Levels(NamedTuple):
    """The frames of a bracket: the reference first, the others from short to long.

    Numba can take a named tuple as it is.
    """

    pixels: npt.NDArray[Any]
    """(n, h, w, 3) uint8 or uint16."""

    white: np.float32
    """Pixel value of LDR 1."""

    linear: npt.NDArray[np.float32]
    """(n, levels): corrected value (Eq. 2) of each pixel value, for each frame."""

# SPDX-License-Identifier: Apache-2.0
"""From pixels to grey images to look for motion in: `flow/pairs.py` tells why and how."""

from __future__ import annotations

from typing import Any

import numpy as np

from ddfnet_ros.kernels.arithmetic import f32
from ddfnet_ros.kernels.compiling import kernel

_ZERO, _ONE = f32(0), f32(1)


@kernel
def luminance(pixels: Any, weighted: Any, rows: Any, out: Any) -> Any:
    """Rows of a frame's luminance; returns the largest.

    Args:
        pixels: (h, w, 3) of this frame.
        weighted: (3, levels) float32, what each channel's values add.
        rows: The first, and how many.
        out: (h, w) float32; these rows are filled in.
    """
    brightest = _ZERO
    for y in range(rows[0], rows[0] + rows[1]):
        for x in range(pixels.shape[1]):
            value = (weighted[0, pixels[y, x, 0]] + weighted[1, pixels[y, x, 1]]
                     + weighted[2, pixels[y, x, 2]])
            out[y, x] = value
            brightest = max(brightest, value)
    return brightest


@kernel
def cell_means(grey: Any, white: Any, cell: Any, rows: Any, out: Any) -> None:
    """Means over squares of pixels, relative to white and clipped there.

    Args:
        grey: (h, w) float32.
        white: float32 > 0.
        cell: Side of a square.
        rows: The first row of squares, and how many.
        out: (h / cell, w / cell) float32; these rows are filled in.
    """
    width = grey.shape[1]
    scale, share = _ONE / white, _ONE / f32(cell * cell)
    sums = np.empty(width, np.float32)
    for i in range(rows[0], rows[0] + rows[1]):
        sums[:] = 0
        for y in range(i * cell, (i + 1) * cell):
            for x in range(width):
                sums[x] += min(grey[y, x] * scale, _ONE)
        for j in range(width // cell):
            total = _ZERO
            for x in range(j * cell, (j + 1) * cell):
                total += sums[x]
            out[i, j] = total * share

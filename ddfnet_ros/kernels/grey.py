# SPDX-License-Identifier: Apache-2.0
"""From pixels to the grey images that motion is estimated on; `flow/pairs.py` explains them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ddfnet_ros.kernels.arithmetic import f32
from ddfnet_ros.kernels.compiling import kernel

_ZERO, _ONE = f32(0), f32(1)


@kernel
def luminance(pixels: Any, weighted: Any, rows: Any, out: Any) -> Any:
    """Compute rows of a frame's luminance; returns the largest value.

    Args:
        pixels: (h, w, 3), the frame.
        weighted: (3, levels) float32, what each value of each channel adds to the luminance.
        rows: First row and number of rows.
        out: (h, w) float32; these rows are written.
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
    """Compute means over square cells, relative to white and clipped to it before.

    Args:
        grey: (h, w) float32, a luminance.
        white: Luminance that becomes 1, float32 > 0.
        cell: Side of a cell [px].
        rows: First row of cells and number of rows.
        out: (h / cell, w / cell) float32; these rows are written.
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

# SPDX-License-Identifier: Apache-2.0
"""From pixels to the input of the small network's first convolution.

The convolution's kernels are as large as their stride, so it is a matrix product over cells. Its
input is `seen`. For each pixel of the cells of 4x4 pixels, that has 9 channels: LDR, the mu-law of
the corrected value, and that of the frame moved onto the reference. Its type is float32, or uint16
with the bits of bfloat16.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ddfnet_ros.kernels.arithmetic import f32, i32, mu_law, mu_scale, stored
from ddfnet_ros.kernels.cells import CELL
from ddfnet_ros.kernels.compiling import kernel

_ZERO, _ONE = f32(0), f32(1)


@kernel
def describe(pixels: Any, ldr: Any, curved: Any, first: Any, seen: Any) -> None:
    """Write all channels of a frame, as if it were not moved.

    Args:
        pixels: (h, w, 3), the frame.
        ldr: (levels,), LDR in [0, 1] of each pixel value, in the type of `seen`.
        curved: (levels,), mu-law of the frame's corrected values, in the type of `seen`.
        first: Row of the frame that `seen` begins with, a multiple of 4.
        seen: (rows / 4, w / 4, 4, 4, 9).
    """
    for i in range(seen.shape[0]):
        for dy in range(CELL):
            row = pixels[first + CELL * i + dy]
            for j in range(seen.shape[1]):
                for dx in range(CELL):
                    for c in range(3):
                        level = row[CELL * j + dx, c]
                        seen[i, j, dy, dx, c] = ldr[level]
                        seen[i, j, dy, dx, 3 + c] = curved[level]
                        seen[i, j, dy, dx, 6 + c] = curved[level]


@kernel
def describe_moved(
    pixels: Any, linear: Any, flow: Any, mu: Any, first: Any, moved: Any, seen: Any
) -> None:
    """Move a frame onto the reference and write the last three channels.

    Args:
        pixels: (h, w, 3), the frame.
        linear: (levels,), corrected value of each pixel value of the frame.
        flow: (2, h, w) float32, pixels (x, y) from the reference to this frame.
        mu: mu of Eq. 8, float32.
        first: Row of the reference that `seen` begins with, a multiple of 4.
        moved: (3, h, w) float32, the moved frame; the rows of `seen` are written.
        seen: (rows / 4, w / 4, 4, 4, 9).
    """
    width, scale = pixels.shape[1], mu_scale(mu)
    places = np.empty((3, width), np.uint32), np.empty((2, width), np.float32)
    curved = np.empty((3, width), seen.dtype)
    for i in range(seen.shape[0]):
        for dy in range(CELL):
            y = first + CELL * i + dy
            sample(pixels, linear, flow, y, places, moved[:, y])
            for c in range(3):
                for x in range(width):
                    curved[c, x] = stored(mu_law(moved[c, y, x], mu, scale), seen)
            for j in range(seen.shape[1]):
                for dx in range(CELL):
                    for c in range(3):
                        seen[i, j, dy, dx, 6 + c] = curved[c, CELL * j + dx]


@kernel
def describe_motion(flow: Any, unit: Any, rows: Any, out: Any) -> None:
    """Compute the mean motion of each cell, and its length, as `fast_core.summarise`.

    Args:
        flow: (2, h, w) float32 [px].
        unit: Pixels that count as 1, float32.
        rows: First row of cells and number of rows.
        out: (h / 4, w / 4, 3); these rows are written.
    """
    width = flow.shape[2]
    share = _ONE / (f32(CELL * CELL) * unit)
    sums = np.empty((2, width), np.float32)
    for i in range(rows[0], rows[0] + rows[1]):
        sums[:] = 0
        for dy in range(CELL):
            for k in range(2):
                for x in range(width):
                    sums[k, x] += flow[k, CELL * i + dy, x]
        for j in range(width // CELL):
            u, v = _ZERO, _ZERO
            for x in range(CELL * j, CELL * (j + 1)):
                u, v = u + sums[0, x], v + sums[1, x]
            u, v = u * share, v * share
            out[i, j, 0], out[i, j, 1] = stored(u, out), stored(v, out)
            out[i, j, 2] = stored(np.sqrt(u * u + v * v), out)


@kernel
def sample(pixels: Any, table: Any, flow: Any, y: Any, places: Any, out: Any) -> None:
    """Sample one row of a frame, moved onto the reference: bilinear, edges repeated.

    Args:
        pixels: (h, w, 3), the frame.
        table: (levels,) float32, the value to sample for each pixel value.
        flow: (2, h, w) float32, pixels (x, y) from the reference to this frame.
        y: Row of the reference.
        places: Scratch memory: (3, w) uint32, because Numba need not check unsigned indices for
            their sign, and (2, w) float32.
        out: (3, w) float32.
    """
    height, width = pixels.shape[0], pixels.shape[1]
    flat = pixels.reshape(height * width, 3)
    (here, right, down), (across, along) = places[0], places[1]
    for x in range(width):
        left, across[x] = place(f32(x) + flow[0, y, x], width)
        top, along[x] = place(f32(y) + flow[1, y, x], height)
        here[x] = top * width + left
        right[x] = min(left + 1, width - 1) - left
        down[x] = (min(top + 1, height - 1) - top) * width
    for x in range(width):
        a = here[x]
        b, c = a + right[x], a + down[x]
        d = c + right[x]
        u, v = across[x], along[x]
        for k in range(3):
            above = table[flat[a, k]]
            below = table[flat[c, k]]
            above += (table[flat[b, k]] - above) * u
            below += (table[flat[d, k]] - below) * u
            out[k, x] = above + (below - above) * v


@kernel
def place(coordinate: Any, size: Any) -> Any:
    """The pixel before a coordinate, and the distance to it; clamped to the picture, NaN to 0."""
    # The order matters: max and min return their first argument where the other is NaN.
    inside = min(max(_ZERO, coordinate), f32(size - 1))
    before = i32(inside)
    return before, inside - f32(before)

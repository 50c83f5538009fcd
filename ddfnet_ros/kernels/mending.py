# SPDX-License-Identifier: Apache-2.0
"""Halos mended where the reference is clipped: `runtime/halo.py` tells why and how."""

from __future__ import annotations

from typing import Any

import numpy as np

from ddfnet_ros.kernels.lanes import f32, kernel
from ddfnet_ros.kernels.levels import Levels

_ZERO, _ONE = f32(0), f32(1)


@kernel
def mend(
    levels: Levels, flow: Any, moved: Any, reference_index: Any, constants: Any, rows: Any,
    out: Any,
) -> None:
    """Raise clipped pixels of these rows that were mixed with something darker.

    Args:
        levels: Of n frames.
        flow: (n - 1, 2, h, w) float32.
        moved: (n - 1, 3, h, w) float32.
        reference_index: How many frames are shorter than the reference, at least 1.
        constants: float32: `halo`'s clipped level as a pixel value, certain, ramp and least.
        rows: The first, and how many.
        out: (3, h, w) float32, the radiance.
    """
    _, height, width, _ = levels.pixels.shape
    first = rows[0]
    offers = np.uint32((1 << 2 * reference_index) - 1)  # a bit for each
    darker = np.zeros((3, width + 2), np.uint32)  # of the row above, this one and the next: bits
    for y in range(first - 1, first + rows[1] + 1):
        for x in range(width):
            darker[(y + 3) % 3, x + 1] = 0
        if 0 <= y < height:
            for x in range(width):
                darker[(y + 3) % 3, x + 1] = _darker(
                    levels, moved, reference_index, constants, y, x)
        if y <= first:
            continue
        middle = y - 1
        for x in range(width):
            near = np.uint32(0)
            for row in range(3):
                near |= darker[row, x] | darker[row, x + 1] | darker[row, x + 2]
            if near == 0 or not _is_clipped(levels.pixels, constants, middle, x):
                continue
            contradicts = near if near != offers else darker[(middle + 3) % 3, x + 1]
            _raise(levels, flow, moved, offers & ~contradicts, constants, (middle, x), out)


@kernel
def _is_clipped(pixels: Any, constants: Any, y: Any, x: Any) -> Any:
    brightest = max(pixels[0, y, x, 0], pixels[0, y, x, 1], pixels[0, y, x, 2])
    return f32(brightest) >= constants[0]


@kernel
def _darker(
    levels: Levels, moved: Any, reference_index: Any, constants: Any, y: Any, x: Any
) -> Any:
    """A bit for each offer that is darker than the reference's white."""
    pixels, _, linear = levels
    found = np.uint32(0)
    for c in range(3):
        level = pixels[0, y, x, c]
        if f32(level) < constants[0]:
            continue
        least = linear[0, level] * constants[1]
        for k in range(1, reference_index + 1):
            if linear[k, pixels[k, y, x, c]] < least:
                found |= np.uint32(1) << np.uint32(2 * k - 2)
            if moved[k - 1, c, y, x] < least:
                found |= np.uint32(1) << np.uint32(2 * k - 1)
    return found


@kernel
def _raise(
    levels: Levels, flow: Any, moved: Any, agrees: Any, constants: Any, at: Any, out: Any
) -> None:
    """Fill one pixel with the mean of what is bright enough, or with the reference's white."""
    pixels, white, linear = levels
    y, x = at
    total = _ZERO
    red, green, blue = _ZERO, _ZERO, _ZERO
    for offer in range(2 * (len(pixels) - 1)):
        if not (agrees >> np.uint32(offer)) & np.uint32(1):
            continue
        k, is_moved = offer // 2 + 1, offer % 2
        if is_moved:
            brightest = _brightest_moved(pixels[k], flow[k - 1], y, x)
            r, g, b = moved[k - 1, 0, y, x], moved[k - 1, 1, y, x], moved[k - 1, 2, y, x]
        else:
            here = pixels[k, y, x]
            brightest = f32(max(here[0], here[1], here[2]))
            r, g, b = linear[k, here[0]], linear[k, here[1]], linear[k, here[2]]
        trust = min(max(constants[2] * (_ONE - brightest / white), constants[3]), _ONE)
        total += trust
        red, green, blue = red + trust * r, green + trust * g, blue + trust * b
    mean = red, green, blue
    for c in range(3):
        level = pixels[0, y, x, c]
        if f32(level) >= constants[0]:
            filled = mean[c] / total if total > 0 else linear[0, level]
            out[c, y, x] = max(out[c, y, x], filled)


@kernel
def _brightest_moved(pixels: Any, flow: Any, y: Any, x: Any) -> Any:
    """Largest of a moved pixel's three values, bilinear as in `describing.sample`."""
    height, width = pixels.shape[0], pixels.shape[1]
    sx = min(max(f32(x) + flow[0, y, x], _ZERO), f32(width - 1))
    sy = min(max(f32(y) + flow[1, y, x], _ZERO), f32(height - 1))
    left, top = int(sx), int(sy)
    right, below = min(left + 1, width - 1), min(top + 1, height - 1)
    across, along = sx - f32(left), sy - f32(top)
    brightest = _ZERO
    for c in range(3):
        upper = f32(pixels[top, left, c]) * (_ONE - across) + f32(pixels[top, right, c]) * across
        lower = (f32(pixels[below, left, c]) * (_ONE - across)
                 + f32(pixels[below, right, c]) * across)
        brightest = max(brightest, upper * (_ONE - along) + lower * along)
    return brightest

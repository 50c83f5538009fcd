# SPDX-License-Identifier: Apache-2.0
"""Mend halos where the reference is clipped; `runtime/halo.py` tells why and how."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ddfnet_ros.kernels.arithmetic import f32
from ddfnet_ros.kernels.blending import look_up, split
from ddfnet_ros.kernels.compiling import kernel
from ddfnet_ros.kernels.describing import place
from ddfnet_ros.kernels.levels import Levels

_ZERO, _ONE = f32(0), f32(1)


class Constants(NamedTuple):
    """Constants of `runtime/halo.py`; `ramp` is `merge.CLIP_RAMP`."""

    white: np.float32
    certain: np.float32
    ramp: np.float32
    least: np.float32


@kernel
def mend(
    levels: Levels, flow: Any, moved: Any, reference_index: int, constants: Constants,
    rows: tuple[int, int], out: Any,
) -> None:
    """Raise clipped pixels of these rows that were mixed with something darker.

    Args:
        levels: The n frames.
        flow: (n - 1, 2, h, w) float32, pixels (x, y) from the reference to the other frames.
        moved: (n - 1, 3, h, w) float32, the moved frames from `describe_moved`.
        reference_index: Number of frames shorter than the reference, at least 1.
        constants: See `Constants`.
        rows: First row and number of rows.
        out: (3, h, w) float32, the radiance; changed in place.
    """
    height, width = levels.pixels.shape[1:3]
    clipped = constants.white * levels.white
    least = _darkness_bounds(levels.linear[0], clipped, constants.certain)
    offers = np.uint32((1 << 2 * reference_index) - 1)  # a bit for each offer
    # Offers that are darker: in the row above, this row and the next, with a column to each side.
    above, here, below = np.zeros((3, width + 2), np.uint32)
    near = np.empty(width, np.uint32)
    for y in range(rows[0] - 1, rows[0] + rows[1] + 1):
        above, here, below = here, below, above
        below[:] = 0
        if 0 <= y < height and _any_clipped(levels.pixels[0, y].reshape(-1), clipped):
            _mark_darker(levels, moved, reference_index, least, y, below[1:-1])
        if y <= rows[0] or not _mark_neighbours(above, here, below, near):
            continue
        for x in range(width):
            if near[x] and _is_clipped(levels.pixels[0, y - 1, x], clipped):
                contradicts = near[x] if near[x] != offers else here[x + 1]
                agrees = offers & ~contradicts
                _raise_pixel(levels, flow, moved, agrees, constants, (y - 1, x), out)


@kernel
def _darkness_bounds(linear: Any, clipped: Any, certain: Any) -> Any:
    """For each pixel value of the reference: offers below this bound are darker than its white.

    No offer is darker than a value that is not clipped: there the bound is minus infinity.
    """
    least = np.full(len(linear), -np.inf, np.float32)
    for level in range(len(linear)):
        if f32(level) >= clipped:
            least[level] = linear[level] * certain
    return least


@kernel
def _any_clipped(values: Any, clipped: Any) -> Any:
    """Whether any value of a row is clipped."""
    brightest = values[0]
    for i in range(len(values)):
        brightest = max(brightest, values[i])
    return f32(brightest) >= clipped


@kernel
def _is_clipped(pixel: Any, clipped: Any) -> Any:
    """Whether any channel of a pixel is clipped."""
    return f32(max(pixel[0], pixel[1], pixel[2])) >= clipped


@kernel
def _mark_darker(
    levels: Levels, moved: Any, reference_index: Any, least: Any, y: Any, found: Any
) -> None:
    """Set a bit in `found` for each offer that is darker than the reference's white, for a row."""
    pixels, _, linear = levels
    width = len(found)
    planes = np.empty((2, 3, width), pixels.dtype)
    bounds, still = np.empty((3, width), np.float32), np.empty(width, np.float32)
    split(pixels[0, y].reshape(-1), planes[0, 0], planes[0, 1], planes[0, 2])
    for c in range(3):
        look_up(planes[0, c], least, bounds[c])
    for k in range(1, reference_index + 1):
        split(pixels[k, y].reshape(-1), planes[1, 0], planes[1, 1], planes[1, 2])
        for c in range(3):
            look_up(planes[1, c], linear[k], still)
            _set_where_darker(still, bounds[c], np.uint32(1 << 2 * k - 2), found)
            _set_where_darker(moved[k - 1, c, y], bounds[c], np.uint32(1 << 2 * k - 1), found)


@kernel
def _set_where_darker(offered: Any, bounds: Any, bit: Any, found: Any) -> None:
    """Set a bit in `found` where an offer is below its bound."""
    for x in range(len(found)):
        found[x] |= bit if offered[x] < bounds[x] else np.uint32(0)


@kernel
def _mark_neighbours(above: Any, here: Any, below: Any, near: Any) -> Any:
    """Combine the bits at and around each pixel of a row; returns the bits of the whole row."""
    found = np.uint32(0)
    for x in range(len(near)):
        near[x] = (above[x] | above[x + 1] | above[x + 2] | here[x] | here[x + 1] | here[x + 2]
                   | below[x] | below[x + 1] | below[x + 2])
        found |= near[x]
    return found


@kernel
def _raise_pixel(
    levels: Levels, flow: Any, moved: Any, agrees: Any, constants: Any, at: Any, out: Any
) -> None:
    """Raise one pixel to the mean of the offers that agree, or to the reference's white."""
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
        trust = min(max(constants.ramp * (_ONE - brightest / white), constants.least), _ONE)
        total += trust
        red, green, blue = red + trust * r, green + trust * g, blue + trust * b
    mean = red, green, blue
    for c in range(3):
        level = pixels[0, y, x, c]
        if f32(level) >= constants.white * white:
            filled = mean[c] / total if total > 0 else linear[0, level]
            out[c, y, x] = max(out[c, y, x], filled)


@kernel
def _brightest_moved(pixels: Any, flow: Any, y: Any, x: Any) -> Any:
    """Largest of a moved pixel's three values, sampled as in `describing.sample`."""
    height, width = pixels.shape[0], pixels.shape[1]
    left, across = place(f32(x) + flow[0, y, x], width)
    top, along = place(f32(y) + flow[1, y, x], height)
    right, below = min(left + 1, width - 1), min(top + 1, height - 1)
    brightest = _ZERO
    for c in range(3):
        upper = f32(pixels[top, left, c]) * (_ONE - across) + f32(pixels[top, right, c]) * across
        lower = (f32(pixels[below, left, c]) * (_ONE - across)
                 + f32(pixels[below, right, c]) * across)
        brightest = max(brightest, upper * (_ONE - along) + lower * along)
    return brightest

# SPDX-License-Identifier: Apache-2.0
"""The small network's last step: the frames, as taken and moved, mixed by its logits."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ddfnet_ros.kernels.arithmetic import exp, f32
from ddfnet_ros.kernels.cells import CELL
from ddfnet_ros.kernels.compiling import kernel
from ddfnet_ros.kernels.levels import Levels

_ONE, _TWO, _ZERO = f32(1), f32(2), f32(0)


class Constants(NamedTuple):
    """Those of `merge.starting_weights`, and the largest logit that counts."""

    bright: np.float32
    floor: np.float32
    ramp: np.float32
    most: np.float32


@kernel
def blend(
    levels: Levels, moved: Any, logits: Any, reference_index: int, constants: Constants,
    rows: tuple[int, int], out: Any,
) -> None:
    """Rows of the radiance: each frame counts by `merge.starting_weights` times exp(logit).

    Args:
        levels: Of n frames.
        moved: (n - 1, 3, h, w) float32, from `describe_moved`.
        logits: n of (h / 4, w / 4, 32) float32: of 4x4 pixels in place, then of the same moved.
        reference_index: How many frames are shorter than the reference.
        constants: What counts as what.
        rows: The first, and how many; multiples of 4.
        out: (3, h, w) float32; these rows are filled in.
    """
    pixels, white, linear = levels
    n, _, width, _ = pixels.shape
    bright, floor, ramp, most = constants
    trust = np.empty((n, width), np.float32)
    ldr, still = np.empty((n, width), np.float32), np.empty((n, width), np.float32)
    of_cells = np.empty((n, width // CELL, 2 * CELL * CELL), np.float32)
    odds = np.empty((n, 2, width), np.float32)
    total, weight = np.empty(width, np.float32), np.empty(width, np.float32)
    planes = np.empty((n, 3, width), pixels.dtype)
    for y in range(rows[0], rows[0] + rows[1]):
        for k in range(n):
            if y % CELL == 0:
                _exp(logits[k][y // CELL].reshape(-1), most, of_cells[k].reshape(-1))
            split(pixels[k, y].reshape(-1), planes[k, 0], planes[k, 1], planes[k, 2])
            for way in range(2):
                _pick(of_cells[k], CELL * (CELL * way + y % CELL), odds[k, way])
        for c in range(3):
            for k in range(n):
                _shares(planes[k, c], white, ldr[k])
                look_up(planes[k, c], linear[k], still[k])
            _starting_weights(ldr, reference_index, bright, floor, ramp, trust)
            total[:], weight[:] = 0, 0
            for k in range(n):
                there = moved[k - 1, c, y] if k else still[0]
                _add(trust[k], odds[k, 0], odds[k, 1], still[k], there, total, weight)
            for x in range(width):
                out[c, y, x] = total[x] / weight[x]


# Loops over a row of arrays of one dimension each: what LLVM makes vector instructions of.


@kernel
def _exp(logits: Any, most: Any, out: Any) -> None:
    for x in range(len(out)):
        out[x] = exp(min(max(logits[x], -most), most))


@kernel
def _pick(cells: Any, begin: Any, out: Any) -> None:
    """One row of pixels out of a row of cells."""
    for j in range(len(cells)):
        for dx in range(CELL):
            out[CELL * j + dx] = cells[j, begin + dx]


@kernel
def split(pixels: Any, red: Any, green: Any, blue: Any) -> None:
    """A row of pixels, one after the other, into its channels."""
    for x in range(len(red)):
        red[x], green[x], blue[x] = pixels[3 * x], pixels[3 * x + 1], pixels[3 * x + 2]


@kernel
def look_up(values: Any, table: Any, out: Any) -> None:
    """What a table has for each value."""
    for x in range(len(out)):
        out[x] = table[values[x]]


@kernel
def _shares(values: Any, white: Any, out: Any) -> None:
    for x in range(len(out)):
        out[x] = f32(values[x]) / white


@kernel
def _add(
    trust: Any, in_place: Any, in_motion: Any, still: Any, there: Any, total: Any, weight: Any
) -> None:
    for x in range(len(total)):
        total[x] += trust[x] * (in_place[x] * still[x] + in_motion[x] * there[x])
        weight[x] += trust[x] * (in_place[x] + in_motion[x])


@kernel
def _starting_weights(
    ldr: Any, reference_index: Any, bright: Any, floor: Any, ramp: Any, trust: Any
) -> None:
    """`merge.starting_weights` of one channel of a row, (n, w)."""
    n = len(ldr)
    slope = _ONE / (_ONE - bright)
    trust[0, :] = 1
    for taker in range(reference_index, 0, -1):
        giver = taker + 1 if taker < reference_index else 0
        _too_bright(ldr[giver], bright, slope, trust[taker])
        _hand_on(trust[giver], trust[taker], giver > 0)
    for taker in range(reference_index + 1, n):
        giver = taker - 1 if taker > reference_index + 1 else 0
        _too_dark(ldr[giver], ldr[taker], ramp, trust[taker])
        _hand_on(trust[giver], trust[taker], giver > 0)
    for k in range(n):
        trust[k] += floor


@kernel
def _too_bright(giver: Any, bright: Any, slope: Any, out: Any) -> None:
    for x in range(len(out)):
        out[x] = max((giver[x] - bright) * slope, _ZERO)


@kernel
def _too_dark(giver: Any, taker: Any, ramp: Any, out: Any) -> None:
    for x in range(len(out)):
        out[x] = max(_ONE - _TWO * giver[x], _ZERO) * min(ramp * (_ONE - taker[x]), _ONE)


@kernel
def _hand_on(giver: Any, taker: Any, of_its_own: Any) -> None:
    """The taker's share is of what the giver has; of the reference it is of the whole."""
    for x in range(len(giver)):
        share = taker[x] * giver[x] if of_its_own else taker[x]
        giver[x] -= share
        taker[x] = share

# SPDX-License-Identifier: Apache-2.0
"""The small network's last step: blend the frames, in place and moved, by its logits."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ddfnet_ros.kernels.arithmetic import exp, f32
from ddfnet_ros.kernels.cells import CELL
from ddfnet_ros.kernels.compiling import kernel
from ddfnet_ros.kernels.levels import Levels

_ONE, _TWO, _ZERO = f32(1), f32(2), f32(0)


class Constants(NamedTuple):
    """Constants of `merge.starting_weights` (BRIGHT, FLOOR, CLIP_RAMP), and the largest logit."""

    bright: np.float32
    floor: np.float32
    ramp: np.float32
    most: np.float32


@kernel
def blend(
    levels: Levels, moved: Any, logits: Any, reference_index: int, constants: Constants,
    rows: tuple[int, int], out: Any,
) -> None:
    """Compute rows of the radiance; weights are `merge.starting_weights` times exp(logit).

    Args:
        levels: The n frames.
        moved: (n - 1, 3, h, w) float32, the moved frames from `describe_moved`.
        logits: n arrays (h / 4, w / 4, 32) float32; for each cell the logits of its 4x4 pixels in
            place, then of those moved.
        reference_index: Number of frames shorter than the reference.
        constants: See `Constants`.
        rows: First row and number of rows; multiples of 4.
        out: (3, h, w) float32; these rows are written.
    """
    pixels, white, linear = levels
    n, _, width, _ = pixels.shape
    bright, floor, ramp, most = constants
    trust = np.empty((n, width), np.float32)
    ldr, still = np.empty((n, width), np.float32), np.empty((n, width), np.float32)
    odds_of_cells = np.empty((n, width // CELL, 2 * CELL * CELL), np.float32)
    odds = np.empty((n, 2, width), np.float32)
    total, weight = np.empty(width, np.float32), np.empty(width, np.float32)
    planes = np.empty((n, 3, width), pixels.dtype)
    for y in range(rows[0], rows[0] + rows[1]):
        for k in range(n):
            if y % CELL == 0:
                _clip_and_exp(
                    logits[k][y // CELL].reshape(-1), most, odds_of_cells[k].reshape(-1))
            split(pixels[k, y].reshape(-1), planes[k, 0], planes[k, 1], planes[k, 2])
            for way in range(2):
                _pixel_row(odds_of_cells[k], CELL * (CELL * way + y % CELL), odds[k, way])
        for c in range(3):
            for k in range(n):
                _scale_to_white(planes[k, c], white, ldr[k])
                look_up(planes[k, c], linear[k], still[k])
            _starting_weights(ldr, reference_index, bright, floor, ramp, trust)
            total[:], weight[:] = 0, 0
            for k in range(n):
                shifted = moved[k - 1, c, y] if k else still[0]
                _accumulate(
                    trust[k], odds[k, 0], odds[k, 1], still[k], shifted, total, weight)
            for x in range(width):
                out[c, y, x] = total[x] / weight[x]


# Loops over rows, in one-dimensional arrays: LLVM turns these into vector instructions.


@kernel
def _clip_and_exp(logits: Any, most: Any, out: Any) -> None:
    for x in range(len(out)):
        out[x] = exp(min(max(logits[x], -most), most))


@kernel
def _pixel_row(cells: Any, begin: Any, out: Any) -> None:
    """Copy one row of pixels out of a row of cells; `begin` is its first channel in each cell."""
    for j in range(len(cells)):
        for dx in range(CELL):
            out[CELL * j + dx] = cells[j, begin + dx]


@kernel
def split(pixels: Any, red: Any, green: Any, blue: Any) -> None:
    """Split a row of interleaved pixels into its channels."""
    for x in range(len(red)):
        red[x], green[x], blue[x] = pixels[3 * x], pixels[3 * x + 1], pixels[3 * x + 2]


@kernel
def look_up(values: Any, table: Any, out: Any) -> None:
    """Look up each value in a table."""
    for x in range(len(out)):
        out[x] = table[values[x]]


@kernel
def _scale_to_white(values: Any, white: Any, out: Any) -> None:
    for x in range(len(out)):
        out[x] = f32(values[x]) / white


@kernel
def _accumulate(
    trust: Any, odds_still: Any, odds_moved: Any, still: Any, moved: Any, total: Any, weight: Any
) -> None:
    """Add a frame's weighted values, in place and moved, to the total, and its weights."""
    for x in range(len(total)):
        total[x] += trust[x] * (odds_still[x] * still[x] + odds_moved[x] * moved[x])
        weight[x] += trust[x] * (odds_still[x] + odds_moved[x])


@kernel
def _starting_weights(
    ldr: Any, reference_index: Any, bright: Any, floor: Any, ramp: Any, trust: Any
) -> None:
    """Compute `merge.starting_weights` (n, w) of one channel of a row."""
    n = len(ldr)
    slope = _ONE / (_ONE - bright)
    trust[0, :] = 1
    for taker in range(reference_index, 0, -1):
        giver = taker + 1 if taker < reference_index else 0
        _too_bright(ldr[giver], bright, slope, trust[taker])
        _hand_over(trust[giver], trust[taker], giver > 0)
    for taker in range(reference_index + 1, n):
        giver = taker - 1 if taker > reference_index + 1 else 0
        _too_dark(ldr[giver], ldr[taker], ramp, trust[taker])
        _hand_over(trust[giver], trust[taker], giver > 0)
    for k in range(n):
        trust[k] += floor


@kernel
def _too_bright(giver: Any, bright: Any, slope: Any, out: Any) -> None:
    """Share that a shorter frame takes: from 0 at `bright` to 1 at white."""
    for x in range(len(out)):
        out[x] = max((giver[x] - bright) * slope, _ZERO)


@kernel
def _too_dark(giver: Any, taker: Any, ramp: Any, out: Any) -> None:
    """Share that a longer frame takes: from 1 at black to 0 at mid-grey; less where it clips."""
    for x in range(len(out)):
        out[x] = max(_ONE - _TWO * giver[x], _ZERO) * min(ramp * (_ONE - taker[x]), _ONE)


@kernel
def _hand_over(giver: Any, taker: Any, is_relative: Any) -> None:
    """Move weight from giver to taker.

    `taker` holds the share to take: of the giver's weight if `is_relative`, else of 1, which is
    how the reference gives.
    """
    for x in range(len(giver)):
        share = taker[x] * giver[x] if is_relative else taker[x]
        giver[x] -= share
        taker[x] = share

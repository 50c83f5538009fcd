# SPDX-License-Identifier: Apache-2.0
"""Convert a bracket to the network's input stack, on the host, in few passes over the pixels."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.bracket import Bracket, Pixels
from ddfnet_ros.radiance import linearise, relative_exposures
from ddfnet_ros.settings import RadianceSettings

_Plane = npt.NDArray[np.float32]

_SENSIBLE_EXPOSURES = (1e-12, 1e12)  # [s]; outside, radiance would leave float32's range


def check_exposures(bracket: Bracket) -> None:
    """Raise ValueError for exposures that no camera has."""
    low, high = _SENSIBLE_EXPOSURES
    for exposure in bracket.exposures:
        if not low <= exposure <= high:
            raise ValueError(f'expected exposures of {low:g} to {high:g} s, got {exposure:g}; '
                             'check exposure_times and gain')


def stack_of(
    bracket: Bracket, settings: RadianceSettings, padded: tuple[int, int], pinned: bool = False
) -> Float[Tensor, '1 n 6 h w']:
    """Build X_i = [I_i, P_i] (Sec. 3.1) for a whole bracket, the reference first.

    Equal to `radiance.input_stack`, but integer pixels are looked up in tables.

    Args:
        bracket: Grey or RGB frames; grey is repeated into three channels.
        settings: Camera response.
        padded: Height and width of the result, not below the frames'; the last row and column
            are repeated.
        pinned: Whether the result is in pinned memory, from which a GPU copies by itself.
    """
    frames = bracket.reference_first
    exposures = relative_exposures([frame.exposure for frame in frames]).numpy()
    stack = torch.empty((1, len(frames), 6, *padded), pin_memory=pinned)
    for channels, frame, exposure in zip(stack[0].numpy(), frames, exposures, strict=True):
        planes = _padded_planes(frame.pixels, padded)
        ldr, corrected = channels[: len(planes)], channels[3 : 3 + len(planes)]
        if planes.dtype == np.float32:
            np.clip(planes, 0, 1, out=ldr)
            linear = linearise(torch.from_numpy(ldr), settings.response, settings.gamma)
            np.divide(linear.numpy(), exposure, out=corrected)
        else:
            top = int(np.iinfo(planes.dtype).max)
            _look_up(planes, level_table(top), ldr)
            table = level_table(top, settings.response, settings.gamma) / exposure
            _look_up(planes, table, corrected)
        if len(planes) == 1:
            channels[1:3], channels[4:6] = ldr, corrected
    return stack


def _padded_planes(pixels: Pixels, padded: tuple[int, int]) -> npt.NDArray[Any]:
    """Copy (H, W[, C]) pixels to (C, h, w); the last row and column are repeated."""
    interleaved = pixels.reshape(*pixels.shape[:2], -1)
    planes = np.empty((interleaved.shape[2], *padded), pixels.dtype)
    pad_into(interleaved, planes.transpose(1, 2, 0))
    return planes


def pad_into(pixels: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    """Copy (H, W, C) pixels into (h, w, C); the last row and column are repeated to fill it."""
    height, width = pixels.shape[:2]
    out[:height, :width] = pixels
    repeat_edges(out, height, width)


def repeat_edges(planes: npt.NDArray[Any], height: int, width: int) -> None:
    """Fill (h, w, ...) beyond `height` rows and `width` columns with the last row and column."""
    planes[height:, :width] = planes[height - 1:height, :width]
    planes[:, width:] = planes[:, width - 1:width]


def _look_up(planes: npt.NDArray[Any], table: _Plane, out: _Plane) -> None:
    """Write the table's entry for each pixel value."""
    if planes.dtype == np.uint8:  # OpenCV looks up four times as fast, but only in 256 entries.
        width = planes.shape[-1]
        cv2.LUT(planes.reshape(-1, width), table, dst=out.reshape(-1, width))
    else:
        np.take(table, planes, out=out, mode='clip')


@lru_cache(maxsize=16)
def level_table(top: int, response: str = 'linear', gamma: float = 1.0) -> _Plane:
    """Linear value in [0, 1] of each integer pixel value from 0 to `top`, as float32."""
    levels = torch.arange(top + 1, dtype=torch.float64) / top
    table: _Plane = linearise(levels, response, gamma).float().numpy()
    return table

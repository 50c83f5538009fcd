# SPDX-License-Identifier: Apache-2.0
"""Build the input stack on the device from 8 or 16-bit frames: only these cross the bus."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor

from ddfnet_ros.bracket import Bracket, white_level
from ddfnet_ros.radiance import relative_exposures
from ddfnet_ros.runtime.preparation import level_table, pad_into
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.settings import RadianceSettings

_BUS_TYPES = {'uint8': torch.uint8, 'uint16': torch.int16}
"""Torch type in which pixels cross the bus, by NumPy type; torch computes little with uint16."""


def crosses_as_bits(bracket: Bracket) -> bool:
    """Whether the frames have 8 or 16 bits, as `upload_stack` needs."""
    return bracket.reference.pixels.dtype.name in _BUS_TYPES


def upload_stack(
    bracket: Bracket, settings: RadianceSettings, padded: tuple[int, int], stage: Stage
) -> Float[Tensor, '1 n 6 h w']:
    """Build the same stack as `preparation.stack_of`, on the device.

    Args:
        bracket: Grey or RGB frames of 8 or 16 bits; grey is repeated into three channels.
        settings: Camera response.
        padded: Height and width of the result, not below the frames'; the last row and column
            are repeated.
        stage: Stage that uploads.
    """
    pixels = stage.to_device(_padded_frames(bracket, padded, stage.pins))
    tables = stage.to_device(_value_tables(bracket, settings, stage.pins))
    return _look_up(pixels, tables)


def _padded_frames(
    bracket: Bracket, padded: tuple[int, int], pinned: bool
) -> Integer[Tensor, 'n h w c']:
    """The frames' own pixels, the reference first, padded."""
    frames = bracket.reference_first
    shape = (len(frames), *padded, 1 if frames[0].pixels.ndim == 2 else 3)
    dtype = frames[0].pixels.dtype
    pixels = torch.empty(shape, dtype=_BUS_TYPES[dtype.name], pin_memory=pinned)
    for out, frame in zip(pixels.numpy().view(dtype), frames, strict=True):
        pad_into(frame.pixels.reshape(*frame.pixels.shape[:2], -1), out)
    return pixels


def _value_tables(
    bracket: Bracket, settings: RadianceSettings, pinned: bool
) -> Float[Tensor, 'n levels 2']:
    """I_i and P_i of each pixel value of each frame."""
    frames = bracket.reference_first
    top = int(white_level(frames[0].pixels))
    ldr, linear = level_table(top), level_table(top, settings.response, settings.gamma)
    exposures = relative_exposures([frame.exposure for frame in frames]).numpy()
    tables = torch.empty((len(frames), top + 1, 2), pin_memory=pinned)
    for out, exposure in zip(tables.numpy(), exposures, strict=True):
        out[:, 0] = ldr
        np.divide(linear, exposure, out=out[:, 1])
    return tables


def _look_up(
    pixels: Integer[Tensor, 'n h w c'], tables: Float[Tensor, 'n levels 2']
) -> Float[Tensor, '1 n 6 h w']:
    """Look up all pixels, frame by frame: indices take up to eight times the memory of pixels."""
    count, height, width, _ = pixels.shape
    stack = tables.new_empty((count, 2, 3, height, width))
    for out, frame, table in zip(stack, pixels, tables, strict=True):
        # int16 holds the bits of uint16: large values become negative indices, which count from
        # the end of the table and so find the right entry.
        out.copy_(table[frame.long()].permute(3, 2, 0, 1))
    return stack.flatten(1, 2)[None]

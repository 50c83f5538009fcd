# SPDX-License-Identifier: Apache-2.0
"""Frames of 8 or 16 bits become the input stack where the network is: only they cross the bus."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor

from ddfnet_ros.bracket import Bracket, white_level
from ddfnet_ros.radiance import relative_exposures
from ddfnet_ros.runtime.preparation import levels_of, padded_pixels
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.settings import RadianceSettings

_BITS = {'uint8': torch.uint8, 'uint16': torch.int16}
"""What pixels cross the bus as: torch computes little with uint16."""


def crosses_as_bits(bracket: Bracket) -> bool:
    """Whether frames are of 8 or 16 bits."""
    return bracket.reference.pixels.dtype.name in _BITS


def uploaded_stack(
    bracket: Bracket, settings: RadianceSettings, padded: tuple[int, int], stage: Stage
) -> Float[Tensor, '1 n 6 h w']:
    """What `preparation.stack_of` gives, on a stage's device.

    Args:
        bracket: Of 8 or 16 bits, grey or RGB; grey is repeated into three channels.
        settings: Name the camera response.
        padded: Height and width of the result, at least the frames'; the edge is repeated.
        stage: Copies.
    """
    pixels = stage.to_device(_bits(bracket, padded, stage.pins))
    meanings = stage.to_device(_meanings(bracket, settings, stage.pins))
    return _looked_up(pixels, meanings)


def _bits(
    bracket: Bracket, padded: tuple[int, int], pinned: bool
) -> Integer[Tensor, 'n h w c']:
    """The frames' own pixels, the reference first, padded."""
    frames = bracket.reference_first
    shape = (len(frames), *padded, 1 if frames[0].pixels.ndim == 2 else 3)
    dtype = frames[0].pixels.dtype
    bits = torch.empty(shape, dtype=_BITS[dtype.name], pin_memory=pinned)
    for out, frame in zip(bits.numpy().view(dtype), frames, strict=True):
        padded_pixels(frame.pixels.reshape(*frame.pixels.shape[:2], -1), out)
    return bits


def _meanings(
    bracket: Bracket, settings: RadianceSettings, pinned: bool
) -> Float[Tensor, 'n levels 2']:
    """I_i and P_i of each pixel value of each frame."""
    frames = bracket.reference_first
    top = int(white_level(frames[0].pixels))
    ldr, linear = levels_of(top), levels_of(top, settings.response, settings.gamma)
    exposures = relative_exposures([frame.exposure for frame in frames]).numpy()
    meanings = torch.empty((len(frames), top + 1, 2), pin_memory=pinned)
    for out, exposure in zip(meanings.numpy(), exposures, strict=True):
        out[:, 0] = ldr
        np.divide(linear, exposure, out=out[:, 1])
    return meanings


def _looked_up(
    pixels: Integer[Tensor, 'n h w c'], meanings: Float[Tensor, 'n levels 2']
) -> Float[Tensor, '1 n 6 h w']:
    """One frame after the other, because indices take eight times the memory of pixels."""
    count, height, width, _ = pixels.shape
    stack = meanings.new_empty((count, 2, 3, height, width))
    for out, frame, meaning in zip(stack, pixels, meanings, strict=True):
        # int16 has the bits of uint16, and a negative index counts from the end, as they do.
        out.copy_(meaning[frame.long()].permute(3, 2, 0, 1))
    return stack.flatten(1, 2)[None]

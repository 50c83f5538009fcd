# SPDX-License-Identifier: Apache-2.0
"""Pictures of a result: its radiance in 16 bits, its motion as colours, its frames in 8 bits."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.bracket import Pixels, white_level
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.tonemap import MU, mu_law

FULL_COLOUR = 16.0
"""Pixels of motion that have the full colour."""

_TOP = 65535


def sixteen_bit(deghosted: Deghosted, *, log: bool = False) -> npt.NDArray[np.uint16]:
    """Radiance on the scale of the shortest exposure: 65535 is where that one clips.

    Args:
        deghosted: Whose radiance.
        log: By the mu-law with mu 5000 (Eq. 8), log(1 + 5000 H) / log(5001), instead of linear;
            `tonemap.inverse_mu_law` undoes it.

    Returns:
        (H, W, 3) RGB or (H, W); multiplied by `white(deghosted) / 65535` it is radiance.
    """
    flat = deghosted.radiance.reshape(len(deghosted.radiance), -1)
    scale = 1 / white(deghosted)
    if log:
        relative = torch.from_numpy(flat).mul(scale).clamp_(max=1)
        flat, scale = mu_law(relative, MU).numpy(), 1.0
    factor: Any = scale * _TOP  # OpenCV's stubs know of no scalar
    scaled = cv2.multiply(flat, factor, dtype=cv2.CV_16U)  # rounds and saturates
    return scaled.astype(np.uint16, copy=False).reshape(deghosted.radiance.shape)


def white(deghosted: Deghosted) -> float:
    """Radiance at which the shortest exposure clips, in the unit of Eq. 2."""
    return 1 / min(deghosted.bracket.exposures)


def flow_picture(deghosted: Deghosted) -> npt.NDArray[np.uint8]:
    """The motion to the next longer exposure on the colour wheel, (H, W, 3) RGB.

    Where the reference is the longest exposure, the motion is that to the next shorter one.
    """
    motion = deghosted.motion()
    return colour_wheel(motion[min(deghosted.bracket.reference_index, len(motion) - 1)])


def colour_wheel(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Vectors as colours, (H, W, 2) [pixels] to (H, W, 3) RGB.

    The hue is the direction (red: right, then clockwise on the screen over yellow, green, blue),
    the saturation the length, full from `FULL_COLOUR` on; white stands still.
    """
    x, y = cv2.split(vectors)
    length, angle = cv2.cartToPolar(x, y, angleInDegrees=True)
    colours = cv2.merge([
        np.rint(angle / 2).astype(np.uint8) % 180,  # OpenCV's hue has 180 steps
        np.rint(length * (255 / FULL_COLOUR)).clip(0, 255).astype(np.uint8),
        np.full(x.shape, 255, np.uint8),
    ])
    picture: npt.NDArray[np.uint8] = np.asarray(cv2.cvtColor(colours, cv2.COLOR_HSV2RGB))
    return picture


def eight_bit(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """A frame's pixels of any type in 8 bits."""
    values = pixels.astype(np.float32) * np.float32(255 / white_level(pixels))
    return np.rint(values.clip(0, 255)).astype(np.uint8)

# SPDX-License-Identifier: Apache-2.0
"""Converts results to pictures: radiance in 16 bits, motion as colours, frames in 8 bits."""

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
"""Length of motion that has full saturation [pixels]."""

_TOP = 65535


def sixteen_bit(deghosted: Deghosted, *, log: bool = False) -> npt.NDArray[np.uint16]:
    """Radiance as 16-bit integers: 65535 is where the shortest exposure clips.

    Args:
        deghosted: Result with the radiance.
        log: Encode by the mu-law (Eq. 8) with mu 5000, log(1 + 5000 H) / log(5001), instead of
            linearly; `tonemap.inverse_mu_law` inverts it.

    Returns:
        (H, W, 3) RGB or (H, W). Linear values times `white(deghosted) / 65535` are radiance.
    """
    flat = deghosted.radiance.reshape(len(deghosted.radiance), -1)
    scale = 1 / white(deghosted)
    if log:
        relative = torch.from_numpy(flat).mul(scale).clamp_(max=1)
        flat, scale = mu_law(relative, MU).numpy(), 1.0
    factor: Any = scale * _TOP  # the stubs of OpenCV allow no scalar
    scaled = cv2.multiply(flat, factor, dtype=cv2.CV_16U)  # rounds and saturates
    return scaled.astype(np.uint16, copy=False).reshape(deghosted.radiance.shape)


def white(deghosted: Deghosted) -> float:
    """Radiance at which the shortest exposure clips, in the unit of Eq. 2."""
    return 1 / min(deghosted.bracket.exposures)


def flow_picture(deghosted: Deghosted) -> npt.NDArray[np.uint8]:
    """Motion from the reference to the next longer exposure as colours, (H, W, 3) RGB.

    If the reference is the longest exposure: motion to the next shorter one.
    """
    motion = deghosted.motion()
    return colour_wheel(motion[min(deghosted.bracket.reference_index, len(motion) - 1)])


def colour_wheel(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Convert vectors, (H, W, 2) [pixels], to colours, (H, W, 3) RGB.

    The hue is the direction: red to the right, then clockwise over yellow, green and blue. The
    saturation is the length, full from `FULL_COLOUR` on; white is no motion.
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
    """Convert pixels of any type to 8 bits."""
    values = pixels.astype(np.float32) * np.float32(255 / white_level(pixels))
    return np.rint(values.clip(0, 255)).astype(np.uint8)

# SPDX-License-Identifier: Apache-2.0
"""JPEG compression artefacts."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


def through_jpeg(
    frames: Float[Tensor, '... 3 h w'], quality: int
) -> Float[Tensor, '... 3 h w']:
    """Compress every frame to 8-bit JPEG with halved colour resolution, and decode it again.

    Args:
        frames: RGB in [0, 1].
        quality: JPEG quality as libjpeg counts it, 1 to 100.
    """
    pictures = frames.reshape(-1, *frames.shape[-3:])
    pixels = (pictures * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    decoded = np.stack([_encode_and_decode(picture[..., ::-1], quality) for picture in pixels])
    planes = torch.from_numpy(decoded).to(frames.device).flip(-1).permute(0, 3, 1, 2)
    return planes.to(frames.dtype).div(255).reshape(frames.shape)


def _encode_and_decode(bgr: np.ndarray, quality: int) -> np.ndarray:
    options = (cv2.IMWRITE_JPEG_QUALITY, quality)
    _, stream = cv2.imencode('.jpg', np.ascontiguousarray(bgr), options)
    return np.asarray(cv2.imdecode(stream, cv2.IMREAD_COLOR))

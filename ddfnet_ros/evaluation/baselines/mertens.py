# SPDX-License-Identifier: Apache-2.0
"""OpenCV's exposure fusion (Mertens et al. 2007), plain and after alignment (Ward 2003)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.evaluation.baselines.frames import Stack, grey_of, ldr_of, like_frames


def exposure_fusion(bracket: Bracket) -> Float32[np.ndarray, 'h w *c']:
    """Blend the frames by contrast, saturation and exposedness in a Laplacian pyramid."""
    return like_frames(_fuse(ldr_of(bracket)), bracket)


def aligned_exposure_fusion(bracket: Bracket) -> Float32[np.ndarray, 'h w *c']:
    """Exposure fusion after every frame is shifted onto the reference by whole pixels."""
    ldr = ldr_of(bracket)
    return like_frames(_fuse(aligned(ldr, bracket.reference_index)), bracket)


def aligned(ldr: Stack, reference_index: int) -> Stack:
    """Shift frames onto the reference so that their median threshold bitmaps agree."""
    height, width = ldr.shape[1:3]
    # Ward's pyramid has 6 levels. Levels below 8 pixels are left out: any bitmaps agree there.
    levels = int(np.clip(np.log2(min(height, width)) - 3, 1, 6))
    aligner: Any = cv2.createAlignMTB(levels)
    grey = [np.round(grey_of(frame) * 255).astype(np.uint8) for frame in ldr]
    shifts = [aligner.calculateShift(grey[reference_index], other) for other in grey]
    return np.stack([_shifted(frame, *shift) for frame, shift in zip(ldr, shifts, strict=True)])


def _shifted(
    frame: Float32[np.ndarray, 'h w 3'], dx: int, dy: int
) -> Float32[np.ndarray, 'h w 3']:
    height, width = frame.shape[:2]
    rows = np.clip(np.arange(height) - dy, 0, height - 1)
    columns = np.clip(np.arange(width) - dx, 0, width - 1)
    return frame[rows][:, columns]


def _fuse(ldr: Stack) -> Float32[np.ndarray, 'h w 3']:
    merger: Any = cv2.createMergeMertens()
    picture = merger.process([np.round(frame * 255).astype(np.uint8) for frame in ldr])
    return np.clip(picture, 0, 1).astype(np.float32)

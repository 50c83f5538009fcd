# SPDX-License-Identifier: Apache-2.0
"""MEF-SSIM: how well a fused picture keeps the structure of its exposures, without ground truth.

`mef_ssim` is the index of Ma, Zeng and Wang (2015). In every window it compares the picture with
a patch that has the highest contrast of all exposures and the structure that they share.
`mef_ssim_moving` is for scenes with motion. Like MEF-SSIMd (Fang et al. 2019) it judges still and
moving regions separately, because moving regions have no common structure. There, it compares the
picture with each exposure alone and takes the best. The details of that article were not at hand,
so this is not MEF-SSIMd.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from ddfnet_ros.evaluation.baselines.intensity_mapping import mapped_like

WINDOW = 11
_STABILITY = np.float32(0.03**2)  # C of the index, for values in [0, 1]
_SCALE_WEIGHTS = np.array([0.0448, 0.2856, 0.3001])  # the three finest of MS-SSIM
_SAME_STRUCTURE = 0.5   # lowest correlation of two exposures of a still patch
_NOISE = np.float32(0.01**2)  # variance below which a patch has no structure

Frames = Float32[np.ndarray, 'n h w']
Grey = Float32[np.ndarray, 'h w']
Map = Float32[np.ndarray, 'i j']  # a value per window
Maps = Float32[np.ndarray, 'n i j']


def mef_ssim(frames: Frames, fused: Grey) -> float:
    """Multi-scale MEF-SSIM, at most 1.

    Args:
        frames: Luma of the exposures, display values in [0, 1].
        fused: Luma of the fused picture, display values in [0, 1].

    Raises:
        ValueError: the picture is too small for three scales of windows.
    """
    if min(fused.shape) < WINDOW * 4:
        raise ValueError(f'expected at least {WINDOW * 4} pixels a side, got {fused.shape}')
    found = 1.0
    # MS-SSIM has five scales whose weights sum to 1; normalise the three used here likewise.
    for weight in _SCALE_WEIGHTS / _SCALE_WEIGHTS.sum():
        found *= max(float(quality_map(frames, fused).mean()), 0.0) ** weight
        frames, fused = np.stack([_halved(frame) for frame in frames]), _halved(fused)
    return found


def mef_ssim_moving(frames: Frames, fused: Grey) -> float:
    """Average of the mean over still windows and the mean over moving windows; at most 1.

    Args:
        frames: Luma of the exposures from short to long, display values in [0, 1].
        fused: Luma of the fused picture, display values in [0, 1].
    """
    middle = (len(frames) - 1) // 2
    moving = moving_windows(frames, middle)
    still = quality_map(frames, fused)[~moving]
    alone = np.stack([quality_map(_map_to_all(frames, k), fused) for k in range(len(frames))])
    parts = [part.mean() for part in (still, alone.max(axis=0)[moving]) if part.size]
    return float(np.mean(parts))


def quality_map(frames: Frames, fused: Grey) -> Map:
    """Single-scale index of every window that lies inside the picture (Eq. 9)."""
    count = WINDOW * WINDOW
    means = np.stack([_window_mean(frame) for frame in frames])
    energy = np.stack([_window_mean(frame * frame) for frame in frames]) - means**2
    norm = np.sqrt(np.maximum(energy, 0) * count)             # ||x_k - mean||, Eq. 2
    exponent = _structure_exponent(frames, means, norm)              # p = tan(pi R / 2), Eq. 7
    shares = _power_shares(norm, exponent)                    # Eq. 6, as shares of each window
    gains = shares / np.maximum(norm, 1e-6)                   # factors of x_k - mean
    products = _covariances(frames, means)
    length = np.sqrt(np.maximum(np.einsum('khw,jhw,kjhw->hw', gains, gains, products) * count, 0))
    contrast = norm.max(axis=0)                               # Eq. 3
    fused_mean = _window_mean(fused)
    fused_energy = np.maximum(_window_mean(fused * fused) - fused_mean**2, 0)
    covariances = np.stack([_window_mean(frame * fused) for frame in frames]) - means * fused_mean
    scale = contrast / np.maximum(length, 1e-9)
    covariance = scale * (gains * covariances).sum(axis=0)
    index: Map = ((2 * covariance + _STABILITY)
                   / (contrast**2 / count + fused_energy + _STABILITY))
    return index


def moving_windows(frames: Frames, reference: int) -> Bool[np.ndarray, 'i j']:
    """Mask of windows in which some exposure's structure differs from the reference's."""
    means = np.stack([_window_mean(frame) for frame in frames])
    products = _covariances(frames, means)
    own = np.stack([products[k, k] for k in range(len(frames))]).clip(min=0)
    correlation = (products[reference] + _NOISE) / (np.sqrt(own * own[reference]) + _NOISE)
    usable = (means > 0.05) & (means < 0.95)  # a clipped frame has lost its structure
    moving: Bool[np.ndarray, 'i j'] = (
        (correlation < _SAME_STRUCTURE) & usable & usable[reference]).any(axis=0)
    return moving


def _structure_exponent(frames: Frames, means: Maps, norm: Maps) -> Map:
    """Exponent p of Eq. 7: grows with the agreement of the exposures' structures."""
    total = _window_mean(frames.sum(axis=0) ** 2) - means.sum(axis=0) ** 2
    together = np.sqrt(np.maximum(total, 0)) * WINDOW
    agreement = (together + 1e-6) / (norm.sum(axis=0) + 1e-6)
    return np.tan(np.pi / 2 * np.minimum(agreement, 0.95)).astype(np.float32)


def _power_shares(norm: Maps, exponent: Map) -> Maps:
    power = (norm / np.maximum(norm.max(axis=0), 1e-9)) ** exponent
    shares: Maps = power / np.maximum(power.sum(axis=0), 1e-9)
    return shares


def _covariances(frames: Frames, means: Maps) -> Float32[np.ndarray, 'n n i j']:
    """Covariance of each pair of frames in every window."""
    return np.stack([
        np.stack([_window_mean(a * b) - m * n for b, n in zip(frames, means, strict=True)])
        for a, m in zip(frames, means, strict=True)])


def _map_to_all(frames: Frames, k: int) -> Frames:
    """Exposure k mapped to the intensities of each exposure."""
    return np.stack([frames[k] if j == k else mapped_like(frames[k], other)
                     for j, other in enumerate(frames)])


def _window_mean(picture: Grey) -> Map:
    half = WINDOW // 2
    blurred = cv2.blur(picture, (WINDOW, WINDOW))
    return np.ascontiguousarray(blurred[half:-half, half:-half])


def _halved(picture: Grey) -> Map:
    height, width = (size // 2 * 2 for size in picture.shape)
    blocks = picture[:height, :width].reshape(height // 2, 2, width // 2, 2)
    halved: Map = blocks.mean(axis=(1, 3))
    return halved

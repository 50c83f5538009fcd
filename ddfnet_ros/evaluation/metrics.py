# SPDX-License-Identifier: Apache-2.0
"""Metrics of radiance against ground truth: PSNR and SSIM, linear and mu-law, ghost scores.

Pictures are (H, W, 3) float, radiance relative to the shortest exposure, clipped to [0, 1] here;
masks are (H, W). `_mu` means after Eq. 8 with mu = 5000, `_l` linear, as in the literature.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ddfnet_ros.tonemap import mu_law

Picture = Float[np.ndarray, 'h w c']
Mask = Bool[np.ndarray, 'h w']

CLIPPED = 0.95
"""A reference pixel counts as clipped if its brightest channel reaches this LDR value."""

_TWO_DECIMALS = ('psnr', 'lamp_hue', 'cvvdp')

PSNR_LIMIT = 100.0  # dB; PSNR of equal pictures, so that means stay finite

# Lower and upper limit of the LDR value of the reference's brightest channel.
BRIGHTNESS = {
    'dark': (0.0, 0.1), 'dim': (0.1, 0.3), 'bright': (0.3, CLIPPED), 'clipped': (CLIPPED, np.inf)
}


def measure(
    radiance: Picture, truth: Picture, reference: Picture, moving: Mask
) -> dict[str, float]:
    """All metrics of one picture against its ground truth.

    Args:
        radiance: Fused radiance.
        truth: True radiance at the reference's instant.
        reference: LDR values in [0, 1] of the bracket's reference frame.
        moving: Mask of pixels where some frame shows something else than the reference.

    Returns:
        psnr_mu, psnr_l, ssim_mu, ssim_l; psnr_mu_moving; psnr_mu_dark, _dim, _bright, _clipped by
        the brightness of the reference, and each of the four _still and _moving; ghost_score;
        halo_score. Metrics of an empty mask are left out.
    """
    linear = _planes(radiance), _planes(truth)
    mapped = mu_law(linear[0]), mu_law(linear[1])
    masks = _masks(reference, moving)
    found = {
        'psnr_mu': _psnr(*mapped), 'psnr_l': _psnr(*linear),
        'ssim_mu': _ssim(*mapped), 'ssim_l': _ssim(*linear),
        **{f'psnr_mu_{name}': _psnr(*mapped, torch.from_numpy(mask))
           for name, mask in masks.items()},
        'ghost_score': ghost_score(radiance, truth, moving & ~masks['clipped']),
        # Where the reference is clipped, remains of other frames are a halo.
        'halo_score': ghost_score(radiance, truth, moving & masks['clipped']),
    }
    return {name: value for name, value in found.items() if value is not None}


def _masks(reference: Picture, moving: Mask) -> dict[str, Mask]:
    brightest = reference.max(-1)
    levels = {name: np.asarray((brightest >= low) & (brightest < high))
              for name, (low, high) in BRIGHTNESS.items()}
    return {
        'moving': moving, **levels,
        **{f'{name}_still': level & ~moving for name, level in levels.items()},
        **{f'{name}_moving': level & moving for name, level in levels.items()},
    }


def psnr_mu(radiance: Picture, truth: Picture, mask: Mask | None = None) -> float | None:
    """Peak signal-to-noise ratio after the mu-law [dB]; None if the mask is empty."""
    chosen = None if mask is None else torch.from_numpy(mask)
    return _psnr(mu_law(_planes(radiance)), mu_law(_planes(truth)), chosen)


def ghost_score(radiance: Picture, truth: Picture, mask: Mask) -> float | None:
    """Mean absolute error after the mu-law, over moving pixels that the reference shows.

    In these pixels the reference frame alone is exact except for noise and quantisation. Its own
    score is therefore the floor; any error above it comes from other frames. A ghost of contrast
    c in a share s of these pixels adds about c * s.

    Args:
        radiance: Fused radiance.
        truth: True radiance at the reference's instant.
        mask: Pixels that move and are unclipped in the reference.

    Returns:
        Error in units of the mu-law's range [0, 1]; None if the mask is empty.
    """
    if not mask.any():
        return None
    error = mu_law(_planes(radiance)) - mu_law(_planes(truth))
    return float(error[:, torch.from_numpy(mask)].abs().mean())


def compressed(radiance: Picture) -> Picture:
    """Apply the mu-law (Eq. 8); float32 in [0, 1]."""
    picture: Picture = mu_law(_planes(radiance)).permute(1, 2, 0).float().numpy()
    return picture


def shown(metric: str, value: float) -> str:
    """Format a value: two decimals for dB, degrees and JOD, four for other metrics."""
    return f'{value:.2f}' if metric.startswith(_TWO_DECIMALS) else f'{value:.4f}'


def clipped(reference: Picture) -> Mask:
    """Mask of pixels in which some channel of the reference, LDR in [0, 1], is clipped."""
    mask: npt.NDArray[Any] = reference.max(-1) >= CLIPPED
    return mask


def _planes(picture: Picture) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture, np.float64)).permute(2, 0, 1).clamp(0, 1)


def _psnr(judged: Tensor, truth: Tensor, mask: Tensor | None = None) -> float | None:
    error = (judged - truth).square()
    if mask is not None:
        error = error[:, mask]
    if error.numel() == 0:
        return None
    return min(PSNR_LIMIT, float(-10 * torch.log10(error.mean())))


def _ssim(judged: Tensor, truth: Tensor) -> float | None:
    """SSIM (Wang et al. 2004), Gaussian window of 11 px, sigma 1.5; None for smaller pictures."""
    from torchmetrics.functional.image import (  # noqa: PLC0415  (1 s, and only SSIM needs it)
        structural_similarity_index_measure,
    )

    if min(judged.shape[-2:]) < 11:
        return None
    # In double precision the window's convolution is ten times slower.
    index: Any = structural_similarity_index_measure(
        judged[None].float(), truth[None].float(),
        gaussian_kernel=True, sigma=1.5, kernel_size=11, data_range=1.0)
    return float(index)

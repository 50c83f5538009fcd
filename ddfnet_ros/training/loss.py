# SPDX-License-Identifier: Apache-2.0
"""The losses of the papers, and what keeps networks able to learn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.flow.pwcnet import FLOW_UNIT
from ddfnet_ros.tonemap import MU, mu_law

_CLIPPED = 0.95  # LDR value of the brightest channel from which on a reference shows no truth

LARGEST_LOGIT = 8.0
"""That is free: between two frames it makes odds of nine millions to one."""

LEAST_PEAK = 0.1
"""A ReLU's channel that is given less in a whole batch is called back, before it is dead."""

# Of levels 6 to 2 (PWC-Net, Sec. 4.1).
_LEVEL_WEIGHTS = (0.32, 0.08, 0.02, 0.01, 0.005)


def mu_law_l1(
    radiance: Float[Tensor, 'b 3 h w'], truth: Float[Tensor, 'b 3 h w'], mu: float = MU
) -> Float[Tensor, '']:
    """Mean absolute difference after tone mapping, L = |T(H) - T(H^)| (Eq. 9)."""
    return (mu_law(radiance, mu) - mu_law(truth, mu)).abs().mean()


def reference_hinge(
    radiance: Float[Tensor, 'b 3 h w'], truth: Float[Tensor, 'b 3 h w'],
    reference: Float[Tensor, 'b 6 h w'], mu: float = MU,
) -> Float[Tensor, '']:
    """What of the error of Eq. 9 exceeds that of the untouched reference, where it is not clipped.

    Ghosts are what other frames bring in where the reference was right already: their loss.

    Args:
        radiance: What is judged.
        truth: What it should be.
        reference: X_1 = [I_1, P_1] of the bracket.
        mu: Compression of Eq. 8.
    """
    ldr, untouched = reference[:, :3], reference[:, 3:]
    right = mu_law(truth, mu)
    excess = (mu_law(radiance, mu) - right).abs() - (mu_law(untouched, mu) - right).abs()
    shown = ldr.amax(dim=1, keepdim=True) < _CLIPPED
    return (excess.clamp(min=0) * shown).mean()


def logit_penalty(logits: Sequence[Float[Tensor, 'b ...']]) -> Float[Tensor, '']:
    """Mean square of what exceeds `LARGEST_LOGIT`, of logits that weigh frames.

    In the first steps the reference alone is the safest choice. Logits that say so run away, the
    other frames' odds come next to nothing, and what would be learnt later has no gradient.
    """
    return torch.stack([
        (x.float().abs() - LARGEST_LOGIT).clamp(min=0).square().mean() for x in logits]).mean()


def dead_relu_penalty(rectified: Sequence[Float[Tensor, '... _ _ _']]) -> Float[Tensor, '']:
    """How far the highest value of each channel is below `LEAST_PEAK`, mean over all channels.

    A channel that is below zero at every pixel gives nothing and has no gradient. High learning
    rates did that to nearly all of the decoder's head (doc/training.md).

    Args:
        rectified: What ReLUs are given.
    """
    peaks = [maps.float().movedim(-3, 0).flatten(1).amax(dim=1) for maps in rectified]
    return (LEAST_PEAK - torch.cat(peaks)).clamp(min=0).mean()


def endpoint_error(
    flow: Float[Tensor, 'k 2 h w'], truth: Float[Tensor, 'k 2 h w']
) -> Float[Tensor, 'k h w']:
    """Distance between the ends of two motion vectors, in their unit."""
    # The square root has no gradient at zero, where a synthetic scene stands still.
    return ((flow - truth).square().sum(dim=1) + 1e-12).sqrt()


def multiscale_endpoint_error(
    flows: Sequence[Float[Tensor, 'k 2 _ _']], truth: Float[Tensor, 'k 2 h w']
) -> Float[Tensor, '']:
    """PWC-Net's loss: endpoint errors of all levels, summed over pixels (PWC-Net, Eq. 3).

    Args:
        flows: From the coarsest level to the finest, in units of FLOW_UNIT.
        truth: At full resolution, pixels.
    """
    loss = torch.zeros((), device=truth.device)
    for weight, flow in zip(_LEVEL_WEIGHTS, flows, strict=True):
        height, width = flow.shape[-2:]
        level_truth = F.adaptive_avg_pool2d(truth / FLOW_UNIT, (height, width))
        error = endpoint_error(flow.float(), level_truth)
        loss = loss + weight * error.sum(dim=(1, 2)).mean()
    return loss

# SPDX-License-Identifier: Apache-2.0
"""Losses of the papers, and penalties that prevent vanishing gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.flow.pwcnet import FLOW_UNIT
from ddfnet_ros.tonemap import MU, mu_law

_CLIPPED = 0.95  # a reference pixel with a channel at or above this LDR value counts as clipped

LARGEST_LOGIT = 8.0
"""Largest magnitude without penalty: two such logits give odds of nine million to one."""

LEAST_PEAK = 0.1
"""A ReLU channel whose input stays below this in a whole batch is penalised, before it dies."""

# For pyramid levels 6 to 2 (PWC-Net, Sec. 4.1).
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
    """How much worse than the reference alone the result is, where the reference is not clipped.

    The error of Eq. 9 in excess of the reference's own. It penalises ghosts: what other frames
    bring in where the reference was already right.

    Args:
        radiance: Output of the network.
        truth: True radiance.
        reference: X_1 = [I_1, P_1] of the bracket.
        mu: Compression of Eq. 8.
    """
    ldr, corrected = reference[:, :3], reference[:, 3:]
    target = mu_law(truth, mu)
    excess = (mu_law(radiance, mu) - target).abs() - (mu_law(corrected, mu) - target).abs()
    unclipped = ldr.amax(dim=1, keepdim=True) < _CLIPPED
    return (excess.clamp(min=0) * unclipped).mean()


def logit_penalty(logits: Sequence[Float[Tensor, 'b ...']]) -> Float[Tensor, '']:
    """Mean square of the excess of the frames' logits over `LARGEST_LOGIT` in magnitude.

    In the first steps, taking only the reference is the safest choice. Without the penalty the
    logits grow until the other frames' weights vanish, and with them their gradients.

    Args:
        logits: Logits of the weights of the frames.
    """
    return torch.stack([
        (x.float().abs() - LARGEST_LOGIT).clamp(min=0).square().mean() for x in logits]).mean()


def dead_relu_penalty(rectified: Sequence[Float[Tensor, '... _ _ _']]) -> Float[Tensor, '']:
    """How far the peak of each channel is below `LEAST_PEAK`, averaged over all channels.

    A ReLU channel whose input is negative at every pixel outputs zero and has no gradient. High
    learning rates did that to nearly all of the decoder's head (doc/training.md).

    Args:
        rectified: Inputs of the ReLUs.
    """
    peaks = [maps.float().movedim(-3, 0).flatten(1).amax(dim=1) for maps in rectified]
    return (LEAST_PEAK - torch.cat(peaks)).clamp(min=0).mean()


def endpoint_error(
    flow: Float[Tensor, 'k 2 h w'], truth: Float[Tensor, 'k 2 h w']
) -> Float[Tensor, 'k h w']:
    """Distance between estimated and true motion vectors, in their unit."""
    # The square root has no gradient at zero, which occurs where a synthetic scene is static.
    return ((flow - truth).square().sum(dim=1) + 1e-12).sqrt()


def multiscale_endpoint_error(
    flows: Sequence[Float[Tensor, 'k 2 _ _']], truth: Float[Tensor, 'k 2 h w']
) -> Float[Tensor, '']:
    """PWC-Net's loss: endpoint errors of all levels, summed over pixels (PWC-Net, Eq. 3).

    Args:
        flows: Estimated flow of each level, the coarsest first, in units of FLOW_UNIT.
        truth: True flow at full resolution [px].
    """
    loss = torch.zeros((), device=truth.device)
    for weight, flow in zip(_LEVEL_WEIGHTS, flows, strict=True):
        height, width = flow.shape[-2:]
        level_truth = F.adaptive_avg_pool2d(truth / FLOW_UNIT, (height, width))
        error = endpoint_error(flow.float(), level_truth)
        loss = loss + weight * error.sum(dim=(1, 2)).mean()
    return loss

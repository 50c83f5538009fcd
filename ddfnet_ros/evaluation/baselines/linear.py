# SPDX-License-Identifier: Apache-2.0
"""Fusers that average the gamma-corrected frames P_i (Eq. 2) pixel by pixel."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32
from torch import Tensor

from ddfnet_ros import merge
from ddfnet_ros.bracket import Bracket
from ddfnet_ros.evaluation.baselines.frames import radiance_of
from ddfnet_ros.runtime.preparation import stack_of
from ddfnet_ros.settings import RadianceSettings


def reference_only(bracket: Bracket) -> Float32[np.ndarray, 'h w *c']:
    """The reference P_1 without fusion: no ghosts, but no detail that it clips."""
    return _radiance(_stack(bracket)[:, 0, 3:], bracket)


def static_merge(bracket: Bracket) -> Float32[np.ndarray, 'h w *c']:
    """Weighted merge, exact for a still scene; motion leaves ghosts."""
    stack = _stack(bracket)
    merged = merge.static_merge(stack[:, :, :3], stack[:, :, 3:], bracket.reference_index)
    return _radiance(merged, bracket)


def _stack(bracket: Bracket) -> Float[Tensor, '1 n 6 h w']:
    width, height = bracket.reference.size
    return stack_of(bracket, RadianceSettings(), (height, width))


def _radiance(
    relative: Float[Tensor, '1 3 h w'], bracket: Bracket
) -> Float32[np.ndarray, 'h w *c']:
    return radiance_of(relative[0].permute(1, 2, 0).numpy(), bracket)

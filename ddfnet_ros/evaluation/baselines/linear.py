# SPDX-License-Identifier: Apache-2.0
"""Fusers that only weigh the corrected frames P_i (Eq. 2), pixel by pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ddfnet_ros import merge
from ddfnet_ros.bracket import Bracket
from ddfnet_ros.runtime.preparation import stack_of
from ddfnet_ros.settings import RadianceSettings


def reference_only(
    bracket: Bracket, settings: RadianceSettings | None = None
) -> npt.NDArray[np.float32]:
    """P_1: no fusion. Never a ghost, never a detail that the reference clips."""
    return _radiance(_stack(bracket, settings)[:, 0, 3:], bracket)


def static_merge(
    bracket: Bracket, settings: RadianceSettings | None = None
) -> npt.NDArray[np.float32]:
    """The merge that is right where nothing moves; a ghost wherever something does."""
    stack = _stack(bracket, settings)
    merged = merge.static_merge(stack[:, :, :3], stack[:, :, 3:], bracket.reference_index)
    return _radiance(merged, bracket)


def _stack(bracket: Bracket, settings: RadianceSettings | None) -> Tensor:
    height, width = bracket.reference.pixels.shape[:2]
    return stack_of(bracket, settings or RadianceSettings(), (height, width))


def _radiance(relative: Tensor, bracket: Bracket) -> npt.NDArray[np.float32]:
    planes = relative[0].permute(1, 2, 0).numpy() / np.float32(min(bracket.exposures))
    grey = bracket.reference.pixels.ndim == 2
    return np.ascontiguousarray(planes[..., 0] if grey else planes)

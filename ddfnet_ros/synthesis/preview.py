# SPDX-License-Identifier: Apache-2.0
"""Preview of the scenes that networks are trained on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.synthesis.scenes import Scenes, SceneSource
from ddfnet_ros.tonemap import mu_law

_PER_ROW = 2  # scenes side by side


def random_sheet(source: SceneSource, count: int, seed: int) -> npt.NDArray[np.uint8]:
    """Draw random scenes and arrange them on one sheet, two per row.

    Args:
        source: Source of the scenes.
        count: Number of scenes; rounded up to an even number.
        seed: Random seed.

    Returns:
        (H, W, 3) RGB. Each scene shows its frames from short to long, then the truth after the
        mu-law.
    """
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for _ in range(-(-count // _PER_ROW)):
        scenes = source.draw(_PER_ROW, generator)
        rows.append(torch.cat(list(_strips(scenes)), dim=-1))
    sheet = torch.cat(rows, dim=-2).permute(1, 2, 0)
    pixels: npt.NDArray[np.uint8] = (sheet.clamp(0, 1) * 255).round().byte().cpu().numpy()
    return pixels


def _strips(scenes: Scenes) -> torch.Tensor:
    """Frames by exposure, then the truth, side by side: (B, 3, H, (N + 1) W)."""
    k = scenes.reference_index
    ldr = scenes.ldr
    ordered = [*ldr[:, 1:k + 1].unbind(1), ldr[:, 0], *ldr[:, k + 1:].unbind(1)]
    return torch.cat([*ordered, mu_law(scenes.truth)], dim=-1)

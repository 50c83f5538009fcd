# SPDX-License-Identifier: Apache-2.0
"""A look at what networks are trained on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.synthesis.scenes import Scenes, SceneSource
from ddfnet_ros.tonemap import mu_law

_ABREAST = 2  # scenes beside each other


def random_sheet(source: SceneSource, count: int, seed: int) -> npt.NDArray[np.uint8]:
    """Draw scenes and put them on one sheet, two abreast.

    Args:
        source: Where scenes come from.
        count: How many; rounded up to an even number.
        seed: Of everything random.

    Returns:
        (H, W, 3) RGB. Each scene is a row of its frames from short to long and then the truth,
        after the mu-law.
    """
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for _ in range(-(-count // _ABREAST)):
        scenes = source.draw(_ABREAST, generator)
        rows.append(torch.cat(list(_strips(scenes)), dim=-1))
    sheet = torch.cat(rows, dim=-2).permute(1, 2, 0)
    pixels: npt.NDArray[np.uint8] = (sheet.clamp(0, 1) * 255).round().byte().cpu().numpy()
    return pixels


def _strips(scenes: Scenes) -> torch.Tensor:
    """(B, 3, H, (N + 1) W): frames by exposure, then the truth."""
    k = scenes.reference_index
    ldr = scenes.ldr
    ordered = [*ldr[:, 1:k + 1].unbind(1), ldr[:, 0], *ldr[:, k + 1:].unbind(1)]
    return torch.cat([*ordered, mu_law(scenes.truth)], dim=-1)

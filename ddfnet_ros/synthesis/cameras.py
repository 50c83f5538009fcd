# SPDX-License-Identifier: Apache-2.0
"""Random cameras: how frames of one bracket fail to agree in practice."""

from __future__ import annotations

import torch
from torch import Tensor

from ddfnet_ros.synthesis.sensor import Sensor

_LEVELS = (255.0, 255.0, 255.0, 1023.0, 4095.0, 65535.0)


def random_sensor(
    scenes: int, frames: int, generator: torch.Generator
) -> tuple[Sensor, Tensor]:
    """Draw one camera per scene.

    Returns:
        The cameras, and whether each is so quiet that the truth keeps the reference's own noise
        (as public data sets do); (B, 1, 1, 1, 1) bool.
    """
    def uniform(low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * torch.rand((scenes, 1, 1, 1, 1), generator=generator)

    def sometimes(share: float, value: Tensor, otherwise: float) -> Tensor:
        return torch.where(uniform() < share, value, torch.tensor(otherwise))

    quiet = uniform() < 0.65
    level = torch.tensor(_LEVELS)[(uniform() * len(_LEVELS)).long()]
    sensor = Sensor(
        electrons=torch.where(quiet, 8000 * 10 ** uniform(), 300 * 20 ** uniform()),
        read_noise=torch.where(quiet, uniform(0.0001, 0.001), uniform(0.001, 0.01)),
        gamma=2.2 + sometimes(0.8, uniform(-0.1, 0.1), 0.0) + sometimes(
            0.15, uniform(-0.3, 0.3), 0.0),
        contrast=sometimes(0.25, uniform(0.0, 0.4), 0.0),
        knee=sometimes(0.3, uniform(0.8, 1.0), 1.0),
        levels=level,
        exposure_error=_per_frame_factor(scenes, frames, 0.03, generator),
        light_change=_per_frame_factor(scenes, frames, 0.01, generator),
    )
    return sensor, quiet


def _per_frame_factor(
    scenes: int, frames: int, spread: float, generator: torch.Generator
) -> Tensor:
    """Factors around 1, the reference exactly 1; one scene in ten strays four times as far."""
    wide = torch.rand((scenes, 1, 1, 1, 1), generator=generator) < 0.1
    factor = torch.randn((scenes, frames, 1, 1, 1), generator=generator)
    factor[:, 0] = 0
    return torch.exp(spread * torch.where(wide, 4 * factor, factor))

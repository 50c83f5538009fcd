# SPDX-License-Identifier: Apache-2.0
"""The camera: from radiance to the LDR frames it would deliver.

Radiance is relative to the shortest exposure of the bracket: 1.0 is white there, and a frame with
relative exposure t sees `radiance * t`. Every number of `Sensor` is a float or a tensor that
broadcasts against (B, N, 3, H, W), so that each scene of a batch can have its own camera.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

Number = float | Tensor


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """What stands between light and pixel values.

    Attributes:
        electrons: Full well; the shot noise at white is 1 / sqrt(electrons). Zero: none.
        read_noise: Standard deviation of the dark frame, in units of white.
        gamma: Exponent of the true response, value = linear ** (1 / gamma).
        contrast: 0: pure gamma; up to 1: blended with an S-curve as cameras apply.
        knee: Linear value above which highlights are compressed; 1: hard clipping.
        levels: Steps of the quantisation, 255 for 8 bits.
        exposure_error: True exposure over the nominal one, per frame; persistent.
        light_change: Brightness of the scene at each frame over that at the reference.
    """

    electrons: Number = 10000.0
    read_noise: Number = 0.002
    gamma: Number = 2.2
    contrast: Number = 0.0
    knee: Number = 1.0
    levels: Number = 255.0
    exposure_error: Number = 1.0
    light_change: Number = 1.0

    @property
    def clean(self) -> Sensor:
        """The same camera without noise, quantisation or changing light."""
        return replace(self, electrons=0.0, read_noise=0.0, levels=0.0, light_change=1.0)


def expose(
    radiance: Float[Tensor, 'b n 3 h w'],
    exposure: Float[Tensor, 'b n'],
    sensor: Sensor,
    generator: torch.Generator | None = None,
) -> Float[Tensor, 'b n 3 h w']:
    """Take one LDR frame of each radiance image.

    Args:
        radiance: Linear, relative to the shortest exposure.
        exposure: Nominal relative exposures, >= 1.
        sensor: The camera.
        generator: Source of the noise; None draws from the global one.

    Returns:
        Values in [0, 1] with the camera's response, quantised.
    """
    light = exposure[..., None, None, None] * sensor.exposure_error * sensor.light_change
    linear = _add_noise(radiance * light, sensor, generator)
    value = _respond(_compress_highlights(linear.clamp(min=0), sensor.knee), sensor)
    levels = torch.as_tensor(sensor.levels)
    return torch.where(levels > 0, (value * levels).round() / levels.clamp(min=1), value)


def _add_noise(linear: Tensor, sensor: Sensor, generator: torch.Generator | None) -> Tensor:
    """Shot noise as a Gaussian of equal variance, plus read noise (EMVA 1288's linear model)."""
    electrons = torch.as_tensor(sensor.electrons)
    shot = torch.where(electrons > 0, linear.clamp(min=0) / electrons.clamp(min=1), 0.0)
    variance = shot + torch.as_tensor(sensor.read_noise) ** 2
    if not variance.any():
        return linear
    noise = torch.randn(linear.shape, generator=generator, device=linear.device)
    return linear + noise * variance.sqrt()


def _compress_highlights(linear: Tensor, knee: Number) -> Tensor:
    """Leave values below the knee alone and roll the rest off towards 1."""
    room = (1 - torch.as_tensor(knee)).clamp(min=1e-4)
    over = (linear - knee).clamp(min=0)
    return torch.where(over > 0, knee + room * torch.tanh(over / room), linear).clamp(max=1)


def _respond(linear: Tensor, sensor: Sensor) -> Tensor:
    value = linear ** (1 / torch.as_tensor(sensor.gamma))
    curve = value * value * (3 - 2 * value)
    return value + torch.as_tensor(sensor.contrast) * (curve - value)

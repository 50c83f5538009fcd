# SPDX-License-Identifier: Apache-2.0
"""Random cameras, with the imperfections that make the frames of a bracket disagree.

Six in ten are good, like those of the public data sets: gamma 2.2, exposure errors of at most 4 %,
little noise. A quarter are ordinary: some tone curve, JPEG, a mosaic. The rest are poor in every
respect.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ddfnet_ros.radiance import GAMMA
from ddfnet_ros.synthesis.lens import shutter_slope, vignette
from ddfnet_ros.synthesis.sensor import Sensor

_GOOD, _ORDINARY, _POOR = range(3)
_ORDINARY_FROM, _POOR_FROM = 0.6, 0.85  # limits of the kinds for a random number in [0, 1]
# Quantisation levels to choose from, a row per kind.
_LEVELS = torch.tensor([
    [255.0, 255.0, 255.0, 1023.0, 4095.0, 65535.0],
    [255.0, 255.0, 255.0, 255.0, 1023.0, 4095.0],
    [255.0, 255.0, 255.0, 255.0, 255.0, 1023.0],
])


@dataclass(frozen=True, kw_only=True)
class Cameras:
    """One camera per scene.

    Attributes:
        sensor: The sensor.
        halo: Share of light that the lens scatters by a few pixels.
        veil: Share of light that the lens scatters far.
        share_noise: Whether the truth contains the reference frame's own noise, as in public data
            sets; only for cameras with little noise and no JPEG.
    """

    sensor: Sensor
    halo: Float[Tensor, ' b']
    veil: Float[Tensor, ' b']
    share_noise: Bool[Tensor, ' b']


def random_cameras(
    scenes: int, frames: int, size: int, generator: torch.Generator
) -> Cameras:
    """Draw one camera per scene, for frames of size x size pixels."""
    draw = _CameraDraw(scenes, generator)
    sensor = Sensor(
        **_noise(draw),
        **_response(draw),
        mosaic=draw.chance(0.15, 0.5, 0.4).float(),
        jpeg=draw.where(draw.chance(0.0, 0.5, 0.6), draw.by_kind(95.0, 88.0, 80.0)
                        + draw.uniform() * draw.by_kind(3.0, 10.0, 12.0), 0.0).floor(),
        levels=draw.choose_from(_LEVELS),
        exposure_error=draw.per_frame(frames, 0.015, 0.025, 0.06),
        light_change=draw.per_frame(frames, 0.001, 0.01, 0.04),
        shading=_shading(scenes, frames, size, generator),
    )
    scatters = draw.chance(0.3, 0.5, 0.6).flatten()
    return Cameras(
        sensor=sensor,
        halo=scatters * 0.1 * draw.uniform().flatten() ** 3,
        veil=scatters * 0.05 * draw.uniform().flatten() ** 3,
        share_noise=(draw.kind != _POOR) & (torch.as_tensor(sensor.jpeg).flatten() == 0),
    )


def _noise(draw: _CameraDraw) -> dict[str, Tensor]:
    return {
        'electrons': draw.by_kind(10000.0, 6000.0, 500.0) * draw.by_kind(10.0, 10.0, 20.0)
        ** draw.uniform(),
        'read_noise': draw.by_kind(1e-4, 2e-4, 1e-3) * 10 ** draw.uniform(),
        'gain': draw.where(draw.chance(0.0, 0.2, 0.5), 4 ** draw.uniform(), 1.0),
        'black': draw.by_kind(1e-4, 3e-4, 1e-3) * draw.normal(),
        'hot_pixels': draw.where(draw.chance(0.0, 0.0, 0.3), 1e-3 * draw.uniform(), 0.0),
    }


def _response(draw: _CameraDraw) -> dict[str, Tensor]:
    other_gamma = draw.chance(0.2, 0.8, 1.0)
    return {
        'gamma': GAMMA + draw.where(
            other_gamma, draw.by_kind(0.03, 0.1, 0.25) * draw.normal(), 0.0).clamp(-0.6, 0.6),
        'contrast': draw.where(draw.chance(0.0, 0.4, 0.5), 0.4 * draw.uniform(), 0.0),
        'knee': draw.where(draw.chance(0.1, 0.4, 0.5), 0.8 + 0.2 * draw.uniform(), 1.0),
    }


def _shading(scenes: int, frames: int, size: int, generator: torch.Generator) -> Tensor:
    """Vignette, the same in all frames; in a fifth of the cameras also an uneven shutter."""
    centre = 4 * torch.rand((scenes, 2), generator=generator) - 2
    strength = 0.06 * torch.rand(scenes, generator=generator) ** 2
    uneven = torch.rand((scenes, 1), generator=generator) < 0.2
    slope = torch.where(uneven, 0.02 * torch.randn((scenes, frames), generator=generator), 0.0)
    slope[:, 0] = 0
    return vignette(size, centre, strength) * shutter_slope(size, slope)


class _CameraDraw:
    """Draws random values of shape (B, 1, 1, 1, 1), depending on the kind of each camera."""

    def __init__(self, scenes: int, generator: torch.Generator) -> None:
        self._shape = (scenes, 1, 1, 1, 1)
        self._generator = generator
        u = self.uniform().flatten()
        self.kind = (u >= _ORDINARY_FROM).long() + (u >= _POOR_FROM).long()

    def uniform(self) -> Tensor:
        return torch.rand(self._shape, generator=self._generator)

    def normal(self) -> Tensor:
        return torch.randn(self._shape, generator=self._generator)

    def by_kind(self, good: float, ordinary: float, poor: float) -> Tensor:
        return torch.tensor([good, ordinary, poor])[self.kind].reshape(self._shape)

    def choose_from(self, table: Tensor) -> Tensor:
        """Random entry of the table's row for each camera's kind."""
        column = (table.shape[1] * self.uniform().flatten()).long()
        return table[self.kind, column].reshape(self._shape)

    def chance(self, good: float, ordinary: float, poor: float) -> Tensor:
        """True with a probability that depends on the kind."""
        return self.uniform() < self.by_kind(good, ordinary, poor)

    def where(self, chosen: Tensor, value: Tensor, otherwise: float) -> Tensor:
        return torch.where(chosen, value, otherwise)

    def per_frame(self, frames: int, good: float, ordinary: float, poor: float) -> Tensor:
        """Log-normal factor for each frame, clipped at 2.5 deviations; 1 for the reference.

        The other arguments are the standard deviation of the logarithm for each kind of camera.
        """
        spread = self.by_kind(good, ordinary, poor)
        shape = (self._shape[0], frames, 1, 1, 1)
        deviation = torch.randn(shape, generator=self._generator).clamp(-2.5, 2.5)
        deviation[:, 0] = 0
        return torch.exp(spread * deviation)

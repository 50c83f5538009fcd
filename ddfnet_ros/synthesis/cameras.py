# SPDX-License-Identifier: Apache-2.0
"""Random cameras: how frames of one bracket fail to agree in practice.

Six in ten are good, as in the public data sets: gamma 2.2, exposures true to 4 %, little noise.
A quarter is ordinary: some tone curve, JPEG, a mosaic. The rest is poor in everything.
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
_UP_TO_ORDINARY, _UP_TO_POOR = 0.6, 0.85  # where the kinds begin on [0, 1]
_LEVELS = torch.tensor([
    [255.0, 255.0, 255.0, 1023.0, 4095.0, 65535.0],
    [255.0, 255.0, 255.0, 255.0, 1023.0, 4095.0],
    [255.0, 255.0, 255.0, 255.0, 255.0, 1023.0],
])


@dataclass(frozen=True, kw_only=True)
class Cameras:
    """One camera per scene.

    Attributes:
        sensor: Its sensor.
        halo: Share of light that its lens scatters near.
        veil: Share of light that its lens scatters far.
        share_noise: It is so good that the truth keeps the reference's own noise, as public data
            sets do.
    """

    sensor: Sensor
    halo: Float[Tensor, ' b']
    veil: Float[Tensor, ' b']
    share_noise: Bool[Tensor, ' b']


def random_cameras(
    scenes: int, frames: int, size: int, generator: torch.Generator
) -> Cameras:
    """Draw one camera per scene, for frames of size x size pixels."""
    draw = _Draw(scenes, generator)
    sensor = Sensor(
        **_noise(draw),
        **_response(draw),
        mosaic=draw.share(0.15, 0.5, 0.4).float(),
        jpeg=draw.where(draw.share(0.0, 0.5, 0.6), draw.kind_of(95.0, 88.0, 80.0)
                        + draw.uniform() * draw.kind_of(3.0, 10.0, 12.0), 0.0).floor(),
        levels=draw.one_of(_LEVELS),
        exposure_error=draw.per_frame(frames, 0.015, 0.025, 0.06),
        light_change=draw.per_frame(frames, 0.001, 0.01, 0.04),
        shading=_shading(scenes, frames, size, generator),
    )
    scatters = draw.share(0.3, 0.5, 0.6).flatten()
    return Cameras(
        sensor=sensor,
        halo=scatters * 0.1 * draw.uniform().flatten() ** 3,
        veil=scatters * 0.05 * draw.uniform().flatten() ** 3,
        share_noise=(draw.kind != _POOR) & (torch.as_tensor(sensor.jpeg).flatten() == 0),
    )


def _noise(draw: _Draw) -> dict[str, Tensor]:
    return {
        'electrons': draw.kind_of(10000.0, 6000.0, 500.0) * draw.kind_of(10.0, 10.0, 20.0)
        ** draw.uniform(),
        'read_noise': draw.kind_of(1e-4, 2e-4, 1e-3) * 10 ** draw.uniform(),
        'gain': draw.where(draw.share(0.0, 0.2, 0.5), 4 ** draw.uniform(), 1.0),
        'black': draw.kind_of(1e-4, 3e-4, 1e-3) * draw.normal(),
        'hot_pixels': draw.where(draw.share(0.0, 0.0, 0.3), 1e-3 * draw.uniform(), 0.0),
    }


def _response(draw: _Draw) -> dict[str, Tensor]:
    bent = draw.share(0.2, 0.8, 1.0)
    return {
        'gamma': GAMMA + draw.where(bent, draw.kind_of(0.03, 0.1, 0.25) * draw.normal(), 0.0)
        .clamp(-0.6, 0.6),
        'contrast': draw.where(draw.share(0.0, 0.4, 0.5), 0.4 * draw.uniform(), 0.0),
        'knee': draw.where(draw.share(0.1, 0.4, 0.5), 0.8 + 0.2 * draw.uniform(), 1.0),
    }


def _shading(scenes: int, frames: int, size: int, generator: torch.Generator) -> Tensor:
    """A vignette that all frames share, and in a fifth of the cameras an uneven shutter."""
    centre = 4 * torch.rand((scenes, 2), generator=generator) - 2
    strength = 0.06 * torch.rand(scenes, generator=generator) ** 2
    uneven = torch.rand((scenes, 1), generator=generator) < 0.2
    slope = torch.where(uneven, 0.02 * torch.randn((scenes, frames), generator=generator), 0.0)
    slope[:, 0] = 0
    return vignette(size, centre, strength) * shutter_slope(size, slope)


class _Draw:
    """Random numbers of shape (B, 1, 1, 1, 1), and choices by the kind of each camera."""

    def __init__(self, scenes: int, generator: torch.Generator) -> None:
        self._shape = (scenes, 1, 1, 1, 1)
        self._generator = generator
        u = self.uniform().flatten()
        self.kind = (u >= _UP_TO_ORDINARY).long() + (u >= _UP_TO_POOR).long()

    def uniform(self) -> Tensor:
        return torch.rand(self._shape, generator=self._generator)

    def normal(self) -> Tensor:
        return torch.randn(self._shape, generator=self._generator)

    def kind_of(self, good: float, ordinary: float, poor: float) -> Tensor:
        return torch.tensor([good, ordinary, poor])[self.kind].reshape(self._shape)

    def one_of(self, table: Tensor) -> Tensor:
        """An entry of the row that belongs to each kind."""
        column = (table.shape[1] * self.uniform().flatten()).long()
        return table[self.kind, column].reshape(self._shape)

    def share(self, good: float, ordinary: float, poor: float) -> Tensor:
        """True in that share of each kind."""
        return self.uniform() < self.kind_of(good, ordinary, poor)

    def where(self, chosen: Tensor, value: Tensor, otherwise: float) -> Tensor:
        return torch.where(chosen, value, otherwise)

    def per_frame(self, frames: int, good: float, ordinary: float, poor: float) -> Tensor:
        """Factors around 1 with these spreads, at most 2.5 of them off; the reference's is 1."""
        spread = self.kind_of(good, ordinary, poor)
        shape = (self._shape[0], frames, 1, 1, 1)
        deviation = torch.randn(shape, generator=self._generator).clamp(-2.5, 2.5)
        deviation[:, 0] = 0
        return torch.exp(spread * deviation)

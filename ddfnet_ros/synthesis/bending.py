# SPDX-License-Identifier: Apache-2.0
"""Non-rigid motion with an exact inverse: two waves, one after the other.

The first wave shifts points along x by an amount that depends only on y, the second along y by an
amount that depends only on the new x. Subtracting the same shifts in reverse order undoes both, so
the flow of a bending layer is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Bend:
    """Two waves per layer, the first along x and the second along y.

    Attributes:
        amplitude: Largest shift [texture px].
        wave: Wave number [rad per texture px].
        phase: Phase at each of T instants [rad].
    """

    amplitude: Float[Tensor, '2 b k']
    wave: Float[Tensor, '2 b k']
    phase: Float[Tensor, '2 b k t']

    @classmethod
    def random(
        cls, time: Float[Tensor, 'b k t'], size: Float[Tensor, 'b k 1'],
        generator: torch.Generator,
    ) -> Bend:
        """Let half of the layers bend, by up to a twelfth of their size.

        Args:
            time: Time of each instant [frame intervals].
            size: Side of each layer's texture [px]; 0 for a rigid layer.
            generator: Random generator.
        """
        shape = (2, *time.shape[:2], 1)
        u = torch.rand((3, *shape), generator=generator)
        bends = torch.rand((1, *shape[1:]), generator=generator) < 0.5
        amplitude = size * bends * 0.08 * u[0] ** 2
        # Half a wave to two waves over the texture; shorter ones would tear it.
        wave = torch.pi * (1 + 3 * u[1]) / size.clamp(min=1)
        phase = 2 * torch.pi * u[2] + 0.8 * torch.randn(shape, generator=generator) * time
        return cls(amplitude=amplitude[..., 0], wave=wave[..., 0], phase=phase)

    def at(self, part: slice) -> Bend:
        """The bend at some of the instants."""
        return Bend(amplitude=self.amplitude, wave=self.wave, phase=self.phase[..., part])

    def to(self, device: torch.device) -> Bend:
        """The same on another device."""
        return Bend(amplitude=self.amplitude.to(device), wave=self.wave.to(device),
                    phase=self.phase.to(device))

    def shift(
        self, axis: int, across: Float[Tensor, 'b _ p'], layer: int, part: slice
    ) -> Float[Tensor, 'b t p']:
        """Shift along an axis (0: x, 1: y), at positions along the other axis."""
        wave, amplitude = (x[axis, :, layer, None, None] for x in (self.wave, self.amplitude))
        phase = self.phase[axis, :, layer, part, None]
        return (across * wave + phase).sin_() * amplitude


def bend_points(
    x: Float[Tensor, 'b t p'], y: Float[Tensor, 'b t p'], bend: Bend, layer: int,
    part: slice = slice(None),
) -> tuple[Float[Tensor, 'b t p'], Float[Tensor, 'b t p']]:
    """Bend: map points of a layer to its texture, at some of the instants."""
    x = x + bend.shift(0, y, layer, part)
    return x, y + bend.shift(1, x, layer, part)


def unbend_points(
    x: Float[Tensor, 'b _ p'], y: Float[Tensor, 'b _ p'], bend: Bend, layer: int,
    part: slice = slice(None),
) -> tuple[Float[Tensor, 'b t p'], Float[Tensor, 'b t p']]:
    """Map points of a layer's texture to the layer: the inverse of `bend_points`."""
    y = y - bend.shift(1, x, layer, part)
    return x - bend.shift(0, y, layer, part), y

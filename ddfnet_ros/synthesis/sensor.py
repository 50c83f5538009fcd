# SPDX-License-Identifier: Apache-2.0
"""The camera: from radiance to the LDR frames it would deliver.

Radiance is relative to the shortest exposure of the bracket: 1.0 is white there, and a frame with
relative exposure t sees `radiance * t`. Every number of `Sensor` is a float or a tensor that
broadcasts against (B, N, 3, H, W), so that each scene of a batch can have its own camera. The
frames may be on another device than the numbers and the generator, which then stay on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.radiance import GAMMA
from ddfnet_ros.synthesis.bayer import demosaic
from ddfnet_ros.synthesis.jpeg import through_jpeg

Number = float | Tensor

_HOT = 0.5  # a hot pixel's mean dark signal in the longest frame [white]


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """What stands between light and pixel values.

    Attributes:
        electrons: Full well; the shot noise at white is sqrt(gain / electrons). Zero: none.
        read_noise: Standard deviation of the dark frame at gain 1, in units of white.
        gain: Analogue gain: white needs fewer electrons, and read noise shows more.
        black: What the subtraction of the black level leaves, in units of white; persistent.
        hot_pixels: Share of the pixels that fill without light, in proportion to the exposure.
        mosaic: Not 0: one colour is measured per pixel (RGGB), the others interpolated. One
            number per scene.
        gamma: Exponent of the true response, value = linear ** (1 / gamma).
        contrast: 0: pure gamma; up to 1: blended with an S-curve as cameras apply.
        knee: Linear value above which highlights are compressed; 1: hard clipping.
        levels: Steps of the quantisation, 255 for 8 bits.
        jpeg: Quality of the compression to 8-bit JPEG, 1 to 100; 0: none. One number per scene.
        exposure_error: True exposure over the nominal one, per frame; persistent.
        light_change: Brightness of the scene at each frame over that at the reference.
        shading: Share of the light that lens and shutter pass, per pixel; persistent.
    """

    electrons: Number = 10000.0
    read_noise: Number = 0.002
    gain: Number = 1.0
    black: Number = 0.0
    hot_pixels: Number = 0.0
    mosaic: Number = 0.0
    gamma: Number = GAMMA
    contrast: Number = 0.0
    knee: Number = 1.0
    levels: Number = 255.0
    jpeg: Number = 0.0
    exposure_error: Number = 1.0
    light_change: Number = 1.0
    shading: Number = 1.0

    @property
    def clean(self) -> Sensor:
        """The same camera without noise, quantisation, compression or changing light."""
        return replace(self, electrons=0.0, read_noise=0.0, hot_pixels=0.0, levels=0.0, jpeg=0.0,
                       light_change=1.0)

    def on(self, device: torch.device) -> Sensor:
        """The same camera with its tensors on a device."""
        numbers = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: value.to(device, non_blocking=True)
                                for name, value in numbers.items() if isinstance(value, Tensor)})


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
    here = sensor.on(radiance.device)
    exposure = exposure.to(radiance.device)[..., None, None, None]
    linear = radiance * (exposure * here.exposure_error * here.light_change * here.shading)
    if _any(sensor.hot_pixels):
        linear = linear + _dark_signal(linear, exposure, here, generator)
    if _any(sensor.electrons) or _any(sensor.read_noise):
        linear = linear + _noise(linear, here, generator)
    linear = _saturate(linear + here.black if _any(sensor.black) else linear, here.knee)
    linear = _where(sensor.mosaic, 0.0, linear, lambda part, _: demosaic(part))
    value = _respond(_where(sensor.knee, 1.0, linear, _compress_highlights), sensor)
    levels = torch.as_tensor(here.levels)
    value = torch.where(levels > 0, (value * levels).round() / levels.clamp(min=1), value)
    return _where(sensor.jpeg, 0.0, value, _compress)


def _any(number: Number) -> bool:
    return bool(torch.as_tensor(number).any())


def _where(
    number: Number, neutral: float, values: Tensor, change: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Change, in place, the scenes whose number is not neutral; the others cost nothing."""
    number = torch.as_tensor(number).expand(len(values), 1, 1, 1, 1)
    chosen = (number.flatten() != neutral).nonzero()[:, 0]
    if len(chosen) == len(values):
        return change(values, number)
    if len(chosen):
        here = chosen.to(values.device)
        values[here] = change(values[here], number[chosen])
    return values


def _dark_signal(
    linear: Tensor, exposure: Tensor, sensor: Sensor, generator: torch.Generator | None
) -> Tensor:
    """What hot pixels collect without light: the same pixels in all frames of a scene."""
    shape = (len(linear), 1, *linear.shape[2:])
    hot = _random(torch.rand, shape, linear.device, generator) < sensor.hot_pixels
    return hot * (_HOT * exposure / exposure.amax(dim=1, keepdim=True))


def _noise(linear: Tensor, sensor: Sensor, generator: torch.Generator | None) -> Tensor:
    """Shot noise as a Gaussian of equal variance, plus read noise (EMVA 1288's linear model)."""
    electrons = torch.as_tensor(sensor.electrons) / sensor.gain
    electrons = torch.where(electrons > 0, electrons, torch.inf)
    shot = linear.clamp(min=0) / electrons
    variance = shot + torch.as_tensor(sensor.read_noise * sensor.gain) ** 2
    return _random(torch.randn, linear.shape, linear.device, generator) * variance.sqrt()


def _random(
    draw: Callable[..., Tensor], shape: Sequence[int], device: torch.device,
    generator: torch.Generator | None,
) -> Tensor:
    """Random numbers from the generator's own device, so that they are the same on all others."""
    source = generator.device if generator else device
    return draw(tuple(shape), generator=generator, device=source).to(device, non_blocking=True)


def _saturate(linear: Tensor, knee: Number) -> Tensor:
    """Full wells: white, and as much more as highlights are compressed afterwards."""
    full = torch.as_tensor(knee + 4 * (1 - knee))
    return torch.minimum(linear.clamp(min=0), full)


def _compress_highlights(linear: Tensor, knee: Tensor) -> Tensor:
    """Leave values below the knee alone and roll the rest off towards 1."""
    knee = knee.to(linear.device)
    room = (1 - knee).clamp(min=1e-4)
    over = (linear - knee).clamp(min=0)
    return torch.where(over > 0, knee + room * torch.tanh(over / room), linear).clamp(max=1)


def _respond(linear: Tensor, sensor: Sensor) -> Tensor:
    value = _power(linear, 1 / torch.as_tensor(sensor.gamma))
    return _where(sensor.contrast, 0.0, value, _steepen)


def _power(base: Tensor, exponent: Tensor) -> Tensor:
    """Raise to a power; for one exponent per scene, where `pow` is slow, by logarithms."""
    if exponent.dim() == 0:
        return base**exponent
    return base.log().mul_(exponent.to(base.device)).exp_()


def _steepen(value: Tensor, contrast: Tensor) -> Tensor:
    """Blend with an S-curve."""
    return value + contrast.to(value.device) * (value * value * (3 - 2 * value) - value)


def _compress(frames: Tensor, quality: Tensor) -> Tensor:
    return torch.stack([
        through_jpeg(scene, int(q))
        for scene, q in zip(frames, quality.flatten().tolist(), strict=True)
    ])

# SPDX-License-Identifier: Apache-2.0
"""The camera: turns radiance into the LDR frames that it would deliver.

Radiance is relative to the shortest exposure of the bracket: 1.0 is white there, and a frame with
relative exposure t sees `radiance * t`. Every number of `Sensor` is a float or a tensor that
broadcasts against (B, N, 3, H, W), so that each scene of a batch can have its own camera. The
numbers and the generator may stay on the CPU while the frames are on another device.
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

_HOT = 0.5  # mean dark signal of a hot pixel in the longest frame, relative to white


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """Model of everything between light and pixel values.

    "Persistent" means: also in the camera without noise (`clean`), hence in the truth.

    Attributes:
        electrons: Full-well capacity; shot noise at white is sqrt(gain / electrons). 0: no noise.
        read_noise: Standard deviation of the dark frame at gain 1, relative to white.
        gain: Analogue gain: white needs fewer electrons, and read noise is amplified.
        black: Error of the black level's subtraction, relative to white; persistent.
        hot_pixels: Share of the pixels with a dark signal, which grows with the exposure.
        mosaic: If not 0, each pixel measures one colour (RGGB) and the others are interpolated.
            One number per scene.
        gamma: Exponent of the true response, value = linear ** (1 / gamma).
        contrast: Share of a camera-like S-curve in the response, 0 (pure gamma) to 1.
        knee: Linear value above which highlights are compressed; 1: hard clipping.
        levels: Number of quantisation steps, 255 for 8 bits; 0: none.
        jpeg: Quality of the compression to 8-bit JPEG, 1 to 100; 0: none. One number per scene.
        exposure_error: Ratio of true to nominal exposure, per frame; persistent.
        light_change: Ratio of the scene's brightness at each frame to that at the reference.
        shading: Share of the light that passes lens and shutter, per pixel; persistent.
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

    def to(self, device: torch.device) -> Sensor:
        """The same camera with its tensors on another device."""
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
        radiance: Linear radiance relative to the shortest exposure.
        exposure: Nominal relative exposures, >= 1.
        sensor: The camera.
        generator: Random generator of the noise; None: the global one.

    Returns:
        Quantised values in [0, 1] with the camera's response.
    """
    here = sensor.to(radiance.device)
    exposure = exposure.to(radiance.device)[..., None, None, None]
    linear = radiance * (exposure * here.exposure_error * here.light_change * here.shading)
    if _any(sensor.hot_pixels):
        linear = linear + _dark_signal(linear, exposure, here, generator)
    if _any(sensor.electrons) or _any(sensor.read_noise):
        linear = linear + _noise(linear, here, generator)
    linear = _saturate(linear + here.black if _any(sensor.black) else linear, here.knee)
    linear = _apply_where(sensor.mosaic, 0.0, linear, lambda part, _: demosaic(part))
    value = _respond(_apply_where(sensor.knee, 1.0, linear, _compress_highlights), sensor)
    levels = torch.as_tensor(here.levels)
    value = torch.where(levels > 0, (value * levels).round() / levels.clamp(min=1), value)
    return _apply_where(sensor.jpeg, 0.0, value, _compress)


def _any(number: Number) -> bool:
    return bool(torch.as_tensor(number).any())


def _apply_where(
    number: Number, neutral: float, values: Tensor, change: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Apply `change`, in place, only to the scenes whose number is not neutral."""
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
    """Signal of hot pixels, which are the same in all frames of a scene."""
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
    """Draw on the generator's device, so that the numbers are the same on every device."""
    source = generator.device if generator else device
    return draw(tuple(shape), generator=generator, device=source).to(device, non_blocking=True)


def _saturate(linear: Tensor, knee: Number) -> Tensor:
    """Clip at the full well: at white, or higher if highlights are compressed afterwards."""
    full = torch.as_tensor(knee + 4 * (1 - knee))
    return torch.minimum(linear.clamp(min=0), full)


def _compress_highlights(linear: Tensor, knee: Tensor) -> Tensor:
    """Compress values above the knee smoothly towards 1."""
    knee = knee.to(linear.device)
    room = (1 - knee).clamp(min=1e-4)
    over = (linear - knee).clamp(min=0)
    return torch.where(over > 0, knee + room * torch.tanh(over / room), linear).clamp(max=1)


def _respond(linear: Tensor, sensor: Sensor) -> Tensor:
    value = _power(linear, 1 / torch.as_tensor(sensor.gamma))
    return _apply_where(sensor.contrast, 0.0, value, _steepen)


def _power(base: Tensor, exponent: Tensor) -> Tensor:
    """Raise to a power; by logarithms if exponents differ by scene, where `pow` is slow."""
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

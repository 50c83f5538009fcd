# SPDX-License-Identifier: Apache-2.0
"""Tone mapping: the mu-law of Eq. 8 with its inverse, and global operators by name.

All operators take radiance (..., C, H, W), linear, >= 0, RGB or grey (C is 3 or 1), and give
values in [0, 1] for display.
The mu-laws are absolute scales: they expect radiance in [0, 1], relative to the shortest exposure.
The others adapt to the picture's own log-average luminance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    from ddfnet_ros.settings import RadianceSettings

MU = 5000.0
LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Luminance weights of linear red, green and blue: ITU-R BT.709."""

_DISPLAY_GAMMA = 2.2
_TINY = 1e-9


def mu_law(radiance: Tensor, mu: float = MU) -> Tensor:
    """Compress radiance, T(H) = log(1 + mu H) / log(1 + mu) (Eq. 8); [0, 1] to [0, 1]."""
    return torch.log1p(mu * radiance.clamp(min=0)) / math.log1p(mu)


def inverse_mu_law(tonemapped: Tensor, mu: float = MU) -> Tensor:
    """Invert `mu_law`."""
    return torch.expm1(tonemapped * math.log1p(mu)) / mu


def luminance(radiance: Float[Tensor, '*b c h w']) -> Float[Tensor, '*b 1 h w']:
    """Compute the BT.709 luminance of linear RGB; grey is returned as it is."""
    if radiance.shape[-3] == 1:
        return radiance
    weights = radiance.new_tensor(LUMINANCE)[:, None, None]
    return (radiance * weights).sum(-3, keepdim=True)


def tone_map(radiance: Float[Tensor, '*b c h w'], settings: RadianceSettings) -> Tensor:
    """Tone-map radiance to [0, 1] with the operator that the settings name."""
    return _OPERATORS[settings.tone_map](radiance.clamp(min=0), settings).clamp(0, 1)


def _mu(radiance: Tensor, settings: RadianceSettings) -> Tensor:
    return mu_law(radiance, settings.mu)


def _mu_colour(radiance: Tensor, settings: RadianceSettings) -> Tensor:
    """Apply the mu-law to the brightest channel; others keep their ratio to it, and so the hue.

    Mantiuk et al. 2009, Eq. 2 (after Schlick 1994), with the exponent that keeps the ratio on a
    display, and with the brightest channel instead of the luminance. So no channel is clipped;
    by luminance a red lamp would be, because red counts only a fifth.
    """
    brightest = radiance.amax(dim=-3, keepdim=True)
    display = mu_law(brightest, settings.mu).clamp(max=1)
    return display * _encode(radiance / brightest.clamp(min=_TINY))


def _key(radiance: Tensor, settings: RadianceSettings) -> Tensor:
    """Scale the log-average luminance to the key, then encode for display; clips highlights."""
    return _encode(radiance * (settings.key / _log_average(luminance(radiance))))


def _reinhard(radiance: Tensor, settings: RadianceSettings) -> Tensor:
    """Reinhard et al. 2002, Eq. 4: burns out only the brightest luminance of the picture."""
    y = luminance(radiance)
    scale = settings.key / _log_average(y)
    scaled = y * scale
    white = scaled.amax(dim=(-2, -1), keepdim=True).clamp(min=_TINY)
    display = scaled * (1 + scaled / white**2) / (1 + scaled)
    return _encode(radiance * (display / y.clamp(min=_TINY)))


def _drago(radiance: Tensor, settings: RadianceSettings) -> Tensor:
    """Drago et al. 2003, Eq. 4, bias 0.85: logarithm with a base that grows with luminance."""
    y = luminance(radiance)
    scaled = y / _log_average(y)
    peak = scaled.amax(dim=(-2, -1), keepdim=True).clamp(min=_TINY)
    base = 2 + 8 * (scaled / peak) ** (math.log(0.85) / math.log(0.5))
    display = torch.log1p(scaled) / torch.log(base) * (math.log(10) / torch.log1p(peak))
    return _encode(radiance * (display / y.clamp(min=_TINY)))


def _log_average(y: Tensor) -> Tensor:
    """Geometric mean of the luminance of each picture, with a floor for black pixels.

    The floor follows the mean, not the peak, so that a sun does not raise it above all else.
    """
    floor = y.mean(dim=(-2, -1), keepdim=True) * 1e-3 + _TINY
    return torch.exp(torch.log(y + floor).mean(dim=(-2, -1), keepdim=True))


def _encode(display: Tensor) -> Tensor:
    return display.clamp(0, 1) ** (1 / _DISPLAY_GAMMA)


_OPERATORS: dict[str, Callable[[Tensor, RadianceSettings], Tensor]] = {
    'mu': _mu,
    'mu_colour': _mu_colour,
    'reinhard': _reinhard,
    'drago': _drago,
    'key': _key,
}

# SPDX-License-Identifier: Apache-2.0
"""Convert LDR frames to radiance: camera responses, Eq. 2 and the input stack (Sec. 3.1).

Internally, radiance is relative to the shortest exposure of the bracket, so it is in [0, 1] where
that frame is not clipped; `runtime/deghoster.py` scales the result back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.settings import RadianceSettings

GAMMA: float = RadianceSettings.gamma


def linearise(ldr: Tensor, response: str = 'gamma', gamma: float = GAMMA) -> Tensor:
    """Undo the camera response: LDR values in [0, 1] to values linear in exposure, in [0, 1].

    Args:
        ldr: LDR values in [0, 1], any shape.
        response: 'gamma' (Eq. 2), 'srgb' (IEC 61966-2-1), 'bt709' (ITU-R BT.709) or 'linear'.
        gamma: Exponent, for 'gamma' only.

    Raises:
        ValueError: unknown response.
    """
    return _find_curve(_LINEARISE, response)(ldr.clamp(0, 1), gamma)


def encode(linear: Tensor, response: str = 'gamma', gamma: float = GAMMA) -> Tensor:
    """Apply the camera response: the inverse of `linearise`, clipped to [0, 1]."""
    return _find_curve(_ENCODE, response)(linear.clamp(0, 1), gamma)


def relative_exposures(exposures: Sequence[float]) -> Float[Tensor, ' n']:
    """Divide exposures by the shortest one: t_i of Eq. 2 as the network uses it, >= 1.

    Raises:
        ValueError: an exposure is not positive.
    """
    t = torch.tensor(exposures, dtype=torch.float64)
    if not (t > 0).all():
        raise ValueError(f'expected exposures > 0 s, got {list(exposures)}; check exposure_times')
    return (t / t.min()).float()


def correct(
    ldr: Float[Tensor, '*b n 3 h w'],
    exposure: Float[Tensor, '*#b n'],
    response: str = 'gamma',
    gamma: float = GAMMA,
) -> Float[Tensor, '*b n 3 h w']:
    """Map LDR frames to one common linear range, P_i = I_i ** gamma / t_i (Eq. 2).

    Args:
        ldr: Frames in [0, 1], RGB.
        exposure: t_i, one per frame; relative exposures keep the result in [0, 1].
        response: As for `linearise`.
        gamma: As for `linearise`.
    """
    return linearise(ldr, response, gamma) / exposure[..., None, None, None]


def input_stack(
    ldr: Float[Tensor, '*b n 3 h w'],
    exposure: Float[Tensor, '*#b n'],
    response: str = 'gamma',
    gamma: float = GAMMA,
) -> Float[Tensor, '*b n 6 h w']:
    """Concatenate LDR and corrected frames along the channels, X_i = [I_i, P_i] (Sec. 3.1)."""
    return torch.cat([ldr, correct(ldr, exposure, response, gamma)], dim=-3)


def _srgb_linearise(v: Tensor, _gamma: float) -> Tensor:
    return torch.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def _srgb_encode(v: Tensor, _gamma: float) -> Tensor:
    return torch.where(v <= 0.0031308, 12.92 * v, 1.055 * v ** (1 / 2.4) - 0.055)


def _bt709_linearise(v: Tensor, _gamma: float) -> Tensor:
    return torch.where(v < 0.081, v / 4.5, ((v + 0.099) / 1.099) ** (1 / 0.45))


def _bt709_encode(v: Tensor, _gamma: float) -> Tensor:
    return torch.where(v < 0.018, 4.5 * v, 1.099 * v**0.45 - 0.099)


_Curve = Callable[[Tensor, float], Tensor]

_LINEARISE: dict[str, _Curve] = {
    'gamma': lambda v, gamma: v**gamma,
    'srgb': _srgb_linearise,
    'bt709': _bt709_linearise,
    'linear': lambda v, _gamma: v,
}
_ENCODE: dict[str, _Curve] = {
    'gamma': lambda v, gamma: v ** (1 / gamma),
    'srgb': _srgb_encode,
    'bt709': _bt709_encode,
    'linear': lambda v, _gamma: v,
}


def _find_curve(curves: dict[str, _Curve], response: str) -> _Curve:
    if response not in curves:
        raise ValueError(f'response: expected one of {", ".join(curves)}, got {response!r}')
    return curves[response]

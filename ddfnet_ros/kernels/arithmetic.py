# SPDX-License-Identifier: Apache-2.0
"""Arithmetic in forms that Numba turns into vector instructions.

Numba's own log and exp call the C library for one number after the other.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic, overload

from ddfnet_ros.kernels.compiling import kernel

f32 = np.float32
i32 = np.int32


@intrinsic  # type: ignore[untyped-decorator]
def _float_to_bits(_context: Any, _value: Any) -> Any:
    """Bits of a float32, as an int32."""
    def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.int32))
    return types.int32(types.float32), build


@intrinsic  # type: ignore[untyped-decorator]
def _bits_to_float(_context: Any, _value: Any) -> Any:
    """The float32 with the bits of an int32."""
    def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float32))
    return types.float32(types.int32), build


_FRACTION_BITS = i32(23)
_FRACTION_MASK = i32((1 << 23) - 1)
_EXPONENT_BIAS = i32(127)
_SQRT_HALF_BITS = i32(np.float32(math.sqrt(0.5)).view(np.int32))
_LN2, _LOG2_E = f32(math.log(2)), f32(1 / math.log(2))
# Coefficients of the series of log(m) = 2 artanh((m - 1) / (m + 1)), and of that of 2 ** r.
_A3, _A5, _A7, _A9 = (f32(2 / k) for k in (3, 5, 7, 9))
_E1, _E2, _E3, _E4, _E5, _E6 = (f32(math.log(2) ** k / math.factorial(k)) for k in range(1, 7))
_ONE, _TWO, _ZERO = f32(1), f32(2), f32(0)
# A float32 of this size has no fraction. Adding a number to it rounds that number to an integer,
# which is then found in the lowest bits of the sum.
_ROUNDER = f32(1.5 * 2**23)


@kernel
def log(y: Any) -> Any:
    """Natural logarithm of a normal float32 > 0; error: 3e-7 of the result, or of 1 if larger."""
    shifted = _float_to_bits(y) - _SQRT_HALF_BITS
    exponent = shifted >> _FRACTION_BITS
    mantissa = _bits_to_float((shifted & _FRACTION_MASK) + _SQRT_HALF_BITS)  # [sqrt(1/2), sqrt(2))
    s = (mantissa - _ONE) / (mantissa + _ONE)
    q = s * s
    series = s * (_TWO + q * (_A3 + q * (_A5 + q * (_A7 + q * _A9))))
    return f32(exponent) * _LN2 + series


@kernel
def exp(x: Any) -> Any:
    """Exponential of a float32 in [-80, 80]; relative error 1e-5, and 5e-7 near 0."""
    scaled = x * _LOG2_E
    shifted = scaled + _ROUNDER
    r = scaled - (shifted - _ROUNDER)
    power = _ONE + r * (_E1 + r * (_E2 + r * (_E3 + r * (_E4 + r * (_E5 + r * _E6)))))
    return power * _bits_to_float((_float_to_bits(shifted) + _EXPONENT_BIAS) << _FRACTION_BITS)


@kernel
def mu_law(radiance: Any, mu: Any, scale: Any) -> Any:
    """Apply Eq. 8 to a float32; `scale` is `mu_scale` of the same mu."""
    return log(_ONE + mu * max(radiance, _ZERO)) * scale


@kernel
def mu_scale(mu: Any) -> Any:
    """Scale with which `mu_law` maps 1 to 1."""
    return _ONE / log(_ONE + mu)


def stored(value: Any, where: Any) -> Any:
    """Convert a float32 for an array; for one of uint16, to bfloat16 bits, rounded to even."""
    raise NotImplementedError('only inside kernels')


_HALF_BELOW, _LOW_BITS, _LOWEST = i32(0x7FFF), i32(16), i32(1)


@overload(stored)  # type: ignore[untyped-decorator]
def _compile_stored(value: Any, where: Any) -> Any:
    """Choose the code of `stored` for the type of the array."""
    def to_bfloat16(value: Any, where: Any) -> Any:
        bits = _float_to_bits(value)
        return np.uint16((bits + _HALF_BELOW + ((bits >> _LOW_BITS) & _LOWEST)) >> _LOW_BITS)

    def unchanged(value: Any, where: Any) -> Any:
        return value

    return to_bfloat16 if where.dtype == types.uint16 else unchanged

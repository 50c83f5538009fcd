# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

numba = pytest.importorskip('numba')

from ddfnet_ros.kernels import arithmetic  # noqa: E402
from ddfnet_ros.tonemap import mu_law  # noqa: E402


def over(function):
    """A kernel for one number, applied to each of an array."""
    @numba.njit
    def applied(values, out):
        for i in range(len(values)):
            out[i] = function(values[i])

    def call(values, dtype=np.float32):
        out = np.empty(len(values), dtype)
        applied(values, out)
        return out
    return call


def test_log_is_that_of_numpy_over_the_whole_range():
    values = np.geomspace(1e-37, 1e37, 100_001).astype(np.float32)
    np.testing.assert_allclose(over(arithmetic.log)(values), np.log(values.astype(np.float64)),
                               rtol=3e-7, atol=3e-7)


def test_exp_is_that_of_numpy():
    values = np.linspace(-80, 80, 100_001).astype(np.float32)
    # An error of the argument's own rounding grows with it.
    np.testing.assert_allclose(over(arithmetic.exp)(values), np.exp(values.astype(np.float64)),
                               rtol=1e-5)
    near = values[np.abs(values) < 2]
    np.testing.assert_allclose(over(arithmetic.exp)(near), np.exp(near.astype(np.float64)),
                               rtol=5e-7)


def test_mu_law_is_that_of_torch_and_never_below_zero():
    values = np.concatenate([np.geomspace(1e-9, 300, 10_000), [0, 1, -1]]).astype(np.float32)

    @numba.njit
    def curve(values, mu, out):
        scale = arithmetic.mu_scale(mu)
        for i in range(len(values)):
            out[i] = arithmetic.mu_law(values[i], mu, scale)

    for mu in (5000.0, 20.0):
        out = np.empty_like(values)
        curve(values, np.float32(mu), out)
        np.testing.assert_allclose(out, mu_law(torch.from_numpy(values), mu), atol=1e-6)


def test_bfloat16_is_rounded_as_torch_does():
    values = np.random.default_rng(0).normal(size=10_000).astype(np.float32) * 100
    values[:4] = 0, 1, 1.00390625, 1.01171875  # and ties, to even

    @numba.njit
    def store(values, out):
        for i in range(len(values)):
            out[i] = arithmetic.stored(values[i], out)

    bits, same = np.empty(len(values), np.uint16), np.empty_like(values)
    store(values, bits)
    store(values, same)
    expected = torch.from_numpy(values).bfloat16().view(torch.int16).numpy().view(np.uint16)
    np.testing.assert_array_equal(bits, expected)
    np.testing.assert_array_equal(same, values)

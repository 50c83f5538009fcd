# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from ddfnet_ros.synthesis.lens import shutter_slope, vignette, with_glare


def lamp(size: int = 128, brightness: float = 1000.0) -> torch.Tensor:
    radiance = torch.full((1, 1, 3, size, size), 0.01)
    radiance[..., size // 2 - 4:size // 2, size // 2 - 4:size // 2] = brightness
    return radiance


def scattered(radiance: torch.Tensor, halo: float, veil: float) -> torch.Tensor:
    return with_glare(radiance, torch.tensor([halo]), torch.tensor([veil]))


def test_glare_conserves_light():
    before, after = lamp(), scattered(lamp(), 0.1, 0.05)
    assert after.sum().item() == pytest.approx(before.sum().item(), rel=1e-3)


def test_even_light_stays_as_it_is():
    even = torch.full((1, 2, 3, 64, 64), 0.3)
    torch.testing.assert_close(scattered(even, 0.2, 0.1), even)


def test_glare_is_linear_in_light():
    torch.testing.assert_close(scattered(7 * lamp(), 0.1, 0.05), 7 * scattered(lamp(), 0.1, 0.05))


def test_longer_exposures_show_wider_glow():
    seen = scattered(lamp(), 0.02, 0.01)
    widths = [(seen * exposure > 1).sum() for exposure in (0.1, 1.0, 10.0)]
    assert 0 < widths[0] < widths[1] < widths[2]


def test_halo_is_narrower_than_veil():
    row = [scattered(lamp(), *shares)[0, 0, 0, 62] for shares in ((0.05, 0.0), (0.0, 0.05))]
    assert row[0][68] > row[1][68]
    assert row[0][84] < row[1][84]


def test_odd_sizes_keep_their_shape():
    assert scattered(torch.rand(1, 2, 3, 60, 44), 0.1, 0.1).shape == (1, 2, 3, 60, 44)


def test_vignette_falls_off_around_the_axis():
    light = vignette(65, torch.tensor([[0.0, 0.0]]), torch.tensor([0.5]))[0, 0, 0]
    assert light[32, 32] == 1
    # At the corner tan^2 of the angle is 0.5 * 0.5: cos^4 = 1 / 1.25^2.
    assert light[0, 0].item() == pytest.approx(1 / 1.25**2)
    torch.testing.assert_close(light, light.T)


def test_uneven_shutter_exposes_rows_differently_and_the_middle_nominally():
    light = shutter_slope(65, torch.tensor([[0.0, 0.1]]))[0, :, 0, :, 0]
    assert (light[0] == 1).all()
    assert light[1, [0, 32, 64]].tolist() == pytest.approx([0.95, 1, 1.05])

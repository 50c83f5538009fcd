# SPDX-License-Identifier: Apache-2.0
import torch

from ddfnet_ros.synthesis.jpeg import through_jpeg


def smooth() -> torch.Tensor:
    """Frames of smooth, differently coloured light."""
    coarse = 0.3 + 0.4 * torch.rand((2, 3, 6, 8), generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(coarse, (48, 64), mode='bilinear')


def test_good_quality_changes_little_and_keeps_the_colours_apart():
    error = (through_jpeg(smooth(), 95) - smooth()).abs()
    assert error.mean() < 0.01
    assert error.max() < 0.08


def test_low_quality_changes_more():
    errors = [(through_jpeg(smooth(), q) - smooth()).abs().mean() for q in (20, 60, 98)]
    assert errors[0] > 1.5 * errors[1] > 1.5 * errors[2]


def test_result_has_8_bits_and_the_shape_of_the_frames():
    frames = through_jpeg(smooth()[None], 90)
    assert frames.shape == (1, 2, 3, 48, 64)
    torch.testing.assert_close((frames * 255).round(), frames * 255, atol=1e-3, rtol=0)

# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from ddfnet_ros.synthesis.bayer import bayer_mask, demosaic


@pytest.mark.parametrize('shape', [(8, 8), (7, 10)])
def test_each_pixel_measures_one_colour_and_half_of_them_green(shape):
    mask = bayer_mask(*shape)
    assert (mask.sum(dim=0) == 1).all()
    assert mask[1].mean().item() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize('shape', [(8, 8), (7, 10)])
def test_flat_field_is_flat_up_to_the_borders(shape):
    flat = torch.tensor([0.2, 0.5, 0.9])[:, None, None].expand(2, 3, 3, *shape)
    torch.testing.assert_close(demosaic(flat), flat)


def test_measured_pixels_are_kept():
    picture = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(1))
    kept = bayer_mask(8, 8).bool()
    assert torch.equal(demosaic(picture)[kept], picture[kept])


def test_fine_detail_gets_false_colours():
    stripes = torch.tensor([0.0, 1.0]).repeat(4).expand(3, 8, 8)
    seen = demosaic(stripes)
    assert (seen[0] - seen[2]).abs().max() > 0.9

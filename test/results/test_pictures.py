# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from ddfnet_ros.results.pictures import FULL_COLOUR, eight_bit, flow_picture, sixteen_bit, white
from ddfnet_ros.tonemap import inverse_mu_law

from .conftest import WHITE


@pytest.fixture
def ramp(deghosted):
    """Radiance from black to twice of what 16 bits hold."""
    values = np.linspace(0, 2 * WHITE, 40 * 48 * 3, dtype=np.float32).reshape(40, 48, 3)
    return deghosted(radiance=values)


def test_white_is_where_the_shortest_exposure_clips(deghosted):
    assert white(deghosted()) == WHITE


def test_linear_values_are_radiance_again(ramp):
    values = sixteen_bit(ramp)
    assert values.dtype == np.uint16
    back = values / 65535 * white(ramp)
    np.testing.assert_allclose(back, ramp.radiance.clip(max=WHITE), atol=WHITE / 65535)


def test_logarithmic_values_keep_the_shadows(ramp):
    values = sixteen_bit(ramp, log=True)
    relative = inverse_mu_law(torch.from_numpy(values / 65535)).numpy()
    expected = ramp.radiance.clip(max=WHITE) / WHITE
    np.testing.assert_allclose(relative, expected, rtol=1e-4, atol=1e-7)
    assert values.max() == 65535


def test_grey_stays_grey(deghosted):
    grey = deghosted(radiance=np.full((40, 48), WHITE / 2, np.float32))
    assert sixteen_bit(grey).tolist() == np.full((40, 48), 32768).tolist()


def test_the_colour_wheel_tells_direction_and_length(deghosted):
    motion = np.zeros((2, 40, 48, 2), np.float32)
    motion[1, 0, :4] = [[FULL_COLOUR, 0], [-2 * FULL_COLOUR, 0], [0, FULL_COLOUR],
                        [FULL_COLOUR / 2, 0]]
    picture = flow_picture(deghosted(motion=motion))
    right, left, down, half = picture[0, :4].tolist()
    assert right == [255, 0, 0]
    assert left == pytest.approx([0, 255, 255], abs=1)
    assert down[0] == pytest.approx(128, abs=2)
    assert down[1:] == [255, 0]
    assert half == pytest.approx([255, 127, 127], abs=1)
    assert picture[1, 1].tolist() == [255, 255, 255]


def test_frames_of_every_type_look_alike_in_8_bits():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(eight_bit(levels), levels)
    np.testing.assert_array_equal(eight_bit(levels.astype(np.uint16) * 257), levels)
    np.testing.assert_array_equal(eight_bit(levels / np.float32(255)), levels)
    assert eight_bit(np.full((2, 2), 1.2, np.float32)).max() == 255

# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.synthesis.street.drawn import drawn_panorama


@pytest.fixture(scope='module')
def panorama():
    return drawn_panorama(5, height=128)


def test_it_has_the_shape_of_a_panorama_and_only_real_light(panorama):
    assert panorama.radiance.shape == (128, 256, 3)
    assert np.isfinite(panorama.radiance).all()
    assert panorama.radiance.min() >= 0


def test_the_sun_stands_low_over_the_road(panorama):
    row, column = np.unravel_index(panorama.radiance.mean(-1).argmax(), (128, 256))
    elevation = 90 - (row + 0.5) / 128 * 180
    azimuth = (column + 0.5) / 256 * 360 - 180
    assert 5 < elevation < 30
    assert abs(azimuth) < 45
    assert panorama.radiance.max() > 1000


def test_sky_is_brighter_than_houses_brighter_than_road(panorama):
    at = {name: float(panorama.at(np.array(azimuth), np.array(elevation)).mean())
          for name, azimuth, elevation in (('sky', 2.5, 1.2), ('wall', 1.4, 0.3),
                                           ('road', 2.5, -0.8))}
    assert at['sky'] > at['wall'] > at['road'] > 0


def test_a_seed_gives_the_same_street_and_another_seed_another(panorama):
    np.testing.assert_array_equal(drawn_panorama(5, height=128).radiance, panorama.radiance)
    assert (drawn_panorama(6, height=128).radiance != panorama.radiance).any()

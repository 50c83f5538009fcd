# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.synthesis.panorama import Panorama
from ddfnet_ros.synthesis.street.plate import still_street
from ddfnet_ros.synthesis.street.projection import StreetCamera

CAMERA = StreetCamera()


@pytest.fixture(scope='module')
def plate():
    """Sky 0.4, road 0.02 with a sunlit stripe of 0.1 straight ahead."""
    radiance = np.full((512, 1024, 3), 0.4, np.float32)
    radiance[256:] = 0.02
    radiance[256:, 500:524] = 0.1
    return still_street(Panorama(name='stripe', radiance=radiance), 0.0, CAMERA, seed=2)


def test_sky_comes_through_as_it_is(plate):
    np.testing.assert_allclose(plate.sunlit[:140], 0.4, rtol=0.01)


def test_sunlit_road_is_told_from_shaded_road(plate):
    assert plate.sun_at(0.0, 9.0, CAMERA) > 0.8
    assert plate.sun_at(6.0, 9.0, CAMERA) < 0.1


def test_hiding_the_sun_darkens_the_sunlit_road_only(plate):
    lit, shaded = plate.sunlit.mean(-1), plate.shaded.mean(-1)
    assert shaded[250, 320] < 0.5 * lit[250, 320]
    assert shaded[250, 500] == pytest.approx(lit[250, 500], rel=0.25)
    np.testing.assert_array_equal(plate.shaded[:140], plate.sunlit[:140])


def test_the_same_seed_gives_the_same_street(plate):
    radiance = np.full((512, 1024, 3), 0.1, np.float32)
    panorama = Panorama(name='even', radiance=radiance)
    first, again, other = (still_street(panorama, 0.0, CAMERA, seed).sunlit for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()

# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.synthesis.panorama import Panorama
from ddfnet_ros.synthesis.street.light import light_from

EVERY_WAY = np.array([[0.0, 0, 1], [0, 0, -1], [1, 0, 0], [0, -1, 0], [0.6, 0.8, 0]])


def test_even_light_gives_irradiance_pi_times_radiance(overcast):
    np.testing.assert_allclose(overcast.received(EVERY_WAY), 0.5 * np.pi, rtol=0.01)


def test_even_light_looks_the_same_in_every_mirror(overcast):
    for roughness in (0.0, 0.3, 1.0):
        seen = overcast.reflected(EVERY_WAY, np.full(5, roughness))
        np.testing.assert_allclose(seen, 0.5, rtol=1e-3)


def test_without_a_sun_nothing_is_sunlit(overcast):
    assert (overcast.sun == 0).all()


def test_the_sun_is_found_where_it_stands(sunny_panorama):
    light = light_from(sunny_panorama, 0.0, sun_above=10.0)
    np.testing.assert_allclose(light.sun_direction, [np.sqrt(0.5), 0, np.sqrt(0.5)], atol=0.03)


@pytest.mark.parametrize('degrees', [-50, 30, 90])
def test_the_road_may_point_anywhere_in_the_panorama(sunny_panorama, degrees):
    turned = Panorama(name='turned', radiance=np.roll(sunny_panorama.radiance, 16, 1))
    light = light_from(turned, np.radians(degrees), sun_above=10.0)
    right = np.radians(135 - degrees)  # of the road
    toward = np.sqrt(0.5) * np.array([np.sin(right), np.cos(right), 1])
    np.testing.assert_allclose(light.sun_direction, toward, atol=0.03)
    # What is left of it in the surroundings stands there too.
    assert light.reflected(light.sun_direction[None], np.zeros(1))[0, 0] > 5


def test_the_suns_irradiance_is_its_radiance_times_its_solid_angle(sunny_panorama):
    light = light_from(sunny_panorama, 0.0, sun_above=10.0)
    solid_angle = 4 * (2 * np.pi / 128) * (np.pi / 64) * np.cos(np.pi / 4)
    assert light.sun[0] == pytest.approx(490 * solid_angle, rel=0.01)


def test_surroundings_do_not_hold_the_sun_any_more(sunny_panorama):
    light = light_from(sunny_panorama, 0.0, sun_above=10.0)
    assert max(mirror.radiance.max() for mirror in light.mirrors) <= 10


def test_rough_mirrors_blur(sunny_panorama):
    light = light_from(sunny_panorama, 0.0, sun_above=10.0)
    toward = light.sun_direction[None]
    sharp, rough = (light.reflected(toward, np.array([r]))[0, 0] for r in (0.0, 1.0))
    assert rough < 0.6 * sharp

# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.synthesis.street.light import light_from
from ddfnet_ros.synthesis.street.surface import Surface, shade

UP = np.array([[0.0, 0, 1]])
SLANTED = np.array([[0.6, 0, 0.8]])


def test_matt_paint_reflects_its_albedo_of_even_light(overcast):
    seen = shade(Surface.uniform(1, (0.4, 0.2, 0.1)), UP, SLANTED, overcast, 1.0)
    np.testing.assert_allclose(seen[0], [0.2, 0.1, 0.05], rtol=0.02)


def test_own_light_is_added(overcast):
    surface = Surface.uniform(1, (0.4, 0.4, 0.4))
    dark = shade(surface, UP, SLANTED, overcast, 1.0)
    surface.emission[:] = (3, 2, 1)
    lit = shade(surface, UP, SLANTED, overcast, 1.0)
    np.testing.assert_allclose(lit - dark, [[3, 2, 1]])


def test_gloss_grows_towards_grazing_view(overcast):
    varnish = Surface.uniform(1, (0, 0, 0), mirror=0.04, roughness=0.0)
    straight = shade(varnish, UP, UP, overcast, 0.0)[0, 0]
    grazing = shade(varnish, UP, np.array([[0.995, 0, 0.0998]]), overcast, 0.0)[0, 0]
    assert straight == pytest.approx(0.04 * 0.5, rel=0.02)
    assert grazing > 10 * straight


def test_what_faces_the_sun_is_brighter_and_shade_takes_it_away(sunny_panorama):
    light = light_from(sunny_panorama, 0.0, sun_above=10.0)
    paint = Surface.uniform(1, (0.5, 0.5, 0.5))
    toward = light.sun_direction[None]
    lit = shade(paint, toward, UP, light, 1.0)[0, 0]
    shaded = shade(paint, toward, UP, light, 0.0)[0, 0]
    assert lit - shaded == pytest.approx(0.5 / np.pi * light.sun[0], rel=0.01)


def test_hidden_places_get_less_light(overcast):
    surface = Surface.uniform(1, (0.4, 0.4, 0.4))
    open_ = shade(surface, UP, UP, overcast, 0.0)
    surface.openness[:] = 0.5
    np.testing.assert_allclose(shade(surface, UP, UP, overcast, 0.0), 0.5 * open_)


def test_fabric_has_a_bright_rim(overcast):
    cloth = Surface.uniform(1, (0.1, 0.1, 0.1))
    grazing = np.array([[0.995, 0, 0.0998]])
    plain = shade(cloth, UP, grazing, overcast, 0.0)
    cloth.cloth[:] = 1.0
    assert (shade(cloth, UP, grazing, overcast, 0.0) > 2 * plain).all()

# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.synthesis.street.layer import Layer, Solid, draw
from ddfnet_ros.synthesis.street.mesh import box, join_meshes
from ddfnet_ros.synthesis.street.surface import Surface

from .conftest import grey_box


def test_a_box_covers_the_angle_that_it_should(overcast, small_camera):
    layer = draw(grey_box(0.0, 10.0), small_camera, overcast)
    wide = layer.coverage.sum(1).max()
    assert wide == pytest.approx(small_camera.focal * 2 * np.arctan(0.5 / 9.5), rel=0.06)
    assert 0 <= layer.coverage.min() <= layer.coverage.max() <= 1


def test_what_stands_behind_the_camera_is_not_drawn(overcast, small_camera):
    assert draw(grey_box(0.2, -6.0), small_camera, overcast) is None


def test_what_is_beyond_the_edge_is_not_drawn(overcast, small_camera):
    assert draw(grey_box(30.0, 1.0), small_camera, overcast) is None


def test_a_layer_hides_what_is_behind_it_by_its_coverage():
    picture = np.ones((4, 4, 3), np.float32)
    layer = Layer(colour=np.full((2, 2, 3), 0.1), coverage=np.full((2, 2), 0.25), top=1, left=2,
                  distance=1.0)
    layer.over(picture)
    np.testing.assert_allclose(picture[1:3, 2:], 0.85)
    assert picture[0, 0, 0] == 1


def _paint_glass(part, _local, _normals, _towards):
    surface = Surface.uniform(len(part), (0.5, 0.5, 0.5))
    surface.glass[part == 0] = 0.7
    surface.albedo[part == 0] = 0
    return surface


def test_glass_lets_through_what_is_behind_and_shows_what_is_inside(overcast, small_camera):
    cabin = box((-0.5, -0.5, 0), (0.5, 0.5, 1), part=0, cells=3)
    seat = box((-0.1, -0.1, 0.3), (0.1, 0.1, 0.7), part=2, cells=2)
    solid = Solid(mesh=join_meshes([cabin, seat]), paint=_paint_glass, x=0.0, y=4.0, heading=0.0,
                  inside=2)
    layer = draw(solid, small_camera, overcast)
    columns = small_camera.width // 2 - layer.left
    rows = small_camera.project(np.array([[0.0, 3.9, 0.5]]))[0][0, 1] - layer.top
    assert layer.coverage[int(rows), columns] == pytest.approx(1)  # the seat
    assert layer.coverage[int(rows), columns - 4] == pytest.approx(1 - 0.7, abs=0.05)
    assert layer.colour[int(rows), columns].min() > layer.colour[int(rows), columns - 4].max()

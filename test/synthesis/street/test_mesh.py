# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.synthesis.street import mesh
from ddfnet_ros.synthesis.street.island import island_mesh


def volume(solid: mesh.Mesh) -> float:
    """Signed: positive where faces are counter-clockwise from outside."""
    a, b, c = (solid.vertices[solid.faces[:, k]] for k in range(3))
    return float((np.cross(a, b) * c).sum() / 6)


def test_a_box_has_its_volume_and_faces_outwards():
    assert volume(mesh.box((1, 1, 1), (3, 4, 2), cells=3)) == pytest.approx(6)


@pytest.mark.parametrize('path', [[[0, 0, 0], [0, 0, 2]], [[0, 0, 0], [0, 0, -2]],
                                  [[0, 0, 0], [2, 0, 0]], [[0, 0, 0], [0, -2, 0]]])
def test_a_tube_faces_outwards_in_every_direction(path):
    tube = mesh.tube(np.array(path, float), (0.5, 0.5), sides=64)
    assert volume(tube) == pytest.approx(2 * np.pi * 0.25, rel=0.01)


def test_an_ellipsoid_has_its_volume():
    ball = mesh.ellipsoid((5, 5, 5), (1, 2, 3), rings=60, sides=60)
    assert volume(ball) == pytest.approx(4 / 3 * np.pi * 6, rel=0.01)


def test_normals_of_a_ball_point_away_from_its_middle():
    ball = mesh.ellipsoid((0, 0, 0), (1, 1, 1), rings=24, sides=24)
    assert (ball.normals * ball.vertices).sum(1).min() > 0.98


def test_a_disc_faces_along_its_axis():
    disc = mesh.disc(np.zeros(3), np.array([1.0, 0, 0]), 2.0, sides=64)
    a, b, c = (disc.vertices[disc.faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    assert across[:, 0].sum() / 2 == pytest.approx(np.pi * 4, rel=0.01)


def test_joined_meshes_keep_their_faces_and_parts():
    both = mesh.join_meshes([mesh.box((0, 0, 0), (1, 1, 1), part=1),
                             mesh.box((5, 0, 0), (7, 1, 1), part=2)])
    assert volume(both) == pytest.approx(3)
    assert both.vertices[both.faces[both.part == 2]][..., 0].min() == 5


def test_moving_turns_normals_but_leaves_painting_coordinates():
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    box = mesh.box((0, 0, 0), (1, 1, 1))
    moved = box.transform(quarter, np.array([10.0, 0, 0]))
    np.testing.assert_allclose(moved.vertices, box.vertices @ quarter.T + [10, 0, 0])
    np.testing.assert_allclose(moved.normals, box.normals @ quarter.T)
    np.testing.assert_array_equal(moved.local, box.local)


def test_an_island_is_flat_and_has_its_size():
    island = island_mesh(4.0, 1.5)
    assert np.ptp(island.vertices, axis=0) == pytest.approx([4.0, 1.5, 0.13], abs=0.01)
    assert volume(island) > 0

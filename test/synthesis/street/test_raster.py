# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.synthesis.street.mesh import Mesh
from ddfnet_ros.synthesis.street.raster import rasterise


def _triangles(*corners):
    """A mesh and its points in the picture; columns, rows and depths of three corners each."""
    points = np.array(corners, float).reshape(-1, 3)
    count = len(points)
    mesh = Mesh(vertices=points, normals=points, local=points,
                faces=np.arange(count).reshape(-1, 3), part=np.zeros(count // 3, np.int64))
    return mesh, points[:, :2], points[:, 2]


# Counter-clockwise on the screen, where rows grow downwards.
NEAR = ((0, 0, 1.0), (0, 30, 1.0), (40, 0, 1.0))
FAR = ((0, 0, 2.0), (0, 40, 2.0), (40, 0, 2.0))


def test_a_triangle_covers_its_area():
    seen = rasterise(*_triangles(*NEAR), (50, 50))
    assert len(seen.pixel) == pytest.approx(600, rel=0.03)


def test_the_nearer_triangle_hides_the_farther_whatever_their_order():
    for first, second, near in ((NEAR, FAR, 0), (FAR, NEAR, 1)):
        seen = rasterise(*_triangles(*first, *second), (50, 50))
        at_corner = seen.pixel == 2 * 50 + 2
        assert seen.face[at_corner] == [near]
        assert seen.depth[at_corner] == pytest.approx([1.0])


def test_weights_interpolate_the_corners():
    mesh, points, depth = _triangles((2, 3, 1.0), (2, 33, 3.0), (42, 3, 5.0))
    seen = rasterise(mesh, points, depth, (50, 50))
    inside = seen.interpolate(mesh, points)
    np.testing.assert_allclose(inside[:, 0], seen.pixel % 50 + 0.5, atol=1e-3)
    np.testing.assert_allclose(inside[:, 1], seen.pixel // 50 + 0.5, atol=1e-3)
    np.testing.assert_allclose(seen.interpolate(mesh, depth[:, None])[:, 0], seen.depth)


def test_back_faces_are_drawn_only_when_asked_for():
    turned = (NEAR[0], NEAR[2], NEAR[1])
    assert len(rasterise(*_triangles(*turned), (50, 50)).pixel) == 0
    assert len(rasterise(*_triangles(*turned), (50, 50), back=True).pixel) > 500


def test_what_is_beyond_the_picture_is_cut_off():
    seen = rasterise(*_triangles((-30, -30, 1), (-30, 70, 1), (70, -30, 1)), (20, 10))
    assert set(seen.pixel) == set(range(200))


def test_two_halves_of_a_square_leave_no_seam():
    square = ((3, 3, 1), (3, 17, 1), (17, 17, 1)), ((3, 3, 1), (17, 17, 1), (17, 3, 1))
    seen = rasterise(*_triangles(*square[0], *square[1]), (20, 20))
    assert len(seen.pixel) == 14 * 14


def test_nothing_to_draw_gives_no_fragments():
    seen = rasterise(*_triangles((60, 60, 1), (60, 70, 1), (70, 60, 1)), (50, 50))
    assert seen.weights.shape == (0, 3)

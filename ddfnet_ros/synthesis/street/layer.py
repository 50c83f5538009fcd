# SPDX-License-Identifier: Apache-2.0
"""Render one object of the street: colour and coverage in its part of the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ddfnet_ros.synthesis.street.arrays import Array, Indices, Mask
from ddfnet_ros.synthesis.street.light import Light
from ddfnet_ros.synthesis.street.mesh import Mesh
from ddfnet_ros.synthesis.street.projection import StreetCamera
from ddfnet_ros.synthesis.street.raster import Fragments, rasterise
from ddfnet_ros.synthesis.street.surface import Surface, shade

# Maps (part, local coordinates, normals, directions to the camera) to materials; normals and
# directions are in the object's axes.
Painter = Callable[[Indices, Array, Array, Array], Surface]

SUPERSAMPLING = 3
_MARGIN = 2


@dataclass(frozen=True, eq=False, kw_only=True)
class Layer:
    """A rendered object in a window of the picture.

    Attributes:
        colour: (h, w, 3) radiance times coverage.
        coverage: (h, w) share of each pixel that is covered, 0 to 1.
        top: First row of the window in the picture.
        left: First column of the window.
        distance: Distance of the object from the camera [m].
    """

    colour: Array
    coverage: Array
    top: int
    left: int
    distance: float

    def over(self, picture: Array) -> None:
        """Composite the layer over the picture, in place."""
        rows, columns = self.coverage.shape
        window = picture[self.top:self.top + rows, self.left:self.left + columns]
        window *= 1 - self.coverage[..., None]
        window += self.colour


@dataclass(frozen=True, eq=False, kw_only=True)
class Solid:
    """A mesh with materials at a place in the world.

    Attributes:
        mesh: Mesh in object coordinates: x forward, y left, z up.
        paint: Function that gives its materials.
        x: Position to the right of the road's axis [m].
        y: Position along the road [m].
        heading: Direction of its front: 0 along the road, positive to the right [rad].
        sun_share: Share of the sunlight that reaches it.
        inside: Part that is visible only through its glass; None if it has no glass.
    """

    mesh: Mesh
    paint: Painter
    x: float
    y: float
    heading: float
    sun_share: float = 1.0
    inside: int | None = None

    @property
    def rotation(self) -> Array:
        """Rotation matrix from object axes to world axes."""
        s, c = np.sin(self.heading), np.cos(self.heading)
        return np.array([[s, -c, 0], [c, s, 0], [0, 0, 1]])

    def in_world(self) -> Mesh:
        """The mesh in world coordinates."""
        return self.mesh.transform(self.rotation, np.array([self.x, self.y, 0.0]))


def draw(solid: Solid, camera: StreetCamera, light: Light) -> Layer | None:
    """Render an object; None if the camera does not see it."""
    world = solid.in_world()
    points, depth = camera.project(world.vertices)
    low = np.floor(points.min(0)).astype(int) - _MARGIN
    high = np.ceil(points.max(0)).astype(int) + _MARGIN
    left, top = (int(edge) for edge in np.maximum(low, 0))
    right, bottom = (int(edge) for edge in np.minimum(high, (camera.width, camera.height)))
    behind = np.ptp(points[:, 0]) > np.pi * camera.focal  # azimuths wrap around
    if right <= left or bottom <= top or behind:
        return None
    shape = (SUPERSAMPLING * (bottom - top), SUPERSAMPLING * (right - left))
    window_points = (points - (left, top)) * SUPERSAMPLING
    colour, coverage = _render(solid, world, window_points, depth, shape, camera, light)
    size = (right - left, bottom - top)
    return Layer(
        colour=cv2.resize(colour, size, interpolation=cv2.INTER_AREA),
        coverage=cv2.resize(coverage, size, interpolation=cv2.INTER_AREA),
        top=top, left=left, distance=float(np.hypot(solid.x, solid.y)),
    )


def _render(solid: Solid, world: Mesh, points: Array, depth: Array, shape: tuple[int, int],
            camera: StreetCamera, light: Light) -> tuple[Array, Array]:
    """Colour (h, w, 3) times coverage, and coverage (h, w), both supersampled."""
    colour = np.zeros((shape[0] * shape[1], 3), np.float32)
    coverage = np.zeros(shape[0] * shape[1], np.float32)
    outside = world
    if solid.inside is not None:
        outside = _select_faces(world, world.part != solid.inside)
        hull = _select_faces(outside, outside.part == 0)
        contents = _select_faces(world, world.part == solid.inside)
        for mesh, back in ((hull, True), (contents, False)):
            visible = rasterise(mesh, points, depth, shape, back=back)
            surface, radiance = _shade_fragments(solid, mesh, visible, camera, light)
            opaque = surface.glass == 0
            # Seen from inside, the hull is trim in the dark.
            dimmed = radiance[opaque] * (0.15 if back else 1.0)
            colour[visible.pixel[opaque]] = dimmed
            coverage[visible.pixel[opaque]] = 1
    visible = rasterise(outside, points, depth, shape)
    surface, radiance = _shade_fragments(solid, outside, visible, camera, light)
    transmitted = surface.glass
    colour[visible.pixel] = radiance + colour[visible.pixel] * transmitted[:, None]
    coverage[visible.pixel] = 1 - transmitted * (1 - coverage[visible.pixel])
    return colour.reshape(*shape, 3), coverage.reshape(shape)


def _shade_fragments(solid: Solid, mesh: Mesh, visible: Fragments, camera: StreetCamera,
                     light: Light) -> tuple[Surface, Array]:
    """Materials and radiance of the visible points of a mesh."""
    normals = visible.interpolate(mesh, mesh.normals)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    towards = camera.position - visible.interpolate(mesh, mesh.vertices)
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    surface = solid.paint(mesh.part[visible.face], visible.interpolate(mesh, mesh.local),
                          normals @ solid.rotation, towards @ solid.rotation)
    return surface, shade(surface, normals, towards, light, solid.sun_share)


def _select_faces(mesh: Mesh, faces: Mask) -> Mesh:
    return replace(mesh, faces=mesh.faces[faces], part=mesh.part[faces])

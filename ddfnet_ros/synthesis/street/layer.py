# SPDX-License-Identifier: Apache-2.0
"""One object of the street, drawn: colour and coverage in its part of the picture."""

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

# (part, local coordinates, normals, directions to the camera), the latter two in the object's
# axes, to materials.
Painter = Callable[[Indices, Array, Array, Array], Surface]

SUPERSAMPLING = 3
_MARGIN = 2


@dataclass(frozen=True, eq=False, kw_only=True)
class Layer:
    """A window of the picture with one object in it.

    Attributes:
        colour: (h, w, 3) radiance times coverage.
        coverage: (h, w) 0 to 1.
        top: First row of the window in the picture.
        left: First column.
        distance: Of the object from the camera [m].
    """

    colour: Array
    coverage: Array
    top: int
    left: int
    distance: float

    def over(self, picture: Array) -> None:
        """Put it in front of what is there."""
        rows, columns = self.coverage.shape
        window = picture[self.top:self.top + rows, self.left:self.left + columns]
        window *= 1 - self.coverage[..., None]
        window += self.colour


@dataclass(frozen=True, eq=False, kw_only=True)
class Solid:
    """A mesh somewhere in the world, and how it is painted.

    Attributes:
        mesh: In object coordinates: x forward, y left, z up.
        paint: Its materials.
        x: To the right of the road's axis [m].
        y: Along the road [m].
        heading: Where its front points: 0 along the road, positive to the right [rad].
        sun_share: Share of the sun that reaches it.
        inside: The part that shows only through its glass; None: it has no glass.
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
        """Object axes to world axes."""
        s, c = np.sin(self.heading), np.cos(self.heading)
        return np.array([[s, -c, 0], [c, s, 0], [0, 0, 1]])

    def in_world(self) -> Mesh:
        """The mesh at its place."""
        return self.mesh.moved(self.rotation, np.array([self.x, self.y, 0.0]))


def draw(solid: Solid, camera: StreetCamera, light: Light) -> Layer | None:
    """Render an object; None where the camera does not see it."""
    world = solid.in_world()
    points, depth = camera.project(world.vertices)
    low = np.floor(points.min(0)).astype(int) - _MARGIN
    high = np.ceil(points.max(0)).astype(int) + _MARGIN
    left, top = (int(edge) for edge in np.maximum(low, 0))
    right, bottom = (int(edge) for edge in np.minimum(high, (camera.width, camera.height)))
    around = np.ptp(points[:, 0]) > np.pi * camera.focal  # it stands behind the camera
    if right <= left or bottom <= top or around:
        return None
    shape = (SUPERSAMPLING * (bottom - top), SUPERSAMPLING * (right - left))
    inner = (points - (left, top)) * SUPERSAMPLING
    colour, coverage = _shaded(solid, world, inner, depth, shape, camera, light)
    size = (right - left, bottom - top)
    return Layer(
        colour=cv2.resize(colour, size, interpolation=cv2.INTER_AREA),
        coverage=cv2.resize(coverage, size, interpolation=cv2.INTER_AREA),
        top=top, left=left, distance=float(np.hypot(solid.x, solid.y)),
    )


def _shaded(solid: Solid, world: Mesh, points: Array, depth: Array, shape: tuple[int, int],
            camera: StreetCamera, light: Light) -> tuple[Array, Array]:
    """Colour (h, w, 3) times coverage, and coverage (h, w), both supersampled."""
    colour = np.zeros((shape[0] * shape[1], 3), np.float32)
    coverage = np.zeros(shape[0] * shape[1], np.float32)
    outside = world
    if solid.inside is not None:
        outside = _only(world, world.part != solid.inside)
        hull = _only(outside, outside.part == 0)
        contents = _only(world, world.part == solid.inside)
        for mesh, back in ((hull, True), (contents, False)):
            seen = rasterise(mesh, points, depth, shape, back=back)
            surface, radiance = _radiance(solid, mesh, seen, camera, light)
            solid_here = surface.glass == 0
            # From inside, metal is trim in the dark.
            dark = radiance[solid_here] * (0.15 if back else 1.0)
            colour[seen.pixel[solid_here]] = dark
            coverage[seen.pixel[solid_here]] = 1
    seen = rasterise(outside, points, depth, shape)
    surface, radiance = _radiance(solid, outside, seen, camera, light)
    through = surface.glass
    colour[seen.pixel] = radiance + colour[seen.pixel] * through[:, None]
    coverage[seen.pixel] = 1 - through * (1 - coverage[seen.pixel])
    return colour.reshape(*shape, 3), coverage.reshape(shape)


def _radiance(solid: Solid, mesh: Mesh, seen: Fragments, camera: StreetCamera,
              light: Light) -> tuple[Surface, Array]:
    normals = seen.interpolate(mesh, mesh.normals)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    towards = camera.position - seen.interpolate(mesh, mesh.vertices)
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    surface = solid.paint(mesh.part[seen.face], seen.interpolate(mesh, mesh.local),
                          normals @ solid.rotation, towards @ solid.rotation)
    return surface, shade(surface, normals, towards, light, solid.sun_share)


def _only(mesh: Mesh, faces: Mask) -> Mesh:
    return replace(mesh, faces=mesh.faces[faces], part=mesh.part[faces])

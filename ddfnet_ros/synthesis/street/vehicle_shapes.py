# SPDX-License-Identifier: Apache-2.0
"""Geometry of vehicles: body from cross-sections, wheels, and interior.

Object coordinates [m]: x forward, y to the left, z up; the origin is on the ground below the
middle of the vehicle.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ddfnet_ros.synthesis.street.arrays import Array
from ddfnet_ros.synthesis.street.mesh import Mesh, ellipsoid, join_meshes, loft

BODY, WHEEL, INSIDE = 0, 1, 2

# Half a cross-section, from the bottom up: y as a share of the half width, and z as a share of
# bottom to belt (_LOWER) or belt to roof (_UPPER); the third number is the share of tumblehome.
_LOWER = ((0.0, 0.03), (0.80, 0.0), (0.95, 0.06), (0.99, 0.22), (1.0, 0.40), (0.995, 0.62),
          (0.975, 0.85), (0.945, 1.0))
_UPPER = ((1.0, 0.05, 0.0), (1.0, 0.30, 0.28), (1.0, 0.60, 0.58), (1.0, 0.86, 0.86),
          (0.96, 0.955, 1.0), (0.86, 0.985, 1.0), (0.60, 0.998, 1.0), (0.30, 1.0, 1.0),
          (0.0, 1.0, 1.0))


@dataclass(frozen=True, eq=False, kw_only=True)
class VehicleShape:
    """Shape of one kind of vehicle.

    Attributes:
        stations: (M, 5) profile along x: x, bottom, belt line, top, half width [m].
        tumblehome: How much narrower each side is at the roof, per metre above the belt.
        side_glass: Ranges of x that have windows [m].
        glass_band: Lower and upper edge of the windows, as shares of belt to roof.
        axles: x of the axles [m].
        wheel_radius: Radius of the wheels [m].
        headlights: Smallest and largest |y|, smallest and largest z of the headlights [m].
        tail_lights: The same for the tail lights.
        doors: x of the seams between doors [m].
        seats: x of the rows of seats [m].
        rear_glass: Whether the back has a window.
        bulk: Whether front and back are upright, as of a bus.
    """

    stations: Array
    tumblehome: float
    side_glass: tuple[tuple[float, float], ...]
    glass_band: tuple[float, float]
    axles: tuple[float, float]
    wheel_radius: float
    headlights: tuple[float, float, float, float]
    tail_lights: tuple[float, float, float, float]
    doors: tuple[float, ...]
    seats: tuple[float, ...]
    rear_glass: bool = True
    bulk: bool = False

    def along(self, x: Array) -> tuple[Array, Array, Array, Array]:
        """Bottom, belt, top and half width at positions x [m]."""
        positions, *profiles = self.stations.T
        bottom, belt, top, width = (np.interp(x, positions, profile) for profile in profiles)
        return bottom, belt, top, width

    @property
    def length(self) -> float:
        """Length from bumper to bumper [m]."""
        return float(self.stations[-1, 0] - self.stations[0, 0])

    @property
    def width(self) -> float:
        """Width without mirrors [m]."""
        return float(2 * self.stations[:, 4].max())


def vehicle_mesh(shape: VehicleShape) -> Mesh:
    """Body, wheels and interior; `Mesh.part` tells them apart."""
    body = loft(_sections(shape), BODY)
    half = shape.width / 2
    mirror_x = shape.side_glass[-1][1] - 0.35
    _, belt, _, _ = shape.along(np.array([mirror_x]))
    mirrors = [ellipsoid((mirror_x, side * (half + 0.06), belt[0] + 0.06), (0.07, 0.11, 0.08),
                         BODY, 6, 10) for side in (-1, 1)]
    wheels = [_wheel(shape, x, side) for x in shape.axles for side in (-1, 1)]
    return join_meshes([body, *mirrors, *wheels, *_interior(shape)])


def _sections(shape: VehicleShape) -> Array:
    """Closed cross-sections from the back to the front; both ends shrink to a point."""
    x = _refine_stations(shape.stations[:, 0])
    rings = []
    for xi, bottom, belt, top, width in zip(x, *shape.along(x), strict=True):
        glass = max(top - belt, 0.0)
        drawn_in = shape.tumblehome * glass
        half = [(width * y, bottom + (belt - bottom) * z) for y, z in _LOWER]
        half += [(y * (0.925 * width - drawn_in * t), belt + glass * z) for y, z, t in _UPPER]
        left = np.array(half)
        right = left[-2:0:-1] * (-1, 1)
        ring = np.concatenate([left, right])
        rings.append(np.concatenate([np.full((len(ring), 1), xi), ring], 1))
    first, last = rings[0].mean(0), rings[-1].mean(0)
    ends = [np.tile(first, (len(rings[0]), 1)), np.tile(last, (len(rings[0]), 1))]
    # Rings run bottom, left, top: clockwise seen from behind.
    return np.stack([ends[0] - [0.01, 0, 0], *rings, ends[1] + [0.01, 0, 0]])


def _refine_stations(x: Array) -> Array:
    """Add stations in between, so that no step is longer than 9 cm."""
    parts = [np.linspace(a, b, max(2, int(np.ceil((b - a) / 0.09)) + 1))[:-1]
             for a, b in pairwise(x)]
    return np.concatenate([*parts, x[-1:]])


def _wheel(shape: VehicleShape, x: float, side: int) -> Mesh:
    """Tyre and rim; `local` is the position in the plane of the wheel, for painting."""
    r = shape.wheel_radius
    profile = [(-0.22, 0.02), (-0.22, 0.8 * r), (-0.20, 0.97 * r), (-0.17, r), (-0.04, r),
               (-0.01, 0.96 * r), (0.0, 0.80 * r), (0.0, 0.70 * r), (-0.03, 0.66 * r),
               (-0.05, 0.3 * r), (-0.03, 0.02)]
    turn = np.arange(28) / 28 * 2 * np.pi
    circle = np.stack([np.cos(turn), np.sin(turn)], -1)
    rings = []
    for depth, radius in profile:
        y = np.full((28, 1), side * (shape.width / 2 + 0.005 + depth))
        rings.append(np.concatenate([x + radius * circle[:, :1], y, r + radius * circle[:, 1:]],
                                    1))
    sections = np.stack(rings)
    local = np.stack([np.concatenate([radius * circle, np.full((28, 1), depth)], 1)
                      for depth, radius in profile])
    if side > 0:
        sections, local = sections[:, ::-1], local[:, ::-1]
    return loft(sections, WHEEL, local)


def _interior(shape: VehicleShape) -> list[Mesh]:
    """Seats with head-rests, and a driver."""
    parts = []
    for row, x in enumerate(shape.seats):
        _, belt, top, width = (float(v[0]) for v in shape.along(np.array([x])))
        glass = top - belt
        for side in (-1, 1):
            y = side * 0.45 * width
            parts.append(ellipsoid((x, y, belt - 0.05), (0.11, 0.24, 0.30 * glass + 0.2), INSIDE))
            if not shape.bulk:
                parts.append(ellipsoid((x + 0.02, y, belt + 0.42 * glass), (0.06, 0.13, 0.09),
                                       INSIDE))
        if row == 0 or (shape.bulk and row % 3):
            y = 0.45 * width
            head = belt + (0.27 if shape.bulk else 0.48) * glass
            parts.append(ellipsoid((x + 0.16, y, head), (0.10, 0.08, 0.12), INSIDE))
            parts.append(ellipsoid((x + 0.14, y, head - 0.32), (0.14, 0.22, 0.24), INSIDE))
    return parts


SEDAN = VehicleShape(
    stations=np.array([
        (-2.30, 0.42, 0.62, 0.63, 0.66), (-2.29, 0.34, 0.76, 0.77, 0.74),
        (-2.24, 0.30, 0.88, 0.90, 0.79), (-2.12, 0.27, 0.95, 0.99, 0.83),
        (-1.80, 0.24, 0.96, 1.035, 0.87), (-1.55, 0.22, 0.96, 1.05, 0.885),
        (-1.38, 0.21, 0.96, 1.10, 0.89), (-1.05, 0.20, 0.955, 1.27, 0.895),
        (-0.75, 0.19, 0.95, 1.385, 0.90), (-0.45, 0.19, 0.94, 1.435, 0.90),
        (-0.05, 0.19, 0.93, 1.455, 0.90), (0.20, 0.19, 0.925, 1.435, 0.90),
        (0.42, 0.19, 0.92, 1.37, 0.90), (0.75, 0.19, 0.915, 1.21, 0.895),
        (1.12, 0.19, 0.91, 1.00, 0.89), (1.22, 0.19, 0.90, 0.96, 0.885),
        (1.60, 0.20, 0.86, 0.91, 0.87), (1.95, 0.21, 0.79, 0.84, 0.83),
        (2.12, 0.22, 0.73, 0.77, 0.79), (2.24, 0.24, 0.66, 0.69, 0.73),
        (2.30, 0.30, 0.55, 0.56, 0.66)]),
    tumblehome=0.42, side_glass=((-1.15, -0.40), (-0.32, 0.62)), glass_band=(0.10, 0.84),
    axles=(-1.32, 1.36), wheel_radius=0.315,
    headlights=(0.42, 0.80, 0.59, 0.72), tail_lights=(0.42, 0.84, 0.74, 0.90),
    doors=(-1.22, -0.36, 0.86), seats=(0.05, -0.85),
)

HATCHBACK = VehicleShape(
    stations=np.array([
        (-1.98, 0.42, 0.60, 0.61, 0.68), (-1.97, 0.34, 0.78, 0.79, 0.75),
        (-1.93, 0.30, 0.92, 0.95, 0.79), (-1.86, 0.27, 0.97, 1.08, 0.82),
        (-1.72, 0.25, 0.97, 1.28, 0.84), (-1.52, 0.23, 0.965, 1.42, 0.855),
        (-1.10, 0.20, 0.955, 1.49, 0.865), (-0.50, 0.19, 0.945, 1.525, 0.87),
        (-0.05, 0.19, 0.935, 1.52, 0.87), (0.25, 0.19, 0.93, 1.47, 0.87),
        (0.55, 0.19, 0.925, 1.34, 0.865), (0.88, 0.19, 0.92, 1.15, 0.86),
        (1.10, 0.19, 0.91, 1.02, 0.855), (1.20, 0.19, 0.90, 0.98, 0.85),
        (1.50, 0.20, 0.86, 0.93, 0.835), (1.75, 0.21, 0.79, 0.84, 0.80),
        (1.88, 0.22, 0.72, 0.76, 0.76), (1.96, 0.25, 0.64, 0.67, 0.71),
        (2.00, 0.30, 0.55, 0.56, 0.65)]),
    tumblehome=0.36, side_glass=((-1.45, -0.98), (-0.90, -0.24), (-0.16, 0.72)),
    glass_band=(0.09, 0.83), axles=(-1.22, 1.26), wheel_radius=0.30,
    headlights=(0.40, 0.77, 0.60, 0.76), tail_lights=(0.56, 0.84, 0.78, 1.02),
    doors=(-1.02, -0.20, 0.88), seats=(0.10, -0.75),
)

VAN = VehicleShape(
    stations=np.array([
        (-2.60, 0.45, 1.10, 1.30, 0.86), (-2.58, 0.36, 1.12, 1.85, 0.91),
        (-2.50, 0.30, 1.13, 1.95, 0.94), (-2.20, 0.26, 1.13, 1.99, 0.955),
        (0.90, 0.24, 1.10, 2.00, 0.96), (1.20, 0.24, 1.09, 1.92, 0.955),
        (1.50, 0.24, 1.08, 1.66, 0.95), (1.90, 0.24, 1.06, 1.26, 0.94),
        (2.02, 0.24, 1.04, 1.13, 0.93), (2.30, 0.25, 0.95, 1.02, 0.88),
        (2.44, 0.27, 0.82, 0.86, 0.83), (2.52, 0.32, 0.66, 0.68, 0.74)]),
    tumblehome=0.14, side_glass=((0.55, 1.45),), glass_band=(0.10, 0.78),
    axles=(-1.55, 1.62), wheel_radius=0.33,
    headlights=(0.48, 0.88, 0.66, 0.86), tail_lights=(0.76, 0.93, 0.85, 1.25),
    doors=(-0.95, 0.42, 1.60), seats=(0.75,), rear_glass=False,
)

BUS = VehicleShape(
    stations=np.array([
        (-5.70, 0.45, 1.10, 2.70, 1.10), (-5.66, 0.38, 1.10, 2.88, 1.20),
        (-5.55, 0.33, 1.10, 2.96, 1.25), (-5.30, 0.30, 1.10, 2.99, 1.27),
        (5.30, 0.30, 1.10, 2.99, 1.27), (5.55, 0.32, 1.08, 2.96, 1.25),
        (5.66, 0.36, 1.05, 2.88, 1.20), (5.70, 0.42, 1.02, 2.70, 1.12)]),
    tumblehome=0.02,
    side_glass=((-5.2, -3.9), (-3.8, -2.4), (-2.3, -0.9), (-0.8, 0.6), (0.7, 2.1), (2.2, 3.6),
                (3.7, 5.35)),
    glass_band=(0.02, 0.66), axles=(-2.6, 3.3), wheel_radius=0.48,
    headlights=(0.72, 1.12, 0.62, 0.86), tail_lights=(0.95, 1.18, 0.95, 1.45),
    doors=(-0.85, 0.65, 3.65, 5.4), seats=(4.6, 2.9, 1.4, -0.1, -1.6, -3.1, -4.5), bulk=True,
)

# SPDX-License-Identifier: Apache-2.0
"""Materials of a vehicle (paint, windows, seams, lamps, wheels) by position on its body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddfnet_ros.synthesis.street.arrays import Array, Indices, Mask
from ddfnet_ros.synthesis.street.surface import Surface
from ddfnet_ros.synthesis.street.vehicle_shapes import INSIDE, WHEEL, VehicleShape

_BLACK = (0.012, 0.012, 0.013)
_CHROME = (0.30, 0.30, 0.31)
_HEADLIGHT = np.array([1.0, 0.93, 0.80])
_TAIL = np.array([1.0, 0.045, 0.02])
_AMBER = np.array([1.0, 0.38, 0.03])


@dataclass(frozen=True, kw_only=True)
class Paintwork:
    """Colours and lamps of one vehicle.

    Attributes:
        colour: Albedo of the body.
        lower_colour: Albedo of the lower part of two-tone bodies; None: same as `colour`.
        headlights: Radiance along the beam; 0: off.
        tail_lights: Radiance of the tail lights; 0: off.
        indicator: Radiance of the indicators; 0: off.
    """

    colour: tuple[float, float, float]
    lower_colour: tuple[float, float, float] | None = None
    headlights: float = 0.9
    tail_lights: float = 0.12
    indicator: float = 0.0


def paint_vehicle(shape: VehicleShape, look: Paintwork, part: Indices,
                  local: Array, normals: Array, towards_camera: Array, roll: float) -> Surface:
    """Materials of the points of a vehicle.

    Args:
        shape: Shape of the vehicle.
        look: Colours and lamps.
        part: (N,) part of each point: BODY, WHEEL or INSIDE.
        local: (N, 3) object coordinates; for wheels, coordinates in the wheel [m].
        normals: (N, 3) unit normals in object coordinates.
        towards_camera: (N, 3) unit vectors towards the camera in object coordinates.
        roll: Rotation angle of the wheels [rad].
    """
    surface = Surface.uniform(len(part), look.colour, mirror=0.045, roughness=0.12)
    if look.lower_colour:
        surface.albedo[local[:, 2] < shape.along(local[:, 0])[1] - 0.25] = look.lower_colour
    _paint_body(surface, shape, local, normals)
    _light_lamps(surface, shape, look, local, normals, towards_camera)
    wheel = part == WHEEL
    _paint_wheels(surface, wheel, shape, local, roll)
    if shape.bulk:
        # A roof seen edge-on is thinner than a sample: its gloss would alias to a row of dots.
        surface.roughness[normals[:, 2] > 0.6] = 0.8
        _light_display(surface, shape, local, normals)
    inside = part == INSIDE
    surface.paint(inside, (0.03, 0.03, 0.032), 0.0, 1.0)
    surface.emission[inside | wheel] = 0
    surface.openness[inside] = 0.35
    return surface


def _paint_body(surface: Surface, shape: VehicleShape, local: Array, normals: Array) -> None:
    x, y, z = local[:, 0], np.abs(local[:, 1]), local[:, 2]
    bottom, belt, _, width = shape.along(x)
    sideways = np.abs(normals[:, 1]) > 0.55
    low = z < belt - 0.02
    # Sills and bumpers see the road and little sky.
    surface.openness[:] = (0.35 + 0.65 * np.clip((z - 0.15) / 0.6, 0, 1))
    seam = np.min([np.abs(x - door) for door in shape.doors], 0) < 0.008
    surface.paint(sideways & low & seam & (z > 0.3), _BLACK)
    handle = np.min([np.abs(x - door - 0.16) for door in shape.doors[:-1]], 0) < 0.09
    surface.paint(sideways & handle & (np.abs(z - belt + 0.13) < 0.016), _CHROME, 0.3, 0.2)
    surface.paint(z < bottom + 0.10, (0.02, 0.02, 0.021), 0.03, 0.5)
    _paint_ends(surface, shape, x, y, z, normals)
    _paint_windows(surface, shape, x, y, z, normals)
    arch = np.zeros(len(x), bool)
    for axle in shape.axles:
        reach = np.hypot(x - axle, z - shape.wheel_radius)
        arch |= (reach < shape.wheel_radius + 0.06) & (y > 0.55 * width)
    surface.paint(arch | (normals[:, 2] < -0.7), _BLACK)
    surface.openness[arch] = 0.15


def _paint_windows(surface: Surface, shape: VehicleShape, x: Array, y: Array, z: Array,
                   normals: Array) -> None:
    """Paint windows and their trim between belt and roof."""
    _, belt, top, width = shape.along(x)
    height = top - belt
    share = (z - belt) / np.maximum(height, 1e-3)
    low, high = shape.glass_band
    sideways = np.abs(normals[:, 1]) > 0.55
    between = (share > low) & (share < high) & (height > 0.12)
    side = np.zeros(len(x), bool)
    for start, stop in shape.side_glass:
        side |= (x > start) & (x < stop)
    edge = 0.925 * width - shape.tumblehome * height * share - 0.055
    steep = np.abs(normals[:, 0]) > (0.8 if shape.bulk else 0.22)
    front = steep & ~sideways & (y < edge) & (height > 0.10) & (share > 0.15)
    front &= share < (0.75 if shape.bulk else 0.93)
    front &= (normals[:, 0] > 0) | shape.rear_glass
    window = (side & sideways & between) | front
    trim = sideways & (share > low - 0.05) & (share < high + 0.05) & (height > 0.12) & ~window
    trim &= (x > shape.side_glass[0][0]) & (x < shape.side_glass[-1][1])
    surface.paint(trim, _BLACK, 0.04, 0.1)
    surface.paint(window, (0.01, 0.012, 0.012), 0.05, 0.0)
    surface.glass[window] = 0.62


def _paint_ends(surface: Surface, shape: VehicleShape, x: Array, y: Array, z: Array,
                normals: Array) -> None:
    """Paint grille, bumpers and number plates."""
    end = np.abs(x) > shape.length / 2 - 0.28
    bumper = end & (z > 0.40) & (z < 0.56) & (np.abs(normals[:, 0]) > 0.5)
    surface.paint(bumper & (np.abs(z - 0.48) < 0.012), _BLACK)
    front = (x > 0) & (normals[:, 0] > 0.45)
    back = (x < 0) & (normals[:, 0] < -0.45)
    y1, _, z1, z2 = shape.headlights
    surface.paint(front & (y < y1 - 0.04) & (z > z1 - 0.02) & (z < z2), _BLACK, 0.05, 0.2)
    surface.paint(front & (y < 0.55) & (z > 0.30) & (z < 0.40), _BLACK)
    plate = (np.abs(normals[:, 0]) > 0.45) & end & (y < 0.26) & (z > 0.42) & (z < 0.53)
    surface.paint(plate & (front | back), (0.55, 0.55, 0.50), 0.03, 0.4)
    letters = plate & (np.abs(z - 0.475) < 0.03) & (np.abs(np.mod(y / 0.065, 1) - 0.5) < 0.28)
    surface.albedo[letters] *= 0.3


def _light_lamps(surface: Surface, shape: VehicleShape, look: Paintwork, local: Array,
                 normals: Array, towards_camera: Array) -> None:
    x, y, z = local[:, 0], np.abs(local[:, 1]), local[:, 2]
    front = (x > shape.length / 2 - 0.42) & (normals[:, 0] > 0.12)
    y1, y2, z1, z2 = shape.headlights
    housing = front & (y > y1) & (y < y2) & (z > z1) & (z < z2)
    surface.paint(housing, (0.16, 0.165, 0.17), 0.12, 0.15)
    bulb = housing & (np.hypot(y - (y1 + 0.6 * (y2 - y1)), z - (z1 + z2) / 2) < 0.065)
    beam = np.clip(towards_camera[:, 0], 0, 1) ** 3
    surface.emission[bulb] += (look.headlights * beam)[bulb, None] * _HEADLIGHT
    spill = housing & ~bulb
    surface.emission[spill] += (0.015 * look.headlights * beam)[spill, None] * _HEADLIGHT
    flasher = housing & (y > y2 - 0.09)
    surface.emission[flasher] += look.indicator * _AMBER
    back = (x < -shape.length / 2 + 0.42) & (normals[:, 0] < -0.12)
    y1, y2, z1, z2 = shape.tail_lights
    lens = back & (y > y1) & (y < y2) & (z > z1) & (z < z2)
    surface.paint(lens, (0.20, 0.008, 0.006), 0.05, 0.1)
    # The bulb is brightest; the prisms of the lens break it into bands.
    off_centre = np.hypot((y - y1) / (y2 - y1) - 0.6, (z - z1) / (z2 - z1) - 0.55)
    bands = 0.6 + 0.4 * np.cos(2 * np.pi * z / 0.035)
    glow = look.tail_lights * (0.08 + np.exp(-9 * off_centre**2)) * bands
    surface.emission[lens] += glow[lens, None] * _TAIL


def _light_display(surface: Surface, shape: VehicleShape, local: Array, normals: Array) -> None:
    """Light a destination display in amber on the side, above a window."""
    x, z = local[:, 0], local[:, 2]
    here = (np.abs(normals[:, 1]) > 0.55) & (np.abs(x - 2.9) < 0.85) & (np.abs(z - 2.53) < 0.14)
    surface.paint(here, _BLACK, 0.04, 0.05)
    column = np.floor(x / 0.05)
    # From afar, bars with irregular gaps look like letters.
    tall = np.sin(2.1 * column) * np.sin(0.83 * column) > -0.25
    letters = here & tall & (np.mod(x / 0.05, 3) > 0.6) & (np.abs(z - 2.53) < 0.09)
    surface.emission[letters] += 0.25 * _AMBER


def _paint_wheels(surface: Surface, wheel: Mask, shape: VehicleShape, local: Array,
                  roll: float) -> None:
    across, up, depth = local.T
    radius = np.hypot(across, up)
    surface.paint(wheel, (0.018, 0.018, 0.019), 0.02, 0.8)
    rim = wheel & (radius < 0.70 * shape.wheel_radius) & (depth > -0.12)
    angle = np.arctan2(up, across) - roll
    spoke = np.cos(5 * angle) > -0.1
    surface.paint(rim & spoke, (0.22, 0.22, 0.23), 0.35, 0.35)
    surface.paint(rim & ~spoke, (0.015, 0.015, 0.015))
    hub = rim & (radius < 0.16 * shape.wheel_radius)
    surface.paint(hub, (0.20, 0.20, 0.20), 0.3, 0.4)
    surface.openness[wheel] = 0.5
    surface.glass[wheel] = 0

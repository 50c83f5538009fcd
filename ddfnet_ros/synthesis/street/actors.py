# SPDX-License-Identifier: Apache-2.0
"""Objects in the street: position and pose at each instant, and footprint on the road."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from ddfnet_ros.synthesis.street.arrays import Array, Indices
from ddfnet_ros.synthesis.street.cycling import paint_rider, pedal_phase, rider_mesh
from ddfnet_ros.synthesis.street.figures import Person, gait_phase, paint_person, walker_mesh
from ddfnet_ros.synthesis.street.island import island_mesh, paint_island
from ddfnet_ros.synthesis.street.layer import Solid
from ddfnet_ros.synthesis.street.mesh import Mesh
from ddfnet_ros.synthesis.street.signals import lamps_at, paint_signal, signal_mesh
from ddfnet_ros.synthesis.street.surface import Surface
from ddfnet_ros.synthesis.street.vehicle_paint import Paintwork, paint_vehicle
from ddfnet_ros.synthesis.street.vehicle_shapes import INSIDE, VehicleShape, vehicle_mesh

# Maps a place (x, y) [m] on the road to the share of sunlight that reaches it.
Sun = Callable[[float, float], float]


@dataclass(frozen=True, kw_only=True)
class Course:
    """A path with constant acceleration and turn rate; braking ends at rest.

    Attributes:
        x: Position at time 0 to the right of the road's axis [m].
        y: Position at time 0 along the road [m].
        heading: Direction at time 0: 0 along the road, positive to the right [rad].
        speed: Speed at time 0 [m/s].
        acceleration: Acceleration; negative: braking [m/s^2].
        turn: Turn rate, positive to the right [rad/s].
    """

    x: float
    y: float
    heading: float
    speed: float
    acceleration: float = 0.0
    turn: float = 0.0

    def at(self, seconds: float) -> tuple[float, float, float, float]:
        """Position x, y [m], heading [rad] and distance travelled [m] after `seconds`."""
        if self.acceleration < 0:
            seconds = min(seconds, -self.speed / self.acceleration)
        distance = self.speed * seconds + 0.5 * self.acceleration * seconds**2
        heading = self.heading + self.turn * seconds
        middle = (self.heading + heading) / 2
        return (self.x + distance * np.sin(middle), self.y + distance * np.cos(middle), heading,
                distance)


@dataclass(frozen=True, eq=False, kw_only=True)
class Actor:
    """An object in the street.

    Attributes:
        at: Function that gives the object at a time [s].
        length: Length of its footprint [m].
        width: Width of its footprint [m].
        clearance: Height of its underside above the road [m].
        course: Its path; None if it does not move.
    """

    at: Callable[[float], Solid]
    length: float
    width: float
    clearance: float
    course: Course | None = None


def vehicle(shape: VehicleShape, look: Paintwork, course: Course, sun: Sun) -> Actor:
    """A vehicle on a course, with turning wheels."""
    mesh = vehicle_mesh(shape)

    def at(seconds: float) -> Solid:
        x, y, heading, distance = course.at(seconds)

        def paint(part: Indices, local: Array, normals: Array,
                  towards: Array) -> Surface:
            return paint_vehicle(shape, look, part, local, normals, towards,
                                 -distance / shape.wheel_radius)

        return Solid(mesh=mesh, paint=paint, x=x, y=y, heading=heading, inside=INSIDE,
                     sun_share=sun(x, y))

    return Actor(at=at, length=shape.length, width=shape.width, clearance=0.2,
                 course=course)


def walker(person: Person, course: Course, sun: Sun, phase: float = 0.0) -> Actor:
    """A person walking along a course."""
    return Actor(
        at=_animate(lambda distance: walker_mesh(person, phase + gait_phase(distance)),
                    partial(paint_person, person), course, sun),
        length=0.45, width=0.30, clearance=0.22, course=course)


def cyclist(person: Person, course: Course, sun: Sun, phase: float = 0.0) -> Actor:
    """A person riding a bicycle along a course."""
    return Actor(
        at=_animate(lambda distance: rider_mesh(person, phase + pedal_phase(distance)),
                    partial(paint_rider, person), course, sun),
        length=1.6, width=0.06, clearance=0.04, course=course)


def _animate(
    mesh: Callable[[float], Mesh], paint: Callable[[Indices, Array], Surface], course: Course,
    sun: Sun,
) -> Callable[[float], Solid]:
    """Make an object on a course whose mesh depends on the distance travelled."""

    def at(seconds: float) -> Solid:
        x, y, heading, distance = course.at(seconds)
        return Solid(mesh=mesh(distance), paint=_ignore_directions(paint), x=x, y=y,
                     heading=heading, sun_share=sun(x, y))

    return at


def island(x: float, y: float, length: float, width: float, sun: Sun) -> Actor:
    """A traffic island."""
    solid = Solid(mesh=island_mesh(length, width), paint=_ignore_directions(paint_island),
                  x=x, y=y, heading=0.0, sun_share=sun(x, y))
    return Actor(at=lambda _seconds: solid, length=length, width=width, clearance=0.02)


def signal(x: float, y: float, heading: float, radiance: float,
           changes: tuple[float, float], sun: Sun) -> Actor:
    """A traffic light; `changes` are the times at which red and then amber end [s]."""
    mesh: Mesh = signal_mesh()

    def at(seconds: float) -> Solid:
        lit = lamps_at(seconds, *changes)
        return Solid(mesh=mesh, paint=_ignore_directions(partial(paint_signal, lit, radiance)),
                     x=x, y=y, heading=heading, sun_share=sun(x, y))

    return Actor(at=at, length=0.12, width=0.12, clearance=0.03)


def _ignore_directions(
    paint: Callable[[Indices, Array], Surface],
) -> Callable[[Indices, Array, Array, Array], Surface]:
    """Make a painter of a function that needs neither normals nor directions to the camera."""
    return lambda part, local, _normals, _towards: paint(part, local)

# SPDX-License-Identifier: Apache-2.0
"""What is drawn in the street: where it is at each instant, and how it meets the road."""

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

# Share of the sun that reaches the road at x, y.
Sun = Callable[[float, float], float]


@dataclass(frozen=True, kw_only=True)
class Course:
    """A path with constant turn rate; who brakes comes to rest.

    Attributes:
        x: At time 0, to the right of the road's axis [m].
        y: At time 0, along the road [m].
        heading: 0 along the road, positive to the right [rad].
        speed: At time 0 [m/s].
        acceleration: [m/s^2].
        turn: [rad/s], positive to the right.
    """

    x: float
    y: float
    heading: float
    speed: float
    acceleration: float = 0.0
    turn: float = 0.0

    def at(self, seconds: float) -> tuple[float, float, float, float]:
        """x, y, heading and way gone after `seconds`."""
        if self.acceleration < 0:
            seconds = min(seconds, -self.speed / self.acceleration)
        way = self.speed * seconds + 0.5 * self.acceleration * seconds**2
        heading = self.heading + self.turn * seconds
        middle = (self.heading + heading) / 2
        return self.x + way * np.sin(middle), self.y + way * np.cos(middle), heading, way


@dataclass(frozen=True, eq=False, kw_only=True)
class Actor:
    """Something in the street.

    Attributes:
        at: The object at a time in seconds.
        length: Of its footprint [m].
        width: Of its footprint [m].
        clearance: Between its underside and the road [m].
        course: Where it goes; None: it stays.
    """

    at: Callable[[float], Solid]
    length: float
    width: float
    clearance: float
    course: Course | None = None


def vehicle(shape: VehicleShape, look: Paintwork, course: Course, sun: Sun) -> Actor:
    """A vehicle on its course, wheels turning."""
    mesh = vehicle_mesh(shape)

    def at(seconds: float) -> Solid:
        x, y, heading, way = course.at(seconds)

        def paint(part: Indices, local: Array, normals: Array,
                  towards: Array) -> Surface:
            return paint_vehicle(shape, look, part, local, normals, towards,
                                 -way / shape.wheel_radius)

        return Solid(mesh=mesh, paint=paint, x=x, y=y, heading=heading, inside=INSIDE,
                     sun_share=sun(x, y))

    return Actor(at=at, length=shape.length, width=shape.width, clearance=0.2,
                 course=course)


def walker(person: Person, course: Course, sun: Sun, phase: float = 0.0) -> Actor:
    """A person walking along a course."""
    return Actor(
        at=_posed(lambda way: walker_mesh(person, phase + gait_phase(way)),
                  partial(paint_person, person), course, sun),
        length=0.45, width=0.30, clearance=0.22, course=course)


def cyclist(person: Person, course: Course, sun: Sun, phase: float = 0.0) -> Actor:
    """A person riding a bicycle along a course."""
    return Actor(
        at=_posed(lambda way: rider_mesh(person, phase + pedal_phase(way)),
                  partial(paint_rider, person), course, sun),
        length=1.6, width=0.06, clearance=0.04, course=course)


def _posed(
    mesh: Callable[[float], Mesh], paint: Callable[[Indices, Array], Surface], course: Course,
    sun: Sun,
) -> Callable[[float], Solid]:
    """What stands on its course at a time, in the pose that belongs to the way gone."""

    def at(seconds: float) -> Solid:
        x, y, heading, way = course.at(seconds)
        return Solid(mesh=mesh(way), paint=_without_directions(paint), x=x, y=y, heading=heading,
                     sun_share=sun(x, y))

    return at


def island(x: float, y: float, length: float, width: float, sun: Sun) -> Actor:
    """A raised refuge in the middle of the road."""
    solid = Solid(mesh=island_mesh(length, width), paint=_without_directions(paint_island),
                  x=x, y=y, heading=0.0, sun_share=sun(x, y))
    return Actor(at=lambda _seconds: solid, length=length, width=width, clearance=0.02)


def signal(x: float, y: float, heading: float, radiance: float,
           changes: tuple[float, float], sun: Sun) -> Actor:
    """A traffic light that leaves red and then amber at the times of `changes` [s]."""
    mesh: Mesh = signal_mesh()

    def at(seconds: float) -> Solid:
        lit = lamps_at(seconds, *changes)
        return Solid(mesh=mesh, paint=_without_directions(partial(paint_signal, lit, radiance)),
                     x=x, y=y, heading=heading, sun_share=sun(x, y))

    return Actor(at=at, length=0.12, width=0.12, clearance=0.03)


def _without_directions(
    paint: Callable[[Indices, Array], Surface],
) -> Callable[[Indices, Array, Array, Array], Surface]:
    """A painter that looks neither at normals nor at the camera."""
    return lambda part, local, _normals, _towards: paint(part, local)

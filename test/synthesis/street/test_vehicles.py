# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.synthesis.street.mesh import unit
from ddfnet_ros.synthesis.street.vehicle_paint import Paintwork, paint_vehicle
from ddfnet_ros.synthesis.street.vehicle_shapes import (
    BODY,
    BUS,
    HATCHBACK,
    INSIDE,
    SEDAN,
    VAN,
    WHEEL,
    vehicle_mesh,
)

SHAPES = pytest.mark.parametrize('shape', [SEDAN, HATCHBACK, VAN, BUS],
                                 ids=['sedan', 'hatchback', 'van', 'bus'])


def _painted(shape, look=None, towards=(1.0, 0, 0), roll=0.0, part=BODY):
    """Surface and positions of the middles of the faces of one part."""
    mesh = vehicle_mesh(shape)
    faces = mesh.faces[mesh.part == part]
    local, normals = (values[faces].mean(1) for values in (mesh.local, mesh.normals))
    towards_camera = np.tile(towards, (len(faces), 1))
    return paint_vehicle(shape, look or Paintwork(colour=(0.3, 0.1, 0.1)),
                         np.full(len(faces), part), local, unit(normals), towards_camera,
                         roll), local


@SHAPES
def test_all_wheels_stand_on_the_road_and_nothing_is_below_it(shape):
    mesh = vehicle_mesh(shape)
    wheels = mesh.vertices[np.unique(mesh.faces[mesh.part == WHEEL])]
    for axle in shape.axles:
        near = wheels[np.abs(wheels[:, 0] - axle) < shape.wheel_radius + 0.01]
        for side in (-1, 1):
            assert near[near[:, 1] * side > 0][:, 2].min() == pytest.approx(0, abs=0.02)
    assert mesh.vertices[:, 2].min() > -0.01


@SHAPES
def test_a_body_is_closed_and_turned_outwards(shape):
    mesh = vehicle_mesh(shape)
    a, b, c = (mesh.vertices[mesh.faces[mesh.part == BODY][:, k]] for k in range(3))
    volume = (np.cross(a, b) * c).sum() / 6
    assert 0.4 < volume / (shape.length * shape.width * mesh.vertices[:, 2].max()) < 1


@SHAPES
def test_seats_and_people_stay_inside_the_body(shape):
    mesh = vehicle_mesh(shape)
    inside = mesh.vertices[np.unique(mesh.faces[mesh.part == INSIDE])]
    _, _, top, width = shape.along(inside[:, 0])
    assert (inside[:, 2] < top).all()
    assert (np.abs(inside[:, 1]) < width).all()


@SHAPES
def test_windows_are_between_belt_and_roof_on_both_sides(shape):
    surface, local = _painted(shape)
    glass = local[surface.glass > 0]
    _, belt, top, _ = shape.along(glass[:, 0])
    assert len(glass) > 30
    assert (glass[:, 2] > belt - 0.02).all()
    assert (glass[:, 2] < top + 0.02).all()
    assert (glass[:, 1] > 0.5).any()
    assert (glass[:, 1] < -0.5).any()


@SHAPES
def test_headlights_dazzle_from_the_front_and_not_from_the_side(shape):
    # Lamps are painted by position, finer than the mesh: look at their place itself.
    y1, y2, z1, z2 = shape.headlights
    place = np.array([[shape.length / 2 - 0.05, y1 + 0.6 * (y2 - y1), (z1 + z2) / 2]])
    ahead = np.array([[1.0, 0, 0]])
    look = Paintwork(colour=(0.1, 0.1, 0.1), headlights=6.0)
    body = np.array([BODY])
    front = paint_vehicle(shape, look, body, place, ahead, ahead, 0.0).emission.max()
    side = paint_vehicle(shape, look, body, place, ahead, np.array([[0.1, 0.995, 0]]), 0.0)
    assert front > 5
    assert side.emission.max() < 0.1


def test_tail_lights_are_red():
    y1, y2, z1, z2 = SEDAN.tail_lights
    place = np.array([[-SEDAN.length / 2 + 0.05, (y1 + y2) / 2, (z1 + z2) / 2]])
    back = np.array([[-1.0, 0, 0]])
    look = Paintwork(colour=(0.1, 0.1, 0.1), tail_lights=1.0)
    light = paint_vehicle(SEDAN, look, np.array([BODY]), place, back, back, 0.0).emission[0]
    assert light[0] > 0.2
    assert light[0] > 10 * light[1:].max()


def test_spokes_turn_with_the_wheel():
    still, _ = _painted(SEDAN, part=WHEEL)
    turned, _ = _painted(SEDAN, part=WHEEL, roll=0.6)
    assert (still.albedo != turned.albedo).any()


def test_only_a_bus_shows_its_destination():
    look = Paintwork(colour=(0.1, 0.1, 0.1), headlights=0.0, tail_lights=0.0)
    lit = {shape.length: _painted(shape, look)[0].emission.max() for shape in (SEDAN, BUS)}
    assert lit[SEDAN.length] == 0
    assert lit[BUS.length] > 0.1

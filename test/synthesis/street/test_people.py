# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.synthesis.street import cycling
from ddfnet_ros.synthesis.street.figures import (
    SHOES,
    SKIN,
    Person,
    gait_phase,
    paint_person,
    walker_mesh,
)

PHASES = np.linspace(0, 2 * np.pi, 9)


def _of(mesh, part):
    return mesh.vertices[np.unique(mesh.faces[mesh.part == part])]


@pytest.mark.parametrize('height', [1.55, 1.75, 1.95])
def test_a_walker_is_as_high_as_told_within_the_bounce_of_the_gait(height):
    tops = [walker_mesh(Person(height=height), p).vertices[:, 2].max() for p in PHASES]
    assert np.mean(tops) == pytest.approx(height, rel=0.04)
    assert np.ptp(tops) < 0.08


@pytest.mark.parametrize('phase', PHASES)
def test_the_lower_foot_stands_on_the_ground_at_every_phase(phase):
    shoes = _of(walker_mesh(Person(), phase), SHOES)
    assert shoes[:, 2].min() == pytest.approx(0, abs=0.02)


def test_left_and_right_swap_after_half_a_cycle():
    now, later = (walker_mesh(Person(), phase) for phase in (0.8, 0.8 + np.pi))
    left_now = _of(now, SHOES)[_of(now, SHOES)[:, 1] > 0][:, 0].mean()
    right_later = _of(later, SHOES)[_of(later, SHOES)[:, 1] < 0][:, 0].mean()
    assert left_now == pytest.approx(right_later, abs=1e-6)


def test_feet_stride_apart_and_pass_each_other():
    reach = []
    for phase in PHASES:
        shoes = _of(walker_mesh(Person(), phase), SHOES)
        reach.append(shoes[shoes[:, 1] > 0][:, 0].mean() - shoes[shoes[:, 1] < 0][:, 0].mean())
    assert max(reach) > 0.4
    assert min(reach) < -0.4


def test_a_step_is_about_as_long_as_the_stride_of_the_skeleton():
    step = np.pi / gait_phase(1.0)  # metres walked per step
    assert 0.6 < step < 0.85


def test_clothes_hair_and_bag_differ_in_colour():
    person = Person(bag=True, long_hair=True)
    mesh = walker_mesh(person, 1.0)
    surface = paint_person(person, mesh.part, mesh.local[mesh.faces[:, 0]])
    tones = {tuple(surface.albedo[mesh.part == part].mean(0).round(3)) for part in range(6)}
    assert len(tones) == 6
    np.testing.assert_allclose(surface.albedo[mesh.part == SKIN], [person.skin] * (
        mesh.part == SKIN).sum())


def test_knees_and_elbows_keep_their_bones_length():
    joint = cycling._middle_joint(np.array([0.0, 0, 1]), np.array([0.2, 0, 0.4]), 0.43, 0.42)
    assert np.linalg.norm(joint - [0, 0, 1]) == pytest.approx(0.43)
    assert np.linalg.norm(joint - [0.2, 0, 0.4]) == pytest.approx(0.42)
    assert joint[0] > 0.1  # knees bend forward


@pytest.mark.parametrize('phase', PHASES)
def test_a_riders_feet_follow_the_pedals(phase):
    mesh = cycling.rider_mesh(Person(), phase)
    shoes = _of(mesh, SHOES)
    left = shoes[shoes[:, 1] > 0].mean(0)
    pedal_height = 0.29 + 0.17 * np.sin(-phase)
    assert left[2] == pytest.approx(pedal_height + 0.035, abs=0.02)


def test_a_bicycle_stands_on_the_road_with_both_wheels():
    tyres = _of(cycling.rider_mesh(Person(), 0.0), cycling.TYRE)
    for side in (-1, 1):
        assert tyres[tyres[:, 0] * side > 0][:, 2].min() == pytest.approx(0, abs=0.01)


def test_pedals_turn_slower_than_wheels():
    once_around = 2 * np.pi * 0.335
    assert cycling.pedal_phase(once_around) == pytest.approx(2 * np.pi / 2.6)

# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.evaluation.baselines.patchmatch import (
    identity_field,
    improve_field,
    patches_of,
    vote,
)


@pytest.fixture
def noise():
    return np.random.default_rng(1).random((32, 40, 3)).astype(np.float32)


def test_patches_are_the_neighbourhood(noise):
    around = patches_of(noise)[10, 12].reshape(-1)
    assert sorted(around) == sorted(noise[8:13, 10:15].reshape(-1))


def test_a_shifted_picture_is_found(noise):
    shifted = np.roll(noise, (5, -7), (0, 1))
    field, generator = identity_field(32, 40), np.random.default_rng(1)
    for _ in range(4):
        field = improve_field(shifted, noise, field, generator)
    moved = (field - identity_field(32, 40))[:, 8:-8, 10:-10]
    assert (moved == np.array([-5, 7]).reshape(2, 1, 1)).mean() > 0.98


def test_a_round_never_makes_a_match_worse(noise):
    other = np.random.default_rng(2).random((32, 40, 3)).astype(np.float32)
    def cost(field):
        return ((patches_of(other) - patches_of(noise)[field[0], field[1]]) ** 2).sum(-1)
    before = identity_field(32, 40)
    after = improve_field(other, noise, before, np.random.default_rng(1))
    assert (cost(after) <= cost(before) + 1e-5).all()
    assert cost(after).mean() < 0.9 * cost(before).mean()


def test_votes_of_a_picture_for_itself_are_the_picture(noise):
    field = identity_field(32, 40)
    np.testing.assert_allclose(
        vote(noise, field, field, np.ones((32, 40), np.float32)), noise, atol=1e-6)

# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from ddfnet_ros.synthesis import night
from ddfnet_ros.synthesis.night import relight


def street(count: int = 8, size: int = 128) -> torch.Tensor:
    return torch.full((count, 3, size, size), 0.2)


def draw(seed: int = 1, **white) -> torch.Tensor:
    return relight(street(), torch.full((8,), white.get('white', 0.4)),
                   torch.Generator().manual_seed(seed))


def dry(monkeypatch):
    monkeypatch.setattr(night, '_random_wetness', lambda count, _: torch.zeros(count, 1, 1, 1))


def test_most_of_a_street_is_dark_and_lamps_are_far_above_white(monkeypatch):
    dry(monkeypatch)
    seen = draw()
    assert (seen.flatten(1).median(dim=1).values < 0.1).float().mean() > 0.7
    assert seen.amax() > 20 * 0.4


def test_light_falls_off_around_a_lamp():
    place = torch.zeros((1, 1, 1, 1))
    light = night._lamp_light(64, place, place - 0.4, place + 0.2, place + 0.8, place + 1)[0, 0]
    row = light[19]  # the lamp's own
    assert row[32] > 0.9
    assert (row[32:].diff() < 0).all()
    assert row[63] < 0.1


def test_ground_below_a_lamp_is_lit_wider_than_high():
    place = torch.zeros((1, 1, 1, 1))
    pool = night._lamp_light(64, place, place - 5, place, place + 1, place + 1)[0, 0]
    lit = pool > 0.3
    assert lit.any(dim=0).sum() > 1.5 * lit.any(dim=1).sum()
    assert pool.flatten().argmax() // 64 == pytest.approx(31.5 * 1.25, abs=1)


def test_wet_ground_mirrors_what_is_above_the_horizon_below_it_only():
    scene = torch.zeros((1, 3, 128, 128))
    scene[:, :, 20:24, 60:64] = 100
    seen = night._reflection(
        scene, torch.full((1, 1, 1, 1), -0.5), torch.Generator().manual_seed(1))[0, 0]
    assert seen[:8].max() == 0
    rows, columns = (seen > 0.01 * seen.max()).nonzero().T
    assert columns.unique().tolist() == [15]
    # 10 pixels above the horizon in row 32, so about 10 below it, drawn out over more than 4.
    assert 4 * rows.float().mean().item() == pytest.approx(32 + 10, abs=14)
    assert len(rows.unique()) > 4


def test_two_streets_in_five_are_dry():
    wet = night._random_wetness(1000, torch.Generator().manual_seed(1))
    assert (wet == 0).float().mean().item() == pytest.approx(0.4, abs=0.05)
    assert 0.3 < wet.max() < 0.4


def test_equal_seeds_give_equal_nights():
    assert torch.equal(draw(3), draw(3))
    assert not torch.equal(draw(3), draw(4))

# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from ddfnet_ros.synthesis.lamps import draw_lamps
from ddfnet_ros.synthesis.scene_settings import LAYER


@pytest.fixture(scope='module')
def lamps():
    return draw_lamps(torch.full((150,), 0.25), torch.Generator().manual_seed(1))


def test_cores_shine_from_white_to_300_times_white(lamps):
    brightest = lamps[1].amax(dim=(1, 2)) / 0.25
    assert 1 <= brightest.min() < 3
    assert 200 < brightest.max() <= 300


def test_a_core_hides_what_is_behind_it_and_a_corona_does_not(lamps):
    texture, _ = lamps
    alpha, mask = texture[:, 3], texture[:, 4]
    assert (mask.amax(dim=(1, 2)) > 0.99).all()
    assert (alpha >= mask - 0.35)[mask > 0.5].all()
    faint = (mask > 0.001) & (mask < 0.02)
    assert (alpha[faint] == 0).float().mean() > 0.5


def test_switched_off_lamps_are_not_black(lamps):
    texture, _ = lamps
    assert texture[:, :3].min() >= 0.02 * 0.25
    assert texture[:, :3].max() <= 0.1 * 0.25 + 1e-6


def test_glow_ends_before_the_border(lamps):
    mask = lamps[0][:, 4]
    assert mask[:, 0].max() == mask[:, -1].max() == mask[:, :, 0].max() == 0


def test_headlights_come_in_pairs_with_a_streak_below(lamps):
    mask = lamps[0][:, 4]
    lit = mask > 0.9
    halves = lit[:, :, :LAYER // 2].flatten(1).sum(1), lit[:, :, LAYER // 2:].flatten(1).sum(1)
    pairs = (halves[0] == halves[1]) & ~lit[:, :, LAYER // 2].any(dim=1)
    assert 0.2 < pairs.float().mean() < 0.45
    above, below = mask[pairs, :LAYER // 2 - 20].mean(), mask[pairs, LAYER // 2 + 20:].mean()
    assert below > 1.3 * above


def test_traffic_lights_show_one_of_three_colours_at_its_place(lamps):
    texture, colour = lamps
    rows = torch.linspace(-1, 1, LAYER)
    middle = (texture[:, 4] * rows[:, None]).sum(dim=(1, 2)) / texture[:, 4].sum(dim=(1, 2))
    red = (colour[:, 0, 1] < 0.1 * colour[:, 0, 0]) & (middle < -0.3)
    green = (colour[:, 0, 0] < 0.1 * colour[:, 0, 1]) & (middle > 0.3)
    assert red.any()
    assert green.any()

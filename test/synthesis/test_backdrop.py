# SPDX-License-Identifier: Apache-2.0
import copy
import math

import pytest
import torch

from ddfnet_ros.synthesis import backdrop
from ddfnet_ros.synthesis.backdrop import random_backdrop, side


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def by_day(monkeypatch):
    monkeypatch.setattr(backdrop, '_NIGHT', 0.0)
    monkeypatch.setattr(backdrop, '_DIM', 0.0)


@pytest.mark.parametrize('size', [64, 128, 500])
def test_picture_may_turn_on_its_backdrop(size):
    assert side(size) >= math.sqrt(2) * size + 40
    assert side(size) % 8 == 0


def test_backdrop_is_exposed_so_that_at_most_half_of_it_clips(panoramas, by_day):
    white = torch.full((30,), 0.2)
    radiance, daylight = random_backdrop(panoramas, white, 64, generator())
    assert (daylight == 1).all()
    assert radiance.shape == (30, 3, side(64), side(64))
    clipped = (radiance.mean(dim=1) > 0.2).float().mean(dim=(1, 2))
    assert clipped.max() < 0.75
    assert clipped.max() > 0.1


def test_brightness_follows_the_white_of_each_scene(panoramas, by_day):
    white = torch.tensor([0.1, 0.2, 0.4])
    once, twice = (random_backdrop(panoramas, w, 64, generator())[0] for w in (white, 2 * white))
    torch.testing.assert_close(twice, 2 * once)


def test_unit_of_a_panorama_does_not_matter(panoramas, by_day):
    brighter = copy.copy(panoramas)
    brighter._levels = [[level + math.log(100) for level in both] for both in panoramas._levels]
    once, again = (random_backdrop(bank, torch.ones(6), 64, generator())[0]
                   for bank in (panoramas, brighter))
    torch.testing.assert_close(again, once, rtol=0.01, atol=0)


def test_nights_are_darker_than_days(panoramas, monkeypatch):
    monkeypatch.setattr(backdrop, '_DIM', 0.0)
    medians = []
    for share in (0.0, 1.0):
        monkeypatch.setattr(backdrop, '_NIGHT', share)
        radiance, daylight = random_backdrop(panoramas, torch.ones(12), 64, generator())
        medians.append(radiance.flatten(1).median(dim=1).values.mean())
    assert medians[1] < 0.5 * medians[0]
    assert daylight.max() < 0.34


def test_fine_detail_is_of_pixel_size_in_half_of_the_scenes(panoramas, by_day):
    flat = torch.zeros((400, 3, 32, 32))
    backdrop._add_fine_detail(flat, generator())
    strength = flat.std(dim=(1, 2, 3))
    assert (strength == 0).float().mean().item() == pytest.approx(0.5, abs=0.08)
    assert 0.04 < strength.max() < 0.2
    assert flat.diff(dim=-1).std() > 0.3 * flat.std()

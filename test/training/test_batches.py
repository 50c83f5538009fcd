# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from itertools import islice

import pytest
import torch

from ddfnet_ros.training.batches import Batches, add_noise, loader
from ddfnet_ros.training.data import make_draw


@pytest.fixture
def draw(settings):
    return make_draw(replace(settings, patch=48, batch_size=2))


def stacks(batches: Batches, workers: int, count: int) -> list[torch.Tensor]:
    return [batch.stack for batch in islice(loader(batches, workers), count)]


def same(some, others) -> bool:
    return all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


def test_sequence_depends_on_the_seed_and_not_on_the_workers(draw):
    alone = stacks(Batches(draw, seed=1), 0, 4)
    shared = stacks(Batches(draw, seed=1), 2, 4)
    other = stacks(Batches(draw, seed=2), 0, 1)
    assert same(alone, shared)
    assert alone[0].shape != other[0].shape or not torch.equal(alone[0], other[0])


def test_sequence_goes_on_where_it_was_left(draw):
    whole = stacks(Batches(draw, seed=1), 0, 4)
    rest = stacks(Batches(draw, seed=1, first_step=2), 0, 2)
    assert same(whole[2:], rest)


@pytest.mark.parametrize('workers', [0, 2])
def test_processes_share_the_sequence_of_one(draw, workers):
    whole = stacks(Batches(draw, seed=1), 0, 6)
    for process in (0, 1):
        mine = stacks(Batches(draw, 1, first_step=1, process=process, processes=2), workers, 2)
        assert same(whole[2 + process::2], mine)


def test_noise_has_another_strength_in_each_frame():
    ldr = torch.full((2, 3, 3, 40, 40), 0.5)
    noisy = add_noise(ldr, 0.1, torch.Generator().manual_seed(1))
    strengths = (noisy - ldr).std(dim=(2, 3, 4))
    assert strengths.max() <= 0.105
    assert (strengths.amax(dim=1) > 1.2 * strengths.amin(dim=1)).all()


def test_noise_is_independent_of_pixel_and_channel_and_stays_in_range():
    noisy = add_noise(torch.zeros(1, 1, 3, 50, 50), 0.5, torch.Generator().manual_seed(1))
    assert 0 <= noisy.min() < noisy.max() <= 1
    lit = add_noise(torch.full((1, 1, 3, 50, 50), 0.5), 0.05, torch.Generator().manual_seed(1))
    noise = (lit - 0.5)[0, 0].flatten(1)
    assert torch.corrcoef(noise).triu(1).abs().max() < 0.1
    assert torch.corrcoef(torch.stack([noise[0, :-1], noise[0, 1:]]))[0, 1].abs() < 0.1

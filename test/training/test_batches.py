# SPDX-License-Identifier: Apache-2.0
from itertools import islice

import pytest
import torch

from ddfnet_ros.synthesis.backdrop import PanoramaBank
from ddfnet_ros.synthesis.scene_settings import SceneSettings
from ddfnet_ros.synthesis.scenes import SceneSource
from ddfnet_ros.training.batches import SceneBatches, loader


@pytest.fixture(scope='module')
def source(panorama_folder) -> SceneSource:
    return SceneSource(PanoramaBank(panorama_folder), SceneSettings(size=48, max_motion=10.0))


def stacks(batches: SceneBatches, workers: int, count: int) -> list[torch.Tensor]:
    return [batch.stack for batch in islice(loader(batches, workers), count)]


def test_sequence_depends_on_the_seed_and_not_on_the_workers(source):
    alone = stacks(SceneBatches(source, 2, seed=1), 0, 4)
    shared = stacks(SceneBatches(source, 2, seed=1), 2, 4)
    other = stacks(SceneBatches(source, 2, seed=2), 0, 1)
    assert all(torch.equal(a, b) for a, b in zip(alone, shared, strict=True))
    assert alone[0].shape != other[0].shape or not torch.equal(alone[0], other[0])


def test_sequence_goes_on_where_it_was_left(source):
    whole = stacks(SceneBatches(source, 2, seed=1), 0, 4)
    rest = stacks(SceneBatches(source, 2, seed=1, first_step=2), 0, 2)
    assert all(torch.equal(a, b) for a, b in zip(whole[2:], rest, strict=True))


def test_brackets_of_all_sizes_cost_about_the_same(source):
    batches = SceneBatches(source, 6, seed=1)
    frames = [stack.shape[:2] for stack in stacks(batches, 0, 30)]
    assert {n for _, n in frames} >= {2, 3, 4, 5}
    assert all(12 <= count * n <= 18 for count, n in frames)

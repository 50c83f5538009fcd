# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from ddfnet_ros.kalantari import KalantariScene
from ddfnet_ros.radiance import correct
from ddfnet_ros.training.batches import Batches
from ddfnet_ros.training.data import PhotographedPatches, make_draw
from ddfnet_ros.training.settings import TrainingSettings


def batches(settings: TrainingSettings, count: int):
    return list(islice(Batches(make_draw(settings), settings.seed), count))


def test_brackets_of_all_sizes_cost_about_the_same(settings):
    shapes = [batch.stack.shape[:2] for batch in batches(replace(settings, batch_size=6), 30)]
    assert {n for _, n in shapes} >= {2, 3, 4, 5}
    assert all(12 <= count * n <= 18 for count, n in shapes)


def test_the_paper_trains_on_three_frames_alone(settings):
    found = batches(replace(settings, vary_brackets=False), 20)
    assert {(batch.stack.shape[1], batch.reference_index) for batch in found} == {(3, 1)}


def test_noise_reaches_the_input_and_not_the_truth(settings):
    clean, noisy = (batches(replace(settings, vary_brackets=False, noise=noise), 1)[0]
                    for noise in (0.0, 0.2))
    assert torch.equal(clean.truth, noisy.truth)
    differences = (clean.stack - noisy.stack).abs().mean(dim=(0, 3, 4))
    assert (differences[:, :3] > 0.001).all()
    assert (differences[:, 3:] > 0).all()


def test_motion_can_be_left_out(settings):
    [seen], [still] = (batches(replace(settings, flow=flow), 1) for flow in ('dis', 'none'))
    assert torch.equal(seen.stack, still.stack)
    assert seen.flow.any()
    assert torch.equal(still.flow, torch.zeros_like(seen.flow))


def test_a_network_that_estimates_motion_gets_none(settings):
    [batch] = batches(replace(settings, flow='pwcnet'), 1)
    assert batch.flow is None
    with pytest.raises(ValueError, match='expected a batch with motion'):
        _ = batch.true_flow


def test_pwcnet_learns_the_true_motion(settings):
    known = replace(settings, architecture='pwcnet', vary_brackets=False, config=())
    batch = batches(known, 3)[2]
    seen = batches(replace(settings, vary_brackets=False), 3)[2]
    assert torch.equal(batch.stack, seen.stack)
    assert not torch.equal(batch.flow, seen.flow)


class Scenes:
    """A row of photographed scenes whose pixels tell where they are from."""

    height, width = 40, 50

    def __init__(self, count: int) -> None:
        self.all = [self.scene(i) for i in range(count)]

    def scene(self, number: int) -> KalantariScene:
        y, x = np.mgrid[:self.height, :self.width]
        place = np.stack([np.full_like(y, number), y, x], -1)
        frames = tuple((place * 1000 + i).astype(np.uint16) for i in range(3))
        return KalantariScene(name=f'{number:03}', frames=frames, exposure=(1.0, 4.0, 16.0),
                              truth=place.astype(np.float32))


@pytest.fixture
def photographs(settings):
    return replace(settings, dataset='kalantari', batch_size=3, patch=32, flow='pwcnet')


def test_patches_keep_frames_exposures_and_truth_together(photographs):
    draw = PhotographedPatches(Scenes(2).all, photographs)
    batch = draw(0, torch.Generator().manual_seed(1))
    ldr = batch.stack[:, :, :3]
    for frame, number in enumerate([1, 0, 2]):  # the reference first
        expected = (batch.truth * 1000 + number) / 65535
        torch.testing.assert_close(ldr[:, frame], expected)
    times = torch.tensor([[4.0, 1.0, 16.0]]).expand(3, 3)
    torch.testing.assert_close(batch.stack[:, :, 3:], correct(ldr, times))
    assert batch.reference_index == 1


def test_every_scene_comes_once_a_round_in_another_order(photographs):
    draw = PhotographedPatches(Scenes(6).all, photographs)
    rounds = [draw(index, torch.Generator()).truth[:, 0, 0, 0] for index in range(4)]
    shown = torch.cat(rounds).int().tolist()
    assert sorted(shown[:6]) == sorted(shown[6:]) == list(range(6))
    assert shown[:6] != shown[6:]


def directions(settings: TrainingSettings) -> set[tuple[float, ...]]:
    """Which way y and x grow along the rows of a patch."""
    draw = PhotographedPatches(Scenes(1).all, settings)
    truths = [draw(i, torch.Generator().manual_seed(i)).truth for i in range(30)]
    return {tuple((t[1:, 0, 1] - t[1:, 0, 0]).tolist() + (t[1:, 1, 0] - t[1:, 0, 0]).tolist())
            for truth in truths for t in truth}


def test_patches_are_turned_and_mirrored_where_asked_for(photographs):
    assert len(directions(photographs)) == 8
    assert len(directions(replace(photographs, flip=False))) == 4
    assert len(directions(replace(photographs, rotate=False))) == 2
    assert len(directions(replace(photographs, rotate=False, flip=False))) == 1


def test_a_patch_larger_than_a_scene_is_refused(photographs):
    with pytest.raises(ValueError, match='at most the size of scene 000, 40, got 64'):
        PhotographedPatches(Scenes(1).all, replace(photographs, patch=64))


def test_pwcnet_is_not_trained_where_no_motion_is_known(settings, tmp_path):
    with pytest.raises(ValueError, match='expected synthetic'):
        make_draw(replace(settings, dataset='kalantari', root=str(tmp_path),
                          architecture='pwcnet'))


def test_the_kalantari_set_needs_its_folder(settings):
    with pytest.raises(ValueError, match="root: expected a folder, got ''"):
        make_draw(replace(settings, dataset='kalantari'))

# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
import torch

from ddfnet_ros.flow.warp import warp
from ddfnet_ros.radiance import correct
from ddfnet_ros.synthesis import scenes, sensor
from ddfnet_ros.synthesis.cameras import Cameras
from ddfnet_ros.synthesis.panorama_bank import PanoramaBank
from ddfnet_ros.synthesis.scene_settings import SceneSettings
from ddfnet_ros.synthesis.scenes import SceneSource
from ddfnet_ros.synthesis.sensor import Sensor
from ddfnet_ros.tonemap import mu_law

SETTINGS = SceneSettings(size=64, max_motion=20.0)


def draw(panoramas, count=4, seed=1, **changes):
    source = SceneSource(panoramas, replace(SETTINGS, **changes))
    return source.draw(count, torch.Generator().manual_seed(seed))


@pytest.fixture
def perfect_cameras(monkeypatch):
    """All frames agree: no noise, no response error."""
    perfect = Sensor(electrons=0.0, read_noise=0.0, levels=0.0)
    monkeypatch.setattr(scenes, 'random_cameras', lambda count, *_: Cameras(
        sensor=perfect, halo=torch.zeros(count), veil=torch.zeros(count),
        share_noise=torch.zeros(count, dtype=torch.bool)))


@pytest.mark.parametrize('frames', [2, 3, 5])
def test_batch_holds_frames_truth_flow_and_masks(panoramas, frames):
    batch = draw(panoramas, frames=frames)
    assert batch.ldr.shape == (4, frames, 3, 64, 64)
    assert batch.flow.shape == (4, frames - 1, 2, 64, 64)
    assert batch.truth.shape == (4, 3, 64, 64)
    assert batch.moving.shape == batch.clipped.shape == (4, 1, 64, 64)
    assert batch.ldr.min() >= 0
    assert batch.ldr.max() <= 1
    assert torch.isfinite(batch.truth).all()


def test_shortest_exposure_is_1_and_the_reference_comes_first(panoramas):
    batch = draw(panoramas)
    assert (batch.exposure.amin(dim=1) == 1).all()
    assert (batch.exposure[:, 1] < batch.exposure[:, 0]).all()
    assert (batch.exposure[:, 0] < batch.exposure[:, 2]).all()


def test_equal_seeds_give_equal_scenes_and_others_do_not(panoramas):
    first, again, other = (draw(panoramas, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(first.ldr, again.ldr)
    assert torch.equal(first.flow, again.flow)
    assert not torch.equal(first.ldr, other.ldr)


def test_truth_is_the_corrected_reference_where_that_is_well_exposed(panoramas, perfect_cameras):
    batch = draw(panoramas)
    reference = correct(batch.ldr, batch.exposure)[:, 0]
    good = (batch.ldr[:, 0] > 0.05) & (batch.ldr[:, 0] < 0.95)
    assert good.float().mean() > 0.1
    difference = (mu_law(reference) - mu_law(batch.truth)).abs()
    assert difference[good].max() < 1e-3


def test_truth_goes_on_where_the_reference_is_clipped(panoramas, perfect_cameras):
    batch = draw(panoramas)
    white = (1 / batch.exposure[:, 0])[:, None, None, None]
    clipped = batch.ldr[:, 0] >= 1
    assert clipped.any()
    assert (batch.truth >= white - 1e-4)[clipped].all()
    assert (batch.truth > 1.2 * white)[clipped].float().mean() > 0.2


def test_flow_brings_the_other_frames_onto_the_reference(panoramas, perfect_cameras):
    batch = draw(panoramas, count=8, layers=1)
    corrected = correct(batch.ldr, batch.exposure)
    usable = (batch.ldr[:, :1] < 0.98) & (batch.ldr[:, 2:] < 0.98) & batch.moving[:, None]
    usable = usable.all(dim=2, keepdim=True).expand(-1, -1, 3, -1, -1)
    assert usable.float().mean() > 0.01

    def error(frame):
        return (mu_law(frame) - mu_law(corrected[:, :1])).abs()[usable].median()

    moved = warp(corrected[:, 2:], batch.flow[:, 1:])
    assert error(moved) < 0.2 * error(corrected[:, 2:])


def test_still_scene_has_no_flow_and_no_moving_pixels(panoramas):
    batch = draw(panoramas, shake=0.0, layers=0)
    assert batch.flow.abs().max() < 1e-3
    assert not batch.moving.any()


def test_motion_blur_lasts_longer_in_longer_exposures(panoramas, perfect_cameras):
    sharp, blurred = (
        draw(panoramas, instants=n, layers=0, shake=60.0, seed=3, count=6) for n in (1, 9))

    def detail(batch, frame):
        picture = mu_law(correct(batch.ldr, batch.exposure)[:, frame])
        return (picture.diff(dim=-1).abs().mean() + picture.diff(dim=-2).abs().mean()).item()

    lost = [detail(blurred, k) / detail(sharp, k) for k in (1, 2)]
    assert lost[1] < lost[0]


def test_truth_is_the_reference_itself_where_that_is_well_exposed_and_its_noise_shared(
    panoramas, monkeypatch
):
    def noisy(count, *_):
        return Cameras(
            sensor=Sensor(electrons=2000.0), halo=torch.zeros(count), veil=torch.zeros(count),
            share_noise=torch.arange(count) % 2 == 0)

    monkeypatch.setattr(scenes, 'random_cameras', noisy)
    batch = draw(panoramas, count=8)
    reference = correct(batch.ldr, batch.exposure)[:, 0]
    good = (batch.ldr[:, 0] > 0.47) & (batch.ldr[:, 0] < 0.53)
    error = (mu_law(reference) - mu_law(batch.truth)).abs()
    shared, cleaned = (error[k::2][good[k::2]] for k in (0, 1))
    assert len(shared) > 100
    assert len(cleaned) > 100
    assert shared.mean() < 0.2 * cleaned.mean()


def test_every_scene_can_be_taken_by_a_given_camera(panoramas):
    camera = Sensor(electrons=0.0, read_noise=0.0, levels=3.0)
    source = SceneSource(panoramas, SETTINGS, sensor=camera)
    ldr = source.draw(4, torch.Generator().manual_seed(1)).ldr
    assert set((3 * ldr).round(decimals=4).unique().tolist()) <= {0, 1, 2, 3}


def test_all_of_a_scene_is_on_the_device_of_its_panoramas(panorama_folder, monkeypatch):
    # The meta device refuses to be mixed with the CPU, as a GPU does, and to be read back.
    monkeypatch.setattr(sensor, 'through_jpeg', lambda frames, _: frames)
    source = SceneSource(PanoramaBank(panorama_folder, 'meta'), replace(SETTINGS, instants=4))
    batch = source.draw(12, torch.Generator().manual_seed(1))
    tensors = [value for value in vars(batch).values() if isinstance(value, torch.Tensor)]
    assert len(tensors) >= 6
    assert {tensor.device.type for tensor in tensors} == {'meta'}


def test_chosen_reference_is_used(panoramas):
    batch = draw(panoramas, reference_index=2)
    assert batch.reference_index == 2
    assert (batch.exposure[:, 0] >= batch.exposure[:, 1]).all()
    assert (batch.exposure[:, 0] >= batch.exposure[:, 2]).all()


def test_a_given_sensor_takes_all_scenes_and_the_truth_has_none_of_its_noise(panoramas):
    batches = [
        SceneSource(panoramas, SETTINGS, None, Sensor(read_noise=sigma, electrons=0.0)).draw(
            2, torch.Generator().manual_seed(1))
        for sigma in (0.0, 0.05)
    ]
    assert torch.equal(batches[0].truth, batches[1].truth)
    assert not torch.equal(batches[0].ldr, batches[1].ldr)

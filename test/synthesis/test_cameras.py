# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from ddfnet_ros.synthesis.cameras import random_cameras


def draw(count: int = 2000, seed: int = 1):
    return random_cameras(count, 3, 16, torch.Generator().manual_seed(seed))


def test_cameras_that_share_their_noise_are_nearly_clean():
    cameras = draw()
    good = cameras.share_noise
    assert 0.6 < good.float().mean() < 0.8
    error = cameras.sensor.exposure_error[good].flatten(1)
    assert (error - 1).abs().max() < 0.065
    assert ((error - 1).abs().amax(dim=1) < 0.03).float().mean() > 0.6
    assert (cameras.sensor.jpeg[good] == 0).all()
    assert cameras.sensor.read_noise[good].max() < 0.004


def test_half_of_the_cameras_have_a_gamma_close_to_nominal_and_some_do_not():
    gamma = draw().sensor.gamma
    assert ((gamma - 2.2).abs() < 0.02).float().mean() > 0.45
    assert ((gamma - 2.2).abs() > 0.2).float().mean() > 0.04


def test_reference_defines_exposure_and_light():
    sensor = draw().sensor
    for factor in (sensor.exposure_error, sensor.light_change):
        assert (factor[:, 0] == 1).all()
        assert (factor[:, 1:] != 1).all()


def test_compressed_frames_have_a_quality_from_80_to_98():
    quality = draw().sensor.jpeg.flatten()
    some = quality[quality > 0]
    assert 0.1 < len(some) / len(quality) < 0.3
    assert 80 <= some.min() < 85
    assert 95 < some.max() <= 98


def test_every_depth_is_drawn():
    assert set(draw().sensor.levels.flatten().tolist()) == {255, 1023, 4095, 65535}


def test_lenses_scatter_in_some_scenes_at_most_a_tenth_near_and_half_of_that_far():
    cameras = draw()
    scatters = (cameras.halo > 0).float().mean().item()
    assert scatters == pytest.approx(0.395, abs=0.04)
    assert cameras.halo.max() <= 0.1
    assert cameras.veil.max() <= 0.05


def test_shading_is_shared_by_the_frames_but_where_the_shutter_is_uneven():
    shading = draw().sensor.shading
    uneven = (shading != shading[:, :1]).flatten(1).any(dim=1)
    assert uneven.float().mean().item() == pytest.approx(0.2, abs=0.03)


def test_equal_seeds_draw_equal_cameras():
    first, again, other = draw(5, 1), draw(5, 1), draw(5, 2)
    assert torch.equal(first.sensor.electrons, again.sensor.electrons)
    assert torch.equal(first.sensor.shading, again.sensor.shading)
    assert not torch.equal(first.sensor.electrons, other.sensor.electrons)

# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from ddfnet_ros.synthesis.backdrop import WINDOW, PanoramaBank, random_backdrop


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_folder_without_panoramas_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'expected \.exr panoramas'):
        PanoramaBank(tmp_path)


def test_windows_wrap_around_the_seam(panoramas):
    windows = panoramas.draw([False] * 20, 300, generator())
    assert windows.shape == (20, 3, 300, 300)
    assert (windows > 0).all()


def test_coarse_window_shows_twice_the_angle(panoramas):
    fine = panoramas.draw([False], 64, generator(2))
    coarse = panoramas.draw([True], 64, generator(2))
    assert coarse.diff(dim=-1).abs().gt(1e-3).sum() > 1.5 * fine.diff(dim=-1).abs().gt(1e-3).sum()


def test_backdrop_is_exposed_so_that_at_most_half_of_it_clips(panoramas):
    white = torch.full((30,), 0.2)
    backdrop = random_backdrop(panoramas, 30, white, generator())
    assert backdrop.radiance.shape == (30, 3, WINDOW, WINDOW)
    clipped = (backdrop.radiance.amin(dim=1) > 0.2).float().mean(dim=(1, 2))
    assert clipped.max() < 0.65
    assert clipped.max() > 0.1

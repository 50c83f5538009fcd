# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from ddfnet_ros.images import read_exr
from ddfnet_ros.synthesis.backdrop import WINDOW, PanoramaBank, _cut, random_backdrop


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_folder_without_panoramas_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'expected \.exr panoramas'):
        PanoramaBank(tmp_path)


def test_windows_wrap_around_the_seam(panoramas):
    windows = panoramas.draw([False] * 20, 300, generator())
    assert windows.shape == (20, 3, 300, 300)
    assert torch.isfinite(windows).all()


def test_window_across_seam_and_pole_shows_the_panorama_going_around_and_mirrored():
    panorama = torch.arange(8.0)[:, None] * 100 + torch.arange(16.0)
    window = _cut(panorama[None], top=-2, left=13, size=6)[0]
    assert (window[:, 0] // 100).tolist() == [1, 0, 0, 1, 2, 3]
    assert (window[0] % 100).tolist() == [13, 14, 15, 0, 1, 2]


def test_stored_panoramas_are_true_to_half_a_percent(panorama_folder, panoramas):
    stored = panoramas._levels[0][0].float().exp()
    read = torch.from_numpy(read_exr(panorama_folder / panoramas.names[0])).permute(2, 0, 1)
    torch.testing.assert_close(stored, read, rtol=5e-3, atol=0)


def test_coarse_window_shows_twice_the_angle(panoramas):
    fine = panoramas.draw([False], 64, generator(2)).exp()
    coarse = panoramas.draw([True], 64, generator(2)).exp()
    assert coarse.diff(dim=-1).abs().gt(1e-3).sum() > 1.5 * fine.diff(dim=-1).abs().gt(1e-3).sum()


def test_backdrop_is_exposed_so_that_at_most_half_of_it_clips(panoramas):
    white = torch.full((30,), 0.2)
    backdrop = random_backdrop(panoramas, 30, white, generator())
    assert backdrop.radiance.shape == (30, 3, WINDOW, WINDOW)
    clipped = (backdrop.radiance.amin(dim=1) > 0.2).float().mean(dim=(1, 2))
    assert clipped.max() < 0.65
    assert clipped.max() > 0.1

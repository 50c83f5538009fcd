# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
import torch

from ddfnet_ros.images import read_exr, write_exr
from ddfnet_ros.synthesis import panorama_bank
from ddfnet_ros.synthesis.panorama_bank import PanoramaBank, _crop, _node_positions


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_folder_without_panoramas_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'expected \.exr panoramas'):
        PanoramaBank(tmp_path)


def test_part_across_seam_and_pole_shows_the_panorama_going_around_and_mirrored():
    panorama = torch.arange(8.0)[:, None] * 100 + torch.arange(16.0)
    part = _crop(panorama[None], top=-2, left=13, high=6, wide=5)[0]
    assert (part[:, 0] // 100).tolist() == [1, 0, 0, 1, 2, 3]
    assert (part[0] % 100).tolist() == [13, 14, 15, 0, 1]


def test_stored_panoramas_are_true_to_half_a_percent(panorama_folder, panoramas):
    stored = panoramas._levels[0][0].float().exp()
    read = torch.from_numpy(read_exr(panorama_folder / panoramas.names[0])).permute(2, 0, 1)
    torch.testing.assert_close(stored, read, rtol=5e-3, atol=0)


def test_textures_have_the_size_asked_for(panoramas):
    textures = panoramas.textures(20, 96, generator())
    assert textures.shape == (20, 3, 96, 96)
    assert torch.isfinite(textures).all()


def test_lens_looks_straight_ahead_in_its_middle():
    rows, columns = _node_positions(focal=100.0, elevation=0.4, size=101)
    middle = rows.shape[0] // 2
    assert rows[middle, middle].item() == pytest.approx(0.5 - 0.4 / math.pi)
    assert columns[middle, middle].item() == pytest.approx(0, abs=1e-6)


def test_lens_is_rectilinear():
    # 50 pixels aside at 100 pixels of focal length: atan(1/2).
    rows, columns = _node_positions(focal=100.0, elevation=0.0, size=101)
    middle = rows.shape[0] // 2
    assert columns[middle, -1].item() * 2 * math.pi == pytest.approx(math.atan(0.5), rel=1e-4)
    assert (0.5 - rows[0, middle].item()) * math.pi == pytest.approx(math.atan(0.5), rel=1e-4)


def test_tilted_lens_is_rectilinear_too():
    rows, _ = _node_positions(focal=100.0, elevation=0.4, size=101)
    middle = rows.shape[0] // 2
    seen = (0.5 - rows[[0, -1], middle]) * math.pi
    assert seen.tolist() == pytest.approx([0.4 + math.atan(0.5), 0.4 - math.atan(0.5)], rel=1e-4)


def test_lens_never_looks_over_the_zenith():
    for elevation in (-1.5, 1.5):
        rows, columns = _node_positions(focal=60.0, elevation=elevation, size=200)
        assert 0 < rows.min() < rows.max() < 1
        assert columns.abs().max() < 0.5


def test_meridian_is_a_straight_line(tmp_path):
    # It lies in a plane through the eye.
    picture = np.full((256, 512, 3), 0.1, np.float32)
    picture[:, 255:257] = 10
    write_exr(tmp_path / 'meridian.exr', picture)
    bank = PanoramaBank(tmp_path)
    view = bank._view(0.0, 0.52, 0.9, step=1.0, size=161)[0]
    brightest = view.argmax(dim=1).float()
    slope = (brightest[150] - brightest[30]) / 120
    straight = brightest[30] + slope * torch.arange(121)
    assert slope.abs() > 0.05
    assert (brightest[30:151] - straight).abs().max() <= 1.5


def test_greater_step_shows_more_of_the_panorama(panoramas):
    near, far = (panoramas.views(torch.full((6,), step), 64, generator(2)) for step in (0.5, 2.5))
    assert far.diff(dim=-1).abs().mean() > 1.5 * near.diff(dim=-1).abs().mean()


def test_half_resolution_shows_the_same_view(panoramas, monkeypatch):
    fine = panoramas.views(torch.full((4,), 1.5), 48, generator(2))
    monkeypatch.setattr(panorama_bank, '_COARSE_STEP', 2.0)
    other = panoramas.views(torch.full((4,), 1.5), 48, generator(2))
    assert (fine - other).abs().median() < 0.05
    assert not torch.equal(fine, other)

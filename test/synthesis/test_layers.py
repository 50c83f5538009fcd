# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest
import torch

from ddfnet_ros.synthesis import layers
from ddfnet_ros.synthesis.layers import LAYER, CutoutBank, random_layers

EXPOSURE = torch.tensor([[4.0, 1.0, 16.0]])
DAY = torch.ones(1)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


@pytest.fixture
def post(tmp_path) -> CutoutBank:
    """One cut-out: a red post, twice as high as wide."""
    picture = np.zeros((40, 20, 4), np.uint8)
    picture[:] = (0, 0, 255, 255)
    cv2.imwrite(str(tmp_path / 'post.png'), picture)
    return CutoutBank(tmp_path)


@pytest.mark.parametrize('opacity', [layers.blobs, layers.solids])
def test_shapes_are_opaque_somewhere_and_end_before_the_border(opacity):
    alpha = opacity(3, generator())[:, 0]
    assert alpha.amin() >= 0
    assert alpha.amax() <= 1
    assert (alpha.amax(dim=(1, 2)) > 0.9).all()
    assert alpha[:, 0].max() == alpha[:, :, -1].max() == 0


def test_cutouts_keep_their_proportions_and_paint(post):
    layer = post.draw(torch.zeros((1, 3, LAYER, LAYER)), generator())[0]
    rows, columns = (layer[3] > 0.5).any(1).sum(), (layer[3] > 0.5).any(0).sum()
    assert rows / columns == pytest.approx(2, rel=0.05)
    inside = layer[:3, LAYER // 2, LAYER // 2]
    assert inside[0] > 0.2
    assert inside[1:].max() == 0
    assert layer[4].max() == 0


def test_cutouts_are_painted_in_all_shades(post):
    drawn = post.draw(torch.zeros((30, 3, LAYER, LAYER)), generator())
    middles = drawn[:, 0, LAYER // 2, LAYER // 2]
    assert middles.min() > 0.28
    assert middles.max() < 1.02
    assert middles.std() > 0.1


def test_light_on_cutouts_is_uneven(post):
    layer = post.draw(torch.zeros((1, 3, LAYER, LAYER)), generator())[0]
    red = layer[0][layer[3] > 0.99]
    assert red.max() > 1.1 * red.min()


def test_picture_without_alpha_is_refused_by_name(tmp_path):
    cv2.imwrite(str(tmp_path / 'flat.png'), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match=r'RGBA.*flat\.png'):
        CutoutBank(tmp_path)


def test_folder_without_cutouts_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'expected \.png'):
        CutoutBank(tmp_path)


def test_lamps_shine_far_above_white(panoramas):
    drawn = random_layers(panoramas, None, 200, EXPOSURE, DAY, generator())
    assert drawn.texture.shape == (1, 200, 5, LAYER, LAYER)
    assert drawn.light.shape == (1, 200, 3, 3)
    assert drawn.light.max() > 100 * 0.25
    absent = (drawn.texture[0, :, 3].amax(dim=(1, 2)) == 0).float().mean().item()
    assert absent == pytest.approx(0.3, abs=0.1)


def test_what_shines_is_upright_and_all_that_flickers(panoramas):
    drawn = random_layers(panoramas, None, 200, EXPOSURE, DAY, generator())
    shines = drawn.texture[0, :, 4].amax(dim=(1, 2)) > 0
    assert 0.1 < shines.float().mean() < 0.4
    flickers = (drawn.light[0] != drawn.light[0, :, :1]).flatten(1).any(dim=1)
    assert flickers.any()
    assert shines[flickers].all()
    assert drawn.upright[0, shines].all()
    assert not drawn.soft[0, shines].any()
    assert (drawn.light[0, ~shines] == 0).all()


def test_cutouts_are_used_where_there_are_any(panoramas, post):
    drawn = random_layers(panoramas, post, 200, EXPOSURE, DAY, generator())
    red = (drawn.texture[0, :, 0] > 0).flatten(1).any(1)
    only = red & ~(drawn.texture[0, :, 1] > 0).flatten(1).any(1)
    assert only.float().mean().item() == pytest.approx(0.45 * 0.7, abs=0.1)
    assert drawn.upright[0, only].all()


def test_daylight_falls_on_what_reflects_and_lamps_shine_as_ever(panoramas):
    day, night = (random_layers(panoramas, None, 60, EXPOSURE, light * DAY, generator())
                  for light in (1.0, 0.1))
    assert torch.equal(night.light, day.light)
    reflects = day.texture[0, :, 4].amax(dim=(1, 2)) == 0
    torch.testing.assert_close(night.texture[0, reflects, :3], 0.1 * day.texture[0, reflects, :3])


def test_what_is_transparent_reflects_nothing_that_could_bleed_into_edges(panoramas):
    texture = random_layers(panoramas, None, 60, EXPOSURE, DAY, generator()).texture[0]
    clear = (texture[:, 3:4] == 0).expand(-1, 3, -1, -1)
    assert clear.any()
    assert texture[:, :3][clear].max() == 0


def test_scenes_without_layers_are_possible(panoramas):
    assert random_layers(panoramas, None, 0, EXPOSURE, DAY, generator()).texture.shape[1] == 0

# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest
import torch

from ddfnet_ros.synthesis import layers
from ddfnet_ros.synthesis.layers import LAYER, CutoutBank


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def textures(count: int = 3) -> torch.Tensor:
    return torch.rand((count, 3, LAYER, LAYER), generator=generator())


@pytest.mark.parametrize('make', [
    lambda: layers.blobs(textures(), generator()),
    lambda: layers.solids(textures(), generator()),
    lambda: layers.lamps(3, generator()),
])
def test_shapes_are_opaque_somewhere_and_end_before_the_border(make):
    alpha = make()[:, 3]
    assert alpha.amin() >= 0
    assert alpha.amax() <= 1
    assert (alpha.amax(dim=(1, 2)) > 0.9).all()
    assert alpha[:, 0].max() == alpha[:, :, -1].max() == 0


def test_cutouts_keep_their_proportions(tmp_path):
    picture = np.zeros((40, 20, 4), np.uint8)
    picture[:] = (0, 0, 255, 255)
    cv2.imwrite(str(tmp_path / 'post.png'), picture)
    layer = CutoutBank(tmp_path).draw(1, generator())[0]
    rows, columns = (layer[3] > 0.5).any(1).sum(), (layer[3] > 0.5).any(0).sum()
    assert rows / columns == pytest.approx(2, rel=0.05)
    inside = layer[:3, LAYER // 2, LAYER // 2]
    assert inside[0] > 0.2
    assert inside[1:].max() == 0


def test_picture_without_alpha_is_refused_by_name(tmp_path):
    cv2.imwrite(str(tmp_path / 'flat.png'), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match=r'RGBA.*flat\.png'):
        CutoutBank(tmp_path)


def test_lamps_shine_far_above_white(panoramas):
    exposure = torch.tensor([[4.0, 1.0, 16.0]])
    drawn, _ = layers.random_layers(panoramas, None, 200, exposure, generator())
    assert drawn.shape == (1, 200, 4, LAYER, LAYER)
    assert drawn[:, :, :3].max() > 100 * 0.25
    absent = (drawn[0, :, 3].amax(dim=(1, 2)) == 0).float().mean().item()
    assert absent == pytest.approx(0.3, abs=0.1)


def test_only_lamps_flicker(panoramas):
    exposure = torch.tensor([[4.0, 1.0, 16.0]])
    drawn, brightness = layers.random_layers(panoramas, None, 200, exposure, generator())
    flickers = (brightness[0] != 1).any(dim=-1)
    assert flickers.any()
    # A lamp has one colour all over.
    colours = drawn[0, flickers, :3].flatten(2)
    assert torch.equal(colours.amax(dim=-1), colours.amin(dim=-1))

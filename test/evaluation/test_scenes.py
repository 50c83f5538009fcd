# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from ddfnet_ros.evaluation.conditions import QUIET
from ddfnet_ros.evaluation.scenes import scene_of, scene_with_reference
from ddfnet_ros.radiance import correct
from ddfnet_ros.synthesis.scenes import Scenes, SceneSource


def test_scene_keeps_the_reference_and_the_order():
    levels = torch.tensor([0.9, 0.2, 0.5])  # reference first, then from short to long
    scenes = Scenes(
        ldr=levels[None, :, None, None, None].expand(1, 3, 3, 8, 8),
        exposure=torch.tensor([[16.0, 1.0, 4.0]]), reference_index=2,
        truth=torch.full((1, 3, 8, 8), 0.1), flow=torch.zeros(1, 2, 2, 8, 8),
        moving=torch.ones(1, 1, 8, 8, dtype=torch.bool),
        clipped=torch.zeros(1, 1, 8, 8, dtype=torch.bool), radiance=torch.zeros(1, 3, 3, 8, 8))
    scene = scene_of(scenes)
    assert scene.bracket.exposures == (1.0, 4.0, 16.0)
    assert [f.pixels[0, 0, 0] for f in scene.bracket.reference_first] == pytest.approx(
        levels.tolist())
    assert scene.truth.shape == (8, 8, 3)
    assert scene.moving.all()
    assert scene.white == pytest.approx(1 / 16)


def test_one_bracket_seen_from_each_of_its_frames(source):
    taken = SceneSource(source.panoramas, source.settings, None, QUIET)
    scenes = taken.draw(1, torch.Generator().manual_seed(2))
    seen = [scene_with_reference(scenes, place) for place in range(3)]
    for place, scene in enumerate(seen):
        assert scene.bracket.reference_index == place
        assert np.array_equal(scene.bracket.frames[0].pixels, seen[0].bracket.frames[0].pixels)
        ldr = torch.from_numpy(scene.reference).movedim(-1, 0)
        own = correct(ldr[None], torch.tensor([scene.bracket.reference.exposure]))[0]
        good = ((ldr > 0.55) & (ldr < 0.9)).all(0) if place == 0 else (
            (ldr > 0.45) & (ldr < 0.55)).all(0)
        difference = np.abs(own.movedim(0, -1).numpy() - scene.truth)[good.numpy()]
        assert difference.size == 0 or difference.max() < 0.15
    same = scene_of(scenes)
    np.testing.assert_allclose(seen[1].truth, same.truth, atol=1e-3)
    assert (seen[1].moving == same.moving).mean() > 0.99

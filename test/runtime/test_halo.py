# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from ddfnet_ros import weights
from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.radiance import input_stack
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.halo import without_halo
from ddfnet_ros.settings import DeghosterSettings

EXPOSURE = torch.tensor([16.0, 1.0, 4.0])  # the longest is the reference: its white is 1/16
SKY, POST = 0.2, 0.01


def stack_of(*radiance):
    """What cameras make of three pictures (3, h, w), the reference first."""
    linear = torch.stack(radiance) * EXPOSURE[:, None, None, None]
    return input_stack(linear.clamp(0, 1) ** (1 / 2.2), EXPOSURE)[None]


def grey(value, rows=1, columns=8):
    return torch.full((3, rows, columns), value)


@pytest.fixture
def still():
    return torch.zeros(1, 2, 2, 1, 8)


def test_a_darker_frame_gives_way_to_one_that_is_bright_enough(still):
    # The middle frame shows a post where the reference is white; half of it came through.
    stack = stack_of(grey(SKY), grey(SKY), grey(POST))
    mended = without_halo(grey((SKY + POST) / 2), stack, still, 2)
    torch.testing.assert_close(mended, grey(SKY), rtol=1e-4, atol=0)


def test_where_every_frame_is_darker_white_is_the_least(still):
    stack = stack_of(grey(SKY), grey(POST), grey(POST))
    mended = without_halo(grey(POST), stack, still, 2)
    torch.testing.assert_close(mended, grey(1 / 16), rtol=1e-4, atol=0)


def test_where_no_frame_contradicts_the_network_is_right(still):
    stack = stack_of(grey(SKY), grey(SKY), grey(SKY))
    given = grey(0.9 * SKY)
    torch.testing.assert_close(without_halo(given, stack, still, 2), given, rtol=0, atol=0)


def test_nothing_is_made_darker(still):
    stack = stack_of(grey(SKY), grey(SKY), grey(POST))
    torch.testing.assert_close(without_halo(grey(0.9), stack, still, 2), grey(0.9))


def test_only_clipped_channels_are_mended(still):
    reference = grey(SKY)
    reference[2] = 0.03  # blue is not clipped
    stack = stack_of(reference, reference, grey(POST))
    mended = without_halo(grey(0.02), stack, still, 2)
    torch.testing.assert_close(mended[:2], reference[:2], rtol=1e-4, atol=0)
    torch.testing.assert_close(mended[2], grey(0.02)[2])


def test_a_frame_is_believed_as_its_motion_moves_it(still):
    # The short frame saw the post two pixels to the right of where the reference sees the sky.
    seen = grey(SKY)
    seen[..., :4] = POST
    still[:, 0, 0] = 4.0
    mended = without_halo(grey(POST), stack_of(grey(SKY), seen, grey(POST)), still, 2)
    torch.testing.assert_close(mended, grey(SKY), rtol=1e-4, atol=0)


def test_an_offer_that_is_clipped_itself_counts_little(still):
    sun = grey(0.5)  # clips in the middle frame, whose white is 1/4
    mended = without_halo(grey(POST), stack_of(sun, sun, sun), still, 2)
    torch.testing.assert_close(mended, grey(POST))  # nothing contradicts
    left = torch.cat([sun, grey(POST)], dim=-1)
    still = torch.zeros(1, 2, 2, 1, 16)
    still[:, 0, 0, :, :8] = 8.0  # the short frame in motion is the post
    sun = torch.cat([sun, sun], dim=-1)
    mended = without_halo(grey(POST, columns=16), stack_of(sun, left, sun), still, 2)[..., :7]
    sun = sun[..., :7]
    torch.testing.assert_close(mended, sun, rtol=1e-2, atol=0)


def test_rows_are_mended_as_if_there_were_no_bands():
    random = torch.Generator().manual_seed(1)
    pictures = [torch.rand(3, 75, 8, generator=random) * 0.4 for _ in range(3)]
    given = torch.rand(3, 75, 8, generator=random) * 0.1
    flow = torch.rand(1, 2, 2, 75, 8, generator=random) * 20 - 10
    whole = without_halo(given, stack_of(*pictures), flow, 2)
    assert not torch.equal(whole, given)
    shifted = [torch.cat([p[:, 40:], p[:, :40]], dim=1) for p in (*pictures, given)]
    flow[:, :, 1] = 0
    whole = without_halo(given, stack_of(*pictures), flow, 2)
    turned = without_halo(shifted[3], stack_of(*shifted[:3]),
                          torch.cat([flow[..., 40:, :], flow[..., :40, :]], dim=-2), 2)
    wanted = torch.cat([whole[:, 40:], whole[:, :40]], dim=1)
    own = [row for row in range(75) if row not in (0, 34, 35, 74)]  # neighbours are the same
    torch.testing.assert_close(turned[:, own], wanted[:, own])


def test_the_edge_of_something_darker_is_not_believed_either(still):
    mixed = grey(SKY)
    mixed[..., :3] = POST
    mixed[..., 3] = SKY / 2  # brighter than white
    mended = without_halo(grey(0.08), stack_of(grey(SKY), grey(SKY), mixed), still, 2)
    torch.testing.assert_close(mended[..., :4], grey(SKY)[..., :4], rtol=1e-4, atol=0)
    torch.testing.assert_close(mended[..., 4:], grey(0.08)[..., 4:])


def test_the_shortest_reference_has_nobody_to_ask(still):
    given = grey(POST)
    assert without_halo(given, stack_of(grey(1.0), grey(POST), grey(POST)), still, 0) is given


@pytest.mark.parametrize(('mend', 'expected'), [(True, SKY), (False, 1 / 16)])
def test_the_deghoster_mends_unless_told_otherwise(tmp_path, monkeypatch, mend, expected):
    weights.save(FastFusion(FastConfig(channels=8, blocks=1)), tmp_path / 'fast.safetensors', {})
    monkeypatch.setenv('DDFNET_MODELS', str(tmp_path))
    deghoster = Deghoster(DeghosterSettings(
        model='fast', device='cpu', threads=1, mend_halos=mend))
    deghoster._kernels = None
    deghoster._stacked.model = lambda stack, flow, index: stack[:, 0, 3:]  # only the reference
    deghoster._stacked.flow = lambda stack: torch.zeros(1, 2, 2, *stack.shape[-2:])
    frames = [Frame(pixels=np.full((16, 16, 3), min(1, radiance * exposure) ** (1 / 2.2),
                                   np.float32), exposure_time=exposure)
              for radiance, exposure in ((SKY, 1.0), (POST, 4.0), (SKY, 16.0))]
    result = deghoster(Bracket.of(frames, 3))
    np.testing.assert_allclose(result.radiance, expected, rtol=1e-3)

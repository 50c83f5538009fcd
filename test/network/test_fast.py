# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
import torch

from ddfnet_ros.merge import static_weights
from ddfnet_ros.network import fast
from ddfnet_ros.network.fast import FastConfig, FastFusion, add_residual, blend
from ddfnet_ros.radiance import input_stack
from ddfnet_ros.tonemap import mu_law

SMALL = FastConfig(channels=8, blocks=2)
OTHERS = tuple(replace(SMALL, **other) for other in (
    {'cell': 8}, {'moved': False}, {'residual': True}, {'refined': True}))


def bracket(n: int = 3, h: int = 16, w: int = 24, batch: int = 1) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(n)
    ldr = torch.rand((batch, n, 3, h, w), generator=generator)
    exposure = torch.tensor([4.0, 1.0, *(16.0 * 4**i for i in range(n - 2))])[:n]
    flow = torch.randn((batch, n - 1, 2, h, w), generator=generator)
    return input_stack(ldr, exposure.expand(batch, n)), flow


def fill(model, std):
    """Random weights where a new network has zeros."""
    refining = model.refinement.layers if model.refinement else None
    for part in filter(None, (model.core.frame_head, model.core.residual_head, refining)):
        torch.nn.init.normal_(part[-1].weight, std=std)


@pytest.mark.parametrize('n', [2, 3, 4, 5, 9])
def test_any_number_of_frames_gives_one_picture(n):
    radiance = FastFusion(SMALL)(*bracket(n))
    assert radiance.shape == (1, 3, 16, 24)
    assert (radiance >= 0).all()


@pytest.mark.parametrize('config', [SMALL, *OTHERS])
def test_untrained_network_is_the_static_merge_where_nothing_moves(config):
    stack, flow = bracket(w=32)
    ldr, corrected = stack[:, :, :3], stack[:, :, 3:]
    radiance = FastFusion(config)(stack, torch.zeros_like(flow))
    expected = (static_weights(ldr, 1, bright=0.8) * corrected).sum(dim=1)
    spread = corrected.amax(dim=1) - corrected.amin(dim=1)
    assert ((radiance - expected).abs() <= 0.01 * spread + 1e-5).all()


def test_every_picture_of_a_batch_is_fused_alone():
    stack, flow = bracket(batch=2)
    model = FastFusion(SMALL)
    torch.nn.init.normal_(model.core.frame_head[-1].weight, std=0.3)
    together = model(stack, flow)
    alone = model(stack[1:], flow[1:])
    torch.testing.assert_close(together[1:], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('config', [SMALL, *OTHERS])
def test_gradient_reaches_every_parameter(config):
    model = FastFusion(config)
    fill(model, std=0.1)
    model(*bracket(h=80, w=32)).mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_weights_are_convex_so_the_blend_stays_between_the_frames():
    stack, _ = bracket()
    corrected = stack[:, :, 3:]
    logits = 40 * torch.randn((1, 3, 2, 16, 24), generator=torch.Generator().manual_seed(1))
    frames = corrected.unbind(1)
    merged = blend(torch.full_like(corrected, 1 / 3), frames, frames, logits.unbind(1))
    assert (merged <= corrected.amax(1) + 1e-6).all()
    assert (merged >= corrected.amin(1) - 1e-6).all()


@torch.inference_mode()
@pytest.mark.parametrize('config', [SMALL, *OTHERS])
def test_rows_are_fused_in_bands_as_they_would_be_at_once(monkeypatch, config):
    stack, flow = bracket(n=4, h=208, w=32)
    model = FastFusion(config)
    fill(model, std=0.3)
    in_bands = model(stack, flow), model.shares(stack, flow)
    monkeypatch.setattr(fast, 'BAND_ROWS', 208)
    at_once = model(stack, flow), model.shares(stack, flow)
    torch.testing.assert_close(in_bands, at_once, atol=1e-6, rtol=1e-5)


def test_frames_that_are_not_moved_are_taken_where_they_are():
    stack, flow = bracket()
    model = FastFusion(replace(SMALL, moved=False))
    torch.testing.assert_close(model(stack, 9 * flow), model(stack, torch.zeros_like(flow)))


def test_a_residual_is_bounded_and_leaves_no_negative_light():
    radiance = torch.tensor([0.0, 0.5])[None, None, None].expand(1, 3, 1, 2)
    brighter, darker = (add_residual(radiance, torch.full_like(radiance, x)) for x in (1e3, -1e3))
    assert (darker >= 0).all()
    torch.testing.assert_close(mu_law(brighter) - mu_law(radiance), torch.full_like(radiance, 0.1))
    torch.testing.assert_close(mu_law(darker[..., 1]), mu_law(radiance[..., 1]) - 0.1)
    assert add_residual(radiance) is radiance


def test_refined_weights_begin_as_those_of_the_cells_and_stay_shares():
    model = FastFusion(replace(SMALL, refined=True))
    stack, flow = bracket()
    unchanged = model.shares(stack, flow)
    plain = FastFusion(SMALL)
    plain.load_state_dict(model.state_dict(), strict=False)
    torch.testing.assert_close(plain.shares(stack, flow), unchanged)
    fill(model, std=1)
    changed = model.shares(stack, flow)
    assert not torch.equal(changed, unchanged)
    torch.testing.assert_close(changed.sum(dim=1), torch.ones(1, 16, 24))


def test_reference_index_tells_shorter_frames_from_longer_ones():
    stack, flow = bracket()
    model = FastFusion(SMALL)
    assert not torch.equal(model(stack, flow, 0), model(stack, flow, 2))


def test_shares_are_those_of_the_blend():
    model = FastFusion(FastConfig(channels=8, blocks=1))
    torch.manual_seed(3)
    for parameter in model.core.frame_head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    stack, flow = bracket()
    stack[:, 0, 3:], stack[:, 1:, 3:] = 0.5, 0.0  # the frames' radiance; clipping is told by I_i
    shares = model.shares(stack, flow)
    assert shares.shape == (1, 3, 16, 24)
    assert shares[:, 0].std() > 0.01
    torch.testing.assert_close(model(stack, flow).mean(1), shares[:, 0] * 0.5)
    torch.testing.assert_close(shares.sum(1), torch.ones(1, 16, 24))

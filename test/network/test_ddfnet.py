# SPDX-License-Identifier: Apache-2.0
"""The whole network and its structures."""

from __future__ import annotations

import pytest
import torch

from ddfnet_ros import network
from ddfnet_ros.flow.warp import warp
from ddfnet_ros.merge import starting_weights
from ddfnet_ros.network.ddfnet import OUTPUTS, STRUCTURES, DDFNet, DDFNetConfig
from ddfnet_ros.radiance import input_stack
from ddfnet_ros.tonemap import inverse_mu_law

# Encoder 40 448, motion encoder 75 072, correlation 73 792, decoder 1 237 667; weight predictor
# 258 368 with two clues, 36 864 fewer with one.
PARAMETERS = {
    'concatenation': 40_448 + 1_237_667 + 2 * 64 * 9 * 128,  # the head takes three frames
    'correlation': 40_448 + 73_792 + 258_368 - 36_864 + 1_237_667,
    'motion': 40_448 + 75_072 + 258_368 - 36_864 + 1_237_667,
    'warp': 40_448 + 73_792 + 258_368 + 1_237_667,
    'attention': 40_448 + 75_072 + 73_792 + 258_368 + 1_237_667,
    'max': 40_448 + 1_237_667,
    'mean': 40_448 + 1_237_667,
}


def bracket(frames: int = 3, height: int = 7, width: int = 11, batch: int = 1):
    """A stack with the reference first, and a flow."""
    torch.manual_seed(frames)
    exposures = [4.0 ** i for i in range(frames)]
    exposures.insert(0, exposures.pop((frames + 1) // 2 - 1))
    ldr = torch.rand(batch, frames, 3, height, width)
    stack = input_stack(ldr, torch.tensor([exposures]))
    return stack, torch.randn(batch, frames - 1, 2, height, width) * 5


def model(structure: str = 'attention', **fields) -> DDFNet:
    torch.manual_seed(0)
    return DDFNet(DDFNetConfig(structure=structure, **fields)).eval()


@pytest.mark.parametrize('structure', STRUCTURES)
def test_each_structure_has_its_number_of_parameters(structure):
    assert sum(p.numel() for p in model(structure).parameters()) == PARAMETERS[structure]


@pytest.mark.parametrize('structure', STRUCTURES)
def test_half_the_width_is_half_of_every_layer(structure):
    half = {name: p.shape for name, p in model(structure, width=32).named_parameters()}
    for name, p in model(structure).named_parameters():
        ends = [6, 2, 3]  # frames, flow and picture have the channels that they have
        wanted = [n if n in ends else n // 2 for n in p.shape[:2]]
        assert list(half[name][:2]) == wanted, name
        assert half[name][2:] == p.shape[2:]
    with torch.no_grad():
        assert model(structure, width=32)(*bracket()).shape == (1, 3, 7, 11)


@pytest.mark.parametrize('structure', [s for s in STRUCTURES if s != 'concatenation'])
@pytest.mark.parametrize('frames', [2, 3, 4, 5, 9])
def test_any_number_of_frames_is_fused(structure, frames):
    with torch.no_grad():
        radiance = model(structure)(*bracket(frames))
    assert radiance.shape == (1, 3, 7, 11)
    assert (radiance >= 0).all()
    assert torch.isfinite(radiance).all()


def test_concatenation_takes_the_number_of_frames_it_was_made_for():
    fixed = model('concatenation', frames=4)
    assert fixed(*bracket(4)).shape == (1, 3, 7, 11)
    with pytest.raises(ValueError, match='expected 4 frames, got 3'):
        fixed(*bracket(3))


@pytest.mark.parametrize('size', [(1, 1), (1, 9), (13, 6)])
def test_any_size_is_fused(size):
    assert model()(*bracket(3, *size)).shape == (1, 3, *size)


def test_flow_that_does_not_fit_the_frames_is_refused():
    stack, flow = bracket(3)
    with pytest.raises(ValueError, match='n - 1 flows, got 3 and 1'):
        model()(stack, flow[:, :1])
    with pytest.raises(ValueError, match='n >= 2'):
        model()(stack[:, :1], flow[:, :0])


@pytest.mark.parametrize('structure', STRUCTURES)
def test_a_bracket_is_fused_alike_alone_and_in_a_batch(structure):
    stack, flow = bracket(batch=3)
    with torch.no_grad():
        batch = model(structure)(stack, flow)
        alone = model(structure)(stack[1:2], flow[1:2])
    torch.testing.assert_close(batch[1:2], alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('structure', STRUCTURES)
@pytest.mark.parametrize(('output', 'shortcut'), [(o, o == 'radiance') for o in OUTPUTS])
def test_the_gradient_reaches_every_parameter(structure, output, shortcut):
    trained = model(structure, output=output, shortcut=shortcut).train()
    trained(*bracket(height=16, width=16)).mean().backward()
    for name, parameter in trained.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_the_order_of_the_other_frames_does_not_matter():
    stack, flow = bracket(4)
    with torch.no_grad():
        in_order = model()(stack, flow)
        shuffled = model()(stack[:, [0, 3, 1, 2]], flow[:, [2, 0, 1]])
    torch.testing.assert_close(in_order, shuffled, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ('structure', 'uses_flow'),
    [(s, s in ('motion', 'warp', 'attention')) for s in STRUCTURES],
)
def test_flow_matters_where_the_structure_has_motion(structure, uses_flow):
    stack, flow = bracket()
    with torch.no_grad():
        same = torch.equal(model(structure)(stack, flow), model(structure)(stack, -flow))
    assert same != uses_flow


def test_the_forward_pass_is_equations_5_to_7_between_encoder_and_decoder():
    ours = model()
    stack, flow = bracket()
    f = ours.encoder(stack)
    v, c = ours.motion(flow), ours.correlation(f)
    predicted = torch.stack(
        [ours.weight_predictor(f[:, 0], torch.cat([v, c], 2)[:, i:i + 1])[:, 0] for i in range(3)])
    w = predicted.exp() / predicted.exp().sum(dim=0)
    fused = sum(w[i] * f[:, i] for i in range(3))
    torch.testing.assert_close(ours(stack, flow), inverse_mu_law(ours.decoder(fused)))


def test_warping_moves_the_features_before_everything_else():
    ours = model('warp')
    stack, flow = bracket()
    f = ours.encoder(stack)
    f = torch.cat([f[:, :1], warp(f[:, 1:], flow)], dim=1)
    w = ours.weight_predictor(f[:, 0], torch.cat([f, ours.correlation(f)], 2)).softmax(1)
    expected = inverse_mu_law(ours.decoder((w * f).sum(1)))
    torch.testing.assert_close(ours(stack, flow), expected)


def test_the_output_is_bounded_by_one_but_keeps_its_gradient():
    ours = model(output='radiance')
    ours.decoder.start_at(3.0)
    radiance = ours(*bracket())
    torch.testing.assert_close(radiance, torch.ones_like(radiance))
    radiance.sum().backward()
    assert ours.decoder.tail[-1].bias.grad.abs().min() > 0


@pytest.mark.parametrize('output', OUTPUTS)
def test_a_shortcut_starts_at_the_frames_mixed_by_the_weights_of_eq_6(output):
    stack, flow = bracket()
    ours = model(output=output, shortcut=True)
    assert sum(p.numel() for p in ours.parameters()) == PARAMETERS['attention']
    torch.nn.init.zeros_(ours.decoder.tail[-1].weight)
    weights = ours._weights(ours.encoder(stack), flow).mean(dim=2, keepdim=True)
    trust = weights * starting_weights(stack[:, :, :3], 1)
    mixture = (trust / trust.sum(dim=1, keepdim=True) * stack[:, :, 3:]).sum(dim=1)
    torch.testing.assert_close(ours(stack, flow), mixture.clamp(max=1), rtol=1e-4, atol=1e-6)


def test_without_weights_a_shortcut_starts_at_the_static_merge():
    stack, flow = bracket()
    ours = model('max', shortcut=True)
    torch.nn.init.zeros_(ours.decoder.tail[-1].weight)
    trust = starting_weights(stack[:, :, :3], 2)
    mixture = (trust / trust.sum(dim=1, keepdim=True) * stack[:, :, 3:]).sum(dim=1)
    torch.testing.assert_close(ours(stack, flow, 2), mixture.clamp(max=1), rtol=1e-4, atol=1e-6)


def test_autocast_and_channels_last_change_little():
    stack, flow = bracket(height=24, width=24)
    with torch.no_grad():
        exact = model()(stack, flow)
        with torch.autocast('cpu', torch.bfloat16):
            half = model().to(memory_format=torch.channels_last)(stack, flow)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, exact, rtol=0.1, atol=0.01)


@pytest.mark.parametrize('structure', STRUCTURES)
def test_the_graph_can_be_captured_so_nothing_in_it_depends_on_values(structure):
    ours, inputs = model(structure), bracket()
    captured = torch.export.export(ours, inputs).module()
    torch.testing.assert_close(captured(*inputs), ours(*inputs), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('field', ['structure', 'normalisation', 'output'])
def test_unknown_choices_are_refused(field):
    with pytest.raises(ValueError, match=f'{field}: expected one of .*got \'no such\''):
        DDFNetConfig(**{field: 'no such'})


def test_the_registry_builds_what_it_describes():
    config = {'architecture': 'ddfnet', 'structure': 'motion', 'normalisation': 'ratio'}
    built = network.build(config)
    assert built.config == DDFNetConfig(structure='motion', normalisation='ratio')
    assert network.build(network.describe(built)).config == built.config


@pytest.mark.parametrize('structure', ['attention', 'warp', 'correlation'])
def test_frames_alike_have_equal_shares(structure):
    stack = torch.rand(1, 1, 6, 7, 11).repeat(1, 3, 1, 1, 1)
    shares = model(structure).shares(stack, torch.zeros(1, 2, 2, 7, 11))
    torch.testing.assert_close(shares, torch.full((1, 3, 7, 11), 1 / 3))


def test_a_structure_without_weights_tells_no_share():
    with pytest.raises(ValueError, match='structure with weights, got max'):
        model('max').shares(*bracket())

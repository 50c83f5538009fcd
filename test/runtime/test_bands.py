# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from ddfnet_ros.network.ddfnet import DDFNet, DDFNetConfig
from ddfnet_ros.network.fast import FastConfig
from ddfnet_ros.runtime.bands import in_bands

from .conftest import small_fast

NETWORKS = {
    'fast': lambda: small_fast(blocks=FastConfig.blocks),
    'fast of two blocks': lambda: small_fast(blocks=2),
    'ddfnet': DDFNet,
    'ddfnet that warps': lambda: DDFNet(DDFNetConfig(structure='warp')),
    'ddfnet that pools': lambda: DDFNet(DDFNetConfig(structure='max')),
}


def network(name):
    """One whose every layer matters."""
    torch.manual_seed(0)
    return NETWORKS[name]().eval()


def bracket(height, width=16, motion=3.0, n=3):
    generator = torch.Generator().manual_seed(height)
    stack = torch.rand((1, n, 6, height, width), generator=generator)
    return stack, motion * torch.randn((1, n - 1, 2, height, width), generator=generator)


@pytest.mark.parametrize('name', NETWORKS)
@torch.inference_mode()
def test_a_network_looks_as_far_as_it_says_and_not_much_less(name):
    model = network(name)
    stack, flow = bracket(400, 8, motion=0)
    reach = model.reach(flow)
    stack[..., 200, :] = torch.nan
    rows = torch.isnan(model(stack, flow, 1)).any(dim=1).any(dim=-1).nonzero()[:, 1]
    seen = max(200 - int(rows.min()), int(rows.max()) - 200)
    assert 0.75 * reach <= seen <= reach


@pytest.mark.parametrize('name', NETWORKS)
@torch.inference_mode()
def test_bands_make_the_same_picture_as_the_whole(name):
    model = network(name)
    stack, flow = bracket(640 if name == 'fast' else 328)
    heights = []

    def listening(stack, flow, index):
        heights.append(stack.shape[-2])
        return model(stack, flow, index)

    result = in_bands(listening, stack, flow, 1, bands=4, reach=model.reach(flow),
                      multiple=model.multiple)
    torch.testing.assert_close(result, model(stack, flow, 1), atol=1e-5, rtol=1e-4)
    assert len(heights) == 4
    assert len(set(heights)) == 1
    assert heights[0] < stack.shape[-2]


@torch.inference_mode()
def test_shares_can_be_had_in_bands():
    model = network('ddfnet')
    stack, flow = bracket(160)
    shares = in_bands(model.shares, stack, flow, 1, bands=2, reach=model.reach(flow))
    torch.testing.assert_close(shares, model.shares(stack, flow, 1), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(('height', 'bands', 'reach', 'heights'), [
    (64, 4, 3, [32] * 4), (40, 16, 0, [8] * 5), (40, 3, 8, [32] * 3), (24, 2, 100, [24] * 2),
])
def test_bands_are_equally_high_multiples_and_cover_all_rows(height, bands, reach, heights):
    stack, flow = bracket(height)
    given = []

    def first_row(stack, _flow, _index):
        given.append(stack.shape[-2])
        return stack[:, 0, 0]

    result = in_bands(first_row, stack, flow, 1, bands=bands, reach=reach, multiple=8)
    assert torch.equal(result, stack[:, 0, 0])
    assert given == heights


def test_a_flow_that_leads_far_widens_what_is_given():
    model = network('fast')
    _, flow = bracket(32, motion=0)
    still = model.reach(flow)
    flow[0, 1, 1, 3, 4] = -50.0
    assert model.reach(flow) == still + 50
    assert network('ddfnet').reach(flow) == 46

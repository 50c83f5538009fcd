# SPDX-License-Identifier: Apache-2.0
import torch

from ddfnet_ros.synthesis.bending import Bend, bend_points, unbend_points


def bend(count: int = 50) -> Bend:
    time = torch.linspace(-1, 1, 4).expand(2, count, 4)
    return Bend.random(time, torch.full((2, count, 1), 128.0), torch.Generator().manual_seed(1))


def test_bending_is_undone_exactly():
    waves = bend()
    x, y = 100 * torch.rand((2, 2, 4, 30), generator=torch.Generator().manual_seed(2)) - 50
    for layer in range(50):
        back = unbend_points(*bend_points(x, y, waves, layer), waves, layer)
        torch.testing.assert_close(back, (x, y), atol=1e-4, rtol=0)


def test_half_of_the_layers_bend_by_a_twelfth_of_their_size_at_most():
    amplitude = bend(500).amplitude
    assert 0.4 < (amplitude > 0).any(dim=0).float().mean() < 0.6
    assert 8 < amplitude.max() <= 128 / 12


def test_waves_travel_with_time():
    waves = bend()
    layer = int(waves.amplitude[0, 0].argmax())
    zero = torch.zeros((2, 4, 1))
    x, _ = bend_points(zero, zero, waves, layer)
    assert len(x[0, :, 0].unique()) == 4


def test_layers_of_size_0_stay_rigid():
    time = torch.zeros((1, 3, 2))
    rigid = Bend.random(time, torch.zeros((1, 3, 1)), torch.Generator().manual_seed(1))
    x, y = torch.rand((2, 1, 2, 5))
    assert torch.equal(bend_points(x, y, rigid, 1)[0], x)

# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
import torch

from ddfnet_ros import network
from ddfnet_ros.training.batches import Batches
from ddfnet_ros.training.data import make_draw
from ddfnet_ros.training.settings import TrainingSettings
from ddfnet_ros.training.start import start
from ddfnet_ros.training.tasks import make_task
from ddfnet_ros.training.train import train

CPU = torch.device('cpu')


@pytest.fixture
def motion(settings) -> TrainingSettings:
    return TrainingSettings.from_recipe('pwcnet', {
        'panoramas': settings.panoramas, 'run': settings.run, 'workers': 0, 'device': 'cpu',
        'batch_size': 1, 'patch': 64, 'vary_brackets': False, 'steps': 1})


def test_pwcnet_goes_through_the_same_loop(motion):
    state = train(motion)
    assert state.step == 1
    assert state.flow is None


def test_pwcnet_learns_from_brackets_as_the_network_sees_them(motion):
    state = start(motion, CPU)
    batch = next(iter(Batches(make_draw(motion), 1)))
    learnt = make_task(motion, state.model, None)
    loss = learnt(batch)
    worse = learnt(replace(batch, flow=batch.flow + 100))
    assert 0 < loss < worse
    assert learnt.picture(batch).shape == (3, 64, 3 * 64)


def test_pwcnet_needs_patches_of_its_multiple(motion):
    with pytest.raises(ValueError, match='expected a multiple of 64 for pwcnet, got 96'):
        train(replace(motion, patch=96))


@pytest.mark.parametrize(('architecture', 'config'), [
    ('fast', ('channels=8', 'blocks=1')), ('deephdr', ('channels=4',))])
def test_so_do_networks_that_fuse(settings, architecture, config):
    with pytest.raises(ValueError, match=f'patch: .*multiple of 8 for {architecture}, got 100'):
        train(replace(settings, architecture=architecture, config=config, patch=100,
                      vary_brackets=False))


def test_networks_for_a_fixed_number_of_frames_cannot_learn_from_others(settings):
    peer = replace(settings, architecture='deephdr', config=('channels=4',))
    with pytest.raises(ValueError, match=r'vary_b.* deephdr takes 3 frames; give --no-vary-b'):
        train(peer)


def test_the_picture_shows_reference_result_and_truth(settings):
    batch = next(iter(Batches(make_draw(settings), 1)))
    picture = make_task(settings, start(settings, CPU).model, None).picture(batch)
    assert picture.shape == (3, 32, 96)
    assert 0 <= picture.min() < picture.max() <= 1
    assert not torch.equal(picture[..., :32], picture[..., 64:])


def test_the_loss_knows_mu(settings):
    batch = next(iter(Batches(make_draw(settings), 1)))
    losses = [make_task(replace(settings, mu=mu), start(settings, CPU).model, None)(batch).item()
              for mu in (10.0, 5000.0)]
    assert losses[0] != losses[1]


def _wild_fast() -> torch.nn.Module:
    model = network.build({'architecture': 'fast'})
    with torch.no_grad():
        model.core.frame_head[-1].bias.fill_(30.0)
    return model


def _wild_ddfnet() -> torch.nn.Module:
    model = network.build({'architecture': 'ddfnet', 'width': 8})
    with torch.no_grad():
        model.weight_predictor.blocks[-1].layers[-1].bias.fill_(30.0)
    return model


@pytest.mark.parametrize(('wild', 'bias'), [
    (_wild_fast, 'core.frame_head.2.bias'),
    (_wild_ddfnet, 'weight_predictor.blocks.1.layers.2.bias')])
def test_logits_that_run_away_are_called_back(settings, wild, bias):
    model, batch = wild(), Batches(make_draw(settings), 1).batch(0)
    loss = make_task(settings, model, None)(batch)
    loss.backward()
    assert (model.get_parameter(bias).grad > 0).all()
    left = make_task(replace(settings, logit_penalty=0.0), wild(), None)(batch)
    assert loss > left + 0.4 * settings.logit_penalty * (30 - 8) ** 2


def test_dead_channels_are_called_back_and_live_ones_left_alone(settings):
    model = network.build({'architecture': 'ddfnet', 'width': 8})
    alive = replace(settings, vary_brackets=False, dead_relu_penalty=1.0)
    batch = Batches(make_draw(alive), 1).batch(0)

    def of_the_loss(chosen):
        model.zero_grad()
        loss = make_task(chosen, model, None)(batch)
        loss.backward()
        return loss.item(), model.decoder.head[2].bias.grad.clone()

    with torch.no_grad():
        model.decoder.head[2].bias.copy_(torch.tensor([-30.0, *[1.0] * 7]))
    without, unmoved = of_the_loss(replace(alive, dead_relu_penalty=0.0))
    loss, pulled = of_the_loss(alive)
    assert unmoved[0] == 0
    assert pulled[0] < -0.001
    assert torch.allclose(pulled[1:], unmoved[1:], atol=1e-5)
    assert loss > without + 20 / sum(layer.out_channels for layer in _before_relus(model))


def test_what_is_not_asked_for_is_not_kept(settings):
    model = network.build({'architecture': 'ddfnet', 'width': 8})
    plain = replace(settings, vary_brackets=False, dead_relu_penalty=0.0, logit_penalty=0.0)
    learnt = make_task(plain, model, None)
    learnt(Batches(make_draw(plain), 1).batch(0))
    assert not learnt._relu_inputs
    assert not learnt._logits


def _before_relus(model):
    parts = [model.encoder.layers, model.motion.layers, model.decoder.head,
             *(block.layers for block in model.weight_predictor.blocks)]
    return [part[i - 1] for part in parts for i, layer in enumerate(part)
            if isinstance(layer, torch.nn.ReLU)]


def test_networks_without_logits_have_none_to_call_back(settings):
    still = replace(settings, vary_brackets=False)
    peer = network.build({'architecture': 'ahdrnet', 'channels': 8, 'growth': 4})
    batch = Batches(make_draw(still), 1).batch(0)
    losses = [make_task(replace(still, logit_penalty=calm), peer, None)(batch)
              for calm in (0.0, 1.0)]
    assert losses[0] == losses[1]

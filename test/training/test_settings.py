# SPDX-License-Identifier: Apache-2.0
import pytest

from ddfnet_ros import network
from ddfnet_ros.flow.providers import PROVIDERS
from ddfnet_ros.training.options import parse
from ddfnet_ros.training.settings import RECIPES, TrainingSettings

_CHOICES = {name: field.metadata['choices']
            for name, field in TrainingSettings.__dataclass_fields__.items()}


def words(line: str) -> TrainingSettings:
    return parse(line.split(), 'ddfnet train').settings


def test_the_defaults_are_the_papers():
    paper = TrainingSettings()
    assert (paper.optimizer, paper.learning_rate, paper.batch_size) == ('adam', 1e-5, 2)
    assert (paper.epochs, paper.halvings, paper.joint_from) == (5000, (4000, 4500), 4000)
    assert (paper.patch, paper.mu, paper.rotate, paper.flip) == (128, 5000.0, True, True)
    assert (paper.architecture, paper.flow, paper.shortcut) == ('ddfnet', 'pwcnet', False)
    assert (paper.beta2, paper.weight_decay) == (0.999, 0)
    assert (paper.gradient_clip, paper.ema_decay) == (0, 0)
    assert paper.epochs * paper.epoch_patches == 1.11e6


def test_noise_is_learnt_in_a_thousand_epochs():
    denoise = TrainingSettings.from_recipe('paper-denoise', {})
    assert denoise.epochs == 1000
    assert denoise.noise > 0
    assert denoise.learning_rate == TrainingSettings().learning_rate


@pytest.mark.parametrize('recipe', RECIPES)
def test_every_recipe_can_be_chosen_and_changed(recipe):
    chosen = words(f'--recipe {recipe} --learning-rate 0.5')
    assert (chosen.recipe, chosen.learning_rate) == (recipe, 0.5)
    assert all(getattr(chosen, name) == value for name, value in RECIPES[recipe].items()
               if name != 'learning_rate')


def test_lists_and_switches_are_options_too():
    chosen = words('--halvings 10 20 --no-flip --shortcut --config structure=max frames=4')
    assert (chosen.halvings, chosen.flip, chosen.shortcut) == ((10, 20), False, True)
    assert chosen.network == {
        'architecture': 'ddfnet', 'shortcut': True, 'structure': 'max', 'frames': 4}
    assert words('--halvings').halvings == ()


@pytest.mark.parametrize(('line', 'said'), [
    ('--recipe best', "argument --recipe: invalid choice: 'best'"),
    ('--steps many', "argument --steps: invalid int value: 'many'"),
    ('--panorama x', 'unrecognized arguments: --panorama x'),
    ('--patch 8', '--patch: expected 32 to 1024, got 8'),
    ('--learning-rate nan', '--learning-rate: expected a finite number'),
])
def test_bad_options_are_one_line(line, said):
    with pytest.raises(ValueError, match=said) as error:
        words(line)
    assert '\n' not in str(error.value)


def test_help_explains_every_setting_by_example(capsys):
    with pytest.raises(SystemExit):
        words('--help')
    said = capsys.readouterr().out
    for name in TrainingSettings.__dataclass_fields__:
        assert f'--{name.replace("_", "-")}' in said
    assert '  ddfnet train --recipe budget' in said


def test_a_config_without_a_value_is_shown():
    with pytest.raises(ValueError, match="--config: expected NAME=VALUE, got 'channel"):
        _ = TrainingSettings(config=('channels',)).network


def test_settings_of_runs_before_there_were_recipes_are_the_budgeted_ones():
    stored = TrainingSettings.from_saved({'architecture': 'fast', 'steps': 4400, 'gone': 1})
    assert (stored.recipe, stored.steps, stored.flow) == ('budget', 4400, 'dis')


def test_settings_of_older_runs_keep_their_values_under_new_names():
    stored = TrainingSettings.from_saved({'calm': 0.3, 'alive': 0.5, 'no_worse': 0.7, 'decay': 0.9,
                                      'clip': 2.0, 'varied': True})
    assert (stored.logit_penalty, stored.dead_relu_penalty, stored.reference_hinge) == (
        0.3, 0.5, 0.7)
    assert (stored.ema_decay, stored.gradient_clip, stored.vary_brackets) == (0.9, 2.0, True)


def test_every_network_can_be_trained():
    assert set(_CHOICES['architecture']) == set(network._ARCHITECTURES)
    assert set(_CHOICES['flow']) == set(PROVIDERS)

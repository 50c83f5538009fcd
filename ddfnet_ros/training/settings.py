# SPDX-License-Identifier: Apache-2.0
"""Training settings, and recipes: the paper's (the default) and those of our weights."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ddfnet_ros.tunables import Settings, setting

RECIPES: dict[str, dict[str, Any]] = {
    'paper': {},
    # Sec. 4.2.3: fine-tuning of trained weights (start_from). The paper gives no noise strength.
    'paper-denoise': {'epochs': 1000, 'halvings': (), 'noise': 0.05},
    'budget': {
        'architecture': 'fast', 'shortcut': True, 'flow': 'dis', 'vary_brackets': True,
        'steps': 10000,
        'batch_size': 8, 'optimizer': 'adamw', 'learning_rate': 1e-3, 'schedule': 'cosine',
        'warmup': 200, 'beta2': 0.99, 'weight_decay': 1e-4, 'gradient_clip': 1.0,
        'ema_decay': 0.999, 'reference_hinge': 1.0, 'logit_penalty': 1e-3,
        'dead_relu_penalty': 1e-3, 'precision': 'auto',
    },
    # PWC-Net with its authors' weight decay and batch size, but our schedule and averaging, and
    # normalised features, which cannot vanish.
    'pwcnet': {
        'architecture': 'pwcnet', 'config': ('normalised=true',), 'vary_brackets': True,
        'steps': 40000, 'batch_size': 8, 'optimizer': 'adamw', 'learning_rate': 2.5e-4,
        'gradient_clip': 1.0, 'schedule': 'cosine', 'warmup': 500, 'weight_decay': 4e-4,
        'ema_decay': 0.999, 'precision': 'auto',
    },
}
"""Settings of each recipe; all others keep the paper's value (Sec. 3.3)."""

_BEFORE_RECIPES = 'budget'  # recipe of old runs, whose saved settings name none

_RENAMED = {'varied': 'vary_brackets', 'clip': 'gradient_clip', 'decay': 'ema_decay',
            'no_worse': 'reference_hinge', 'calm': 'logit_penalty', 'alive': 'dead_relu_penalty'}
"""Old names of fields, as saved by older runs, and their present names."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """How to train. The defaults are the paper's (Sec. 3.3); doc/training.md compares recipes."""

    recipe: str = setting('paper', 'Values of all options that are not given.',
                          choices=tuple(RECIPES))
    architecture: str = setting('ddfnet', 'Network to train.',
                                choices=('ddfnet', 'fast', 'pwcnet', 'ahdrnet', 'deephdr',
                                         'kalantari17'))
    shortcut: bool = setting(False, 'Let ddfnet decode the difference to a mixture of the frames, '
                             'which a short training needs (doc/paper.md#table-1).')
    config: tuple[str, ...] = setting((), 'Any fields of the network\'s config, such as '
                                      'channels=40 blocks=3 or structure=max.')
    start_from: str = setting('', 'What a new run starts from: another run\'s folder or '
                              'checkpoint, full or slim, which is gone on with; or a model, of '
                              'which it takes the weights alone.')

    flow: str = setting('pwcnet', 'What estimates the motion; none: nothing does, it is zero.',
                        choices=('pwcnet', 'dis', 'none'))
    pwcnet: str = setting('pwcnet', 'Model name or path of the trained PWC-Net.')
    joint_from: int = setting(4000, 'Epoch from which PWC-Net, frozen before, is trained along.',
                              bounds=(0, 10**8))

    dataset: str = setting('synthetic', 'What is trained on: scenes synthesised from panoramas, '
                           'or the set of Kalantari and Ramamoorthi (2017).',
                           choices=('synthetic', 'kalantari'))
    panoramas: str = setting('', 'Folder of HDR panoramas (.exr) that scenes are made from.')
    cutouts: str = setting('', 'Folder of RGBA cut-outs that move through the scenes.')
    root: str = setting('', 'Folder of the scenes of the kalantari set.')
    patch: int = setting(128, 'Side of a patch [px].', bounds=(32, 1024))
    rotate: bool = setting(True, 'Turn patches of photographs by 0, 90, 180 or 270 degrees; '
                           'synthetic ones are turned by any angle.')
    flip: bool = setting(True, 'Mirror half of the patches of photographs.')
    vary_brackets: bool = setting(False, 'Also train on 2 to 6 frames, other references and '
                                  'motion blur; synthetic scenes only.')
    noise: float = setting(0.0, 'Standard deviation of i.i.d. Gaussian noise on LDR frames in '
                           '[0, 1], of which each frame gets a random proportion (Sec. 4.2.3).',
                           bounds=(0.0, 1.0))

    batch_size: int = setting(2, 'Patches per step and process.', bounds=(1, 4096))
    epochs: int = setting(5000, 'Length of the whole schedule.', bounds=(1, 10**8))
    epoch_patches: int = setting(222, 'Patches of an epoch: 3 from each of 74 scenes, which makes '
                                 '1.11e6 in 5000 epochs.', bounds=(1, 10**8))
    steps: int = setting(0, 'Length of the whole schedule in steps; 0: after the epochs.',
                         bounds=(0, 10**9))
    minutes: float = setting(0.0, 'Stop after this time [min]; 0: when the schedule ends.',
                             bounds=(0.0, 1e6))

    optimizer: str = setting('adam', 'Adam, or AdamW, whose weight decay is decoupled.',
                             choices=('adam', 'adamw'))
    learning_rate: float = setting(1e-5, 'Highest learning rate [-].', bounds=(1e-8, 1.0))
    schedule: str = setting('halving', 'How the rate falls: by half at the epochs of halvings, or '
                            'along a cosine to a hundredth.', choices=('halving', 'cosine'))
    halvings: tuple[int, ...] = setting((4000, 4500), 'Epochs at which the rate is halved.',
                                        bounds=(0, 10**8))
    warmup: int = setting(0, 'Steps from zero to the highest rate.', bounds=(0, 10**6))
    rewarm: int = setting(200, 'The same after a start from weights or a slim checkpoint, which '
                          'hold nothing of the optimizer.', bounds=(0, 10**6))
    beta2: float = setting(0.999, 'Decay of Adam\'s second moment [-].', bounds=(0.0, 0.99999))
    weight_decay: float = setting(0.0, 'Weight decay [-].', bounds=(0.0, 1.0))
    gradient_clip: float = setting(0.0, 'Largest norm of the gradient [-]; 0: any.',
                                   bounds=(0.0, 1e6))
    ema_decay: float = setting(0.0, 'Exponential moving average of the weights per step [-]; 0: '
                               'the weights themselves are shipped.', bounds=(0.0, 1.0))
    mu: float = setting(5000.0, 'Compression of the mu-law under the l1 loss, Eq. 8 [-].',
                        bounds=(1.0, 1e6))
    reference_hinge: float = setting(
        0.0, 'Weight of a second loss: what of the first exceeds that of the untouched reference, '
        'where it is not clipped [-].', bounds=(0.0, 100.0))
    logit_penalty: float = setting(
        0.0, 'Weight of a third loss: logits of fast, ddfnet and kalantari17 beyond 8. Where they '
        'run away a frame\'s odds are next to nothing, and nothing more is learnt [-].',
        bounds=(0.0, 100.0))
    dead_relu_penalty: float = setting(
        0.0, 'Weight of a fourth loss: channels of ReLUs that are given less than 0.1 in all of a '
        'batch. Below zero everywhere they give nothing, and learn nothing more [-].',
        bounds=(0.0, 100.0))
    precision: str = setting(
        'float32', 'Arithmetic of the networks; auto: bfloat16 where the device has it '
        'natively.',
        choices=('auto', 'float32', 'bfloat16'))

    run: str = setting('runs/ddfnet', 'Folder of checkpoint and log; an existing run goes on.')
    slim: str = setting('', 'Folder for a slim checkpoint, written along with the full one.')
    keep_every: int = setting(0, 'Steps after which a slim checkpoint is kept, in a folder of its '
                              'own beside the full one, for a learning curve; 0: none.',
                              bounds=(0, 10**8))
    seed: int = setting(1, 'Seed of scenes and initial weights.', bounds=(0, 2**31))
    workers: int = setting(1, 'Processes that make batches, per process that trains.',
                           bounds=(0, 256))
    threads: int = setting(1, 'CPU threads of the network.', bounds=(1, 256))
    device: str = setting('auto', 'Torch device.')
    save_every: float = setting(120.0, 'Time between checkpoints [s].', bounds=(1.0, 1e5))
    tensorboard: bool = setting(False, 'Also write scalars and pictures for TensorBoard.')
    picture_every: int = setting(500, 'Steps between pictures for TensorBoard.',
                                 bounds=(1, 10**8))

    @classmethod
    def from_recipe(cls, recipe: str, given: Mapping[str, Any]) -> TrainingSettings:
        """Settings of a recipe, overridden by those given.

        Raises:
            ValueError: unknown recipe, or a value out of bounds.
        """
        return cls(**{**RECIPES.get(recipe, {}), **given, 'recipe': recipe})

    @classmethod
    def from_saved(cls, fields: Mapping[str, Any]) -> TrainingSettings:
        """Settings that an earlier run saved; fields that no longer exist are dropped."""
        known = {field.name for field in dataclasses.fields(cls)} - {'recipe'}
        renamed = {_RENAMED.get(name, name): value for name, value in fields.items()}
        given = {name: tuple(value) if isinstance(value, list) else value
                 for name, value in renamed.items() if name in known}
        return cls.from_recipe(fields.get('recipe', _BEFORE_RECIPES), given)

    @property
    def network(self) -> dict[str, Any]:
        """Config of the network, for `network.build`.

        Raises:
            ValueError: an entry of `config` is not NAME=VALUE.
        """
        own = {'shortcut': self.shortcut} if self.architecture == 'ddfnet' else {}
        return {'architecture': self.architecture, **own, **dict(map(_parse_entry, self.config))}

    @property
    def estimates_motion(self) -> bool:
        """Whether a PWC-Net estimates the motion for the network in training."""
        return self.flow == 'pwcnet' and self.architecture != 'pwcnet'


def _parse_entry(entry: str) -> tuple[str, Any]:
    name, equals, value = entry.partition('=')
    if not equals:
        raise ValueError(f'--config: expected NAME=VALUE, got {entry!r}; write it as channels=40')
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value

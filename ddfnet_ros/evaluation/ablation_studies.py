# SPDX-License-Identifier: Apache-2.0
"""What is trained alike and compared: the paper's structures and peers, and the small network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PEER = 'peer, trained alike'


@dataclass(frozen=True)
class Variant:
    """One row of a table.

    Attributes:
        place: Where the paper has it, or what kind of change it is.
        what: It is.
        architecture: Of the network.
        config: Fields of its config, as `ddfnet train --config` takes them.
        flow: Provider of motion.
    """

    place: str
    what: str
    architecture: str
    config: tuple[str, ...]
    flow: str = 'dis'


@dataclass(frozen=True)
class Study:
    """Networks that are trained alike.

    Attributes:
        variants: By name.
        ours: Name of the one that the others are compared with.
        called: What that is in a sentence.
        recipe: Training settings of all, besides those of the recipe `budget`.
        size: Of the networks, for the line below the table.
    """

    variants: Mapping[str, Variant]
    ours: str
    called: str
    recipe: Mapping[str, Any]
    size: str


def _structure(place: str, what: str, field: str) -> Variant:
    return Variant(place, what, 'ddfnet', ('width=32', field))


STRUCTURES = Study(
    variants={
        'concatenation': _structure('Table 3 (a)', 'no attention', 'structure=concatenation'),
        'correlation': _structure('Table 3 (b)', 'correlation alone', 'structure=correlation'),
        'motion': _structure('Table 3 (c)', 'motion alone', 'structure=motion'),
        'warp': _structure('Table 3 (d)', 'correlation, features moved by the flow',
                           'structure=warp'),
        'attention': _structure('Table 3 (e), 4 (b)', 'correlation and motion: the paper\'s',
                                'structure=attention'),
        'ldr': _structure('Table 4 (a)', 'the same, encoding the LDR frames alone',
                          'gamma_corrected=false'),
        'max': _structure('3.2.4', 'the strongest of the frames', 'structure=max'),
        'mean': _structure('3.2.4', 'the mean of the frames', 'structure=mean'),
        'ahdrnet': Variant(_PEER, 'AHDRNet', 'ahdrnet', ('channels=32', 'growth=16')),
        'deephdr': Variant(_PEER, 'DeepHDR', 'deephdr', ('channels=32',)),
        'kalantari17': Variant(_PEER, 'Kalantari17', 'kalantari17', ('channels=[50,50,25]',)),
    },
    ours='attention', called='the paper\'s',
    # As the first run of `base` on a CPU (doc/training.md), but for width, length and what goes
    # with that: rate, warm-up, average.
    recipe={'vary_brackets': False, 'steps': 800, 'patch': 64, 'batch_size': 2,
            'learning_rate': 4e-4, 'ema_decay': 0.995},
    size='Half the width that each is published with',
)
"""Tables 3 and 4 of the paper, pooling against attention (3.2.4), and peers."""


def _small(place: str, what: str, *config: str, flow: str = 'dis') -> Variant:
    return Variant(place, what, 'fast', config, flow)


FAST = Study(
    variants={
        'shipped': _small('-', 'as shipped'),
        'unmoved': _small('motion', 'frames are not offered as moved', 'moved=false'),
        'still': _small('motion', 'no flow at all', flow='none'),
        'coarse': _small('resolution', 'cells of 8x8 pixels', 'cell=8'),
        'narrow': _small('width', '16 and 24 channels', 'channels=16', 'context=24'),
        'wide': _small('width', '48 and 72 channels', 'channels=48', 'context=72'),
        'shallow': _small('depth', '2 residual blocks', 'blocks=2'),
        'deep': _small('depth', '8 residual blocks', 'blocks=8'),
        'residual': _small('residual', 'a bounded residual is added', 'residual=true'),
        'refined': _small('resolution', 'weights are refined at full resolution', 'refined=true'),
    },
    ours='shipped', called='the one that is shipped',
    # As `fast` (models/README.md), but for length, and the average that belongs to it.
    recipe={'steps': 300, 'patch': 64, 'batch_size': 4, 'ema_decay': 0.98},
    size='32 and 48 channels, but where it says otherwise',
)
"""What the parts of the small network are worth."""

STUDIES = {'structures': STRUCTURES, 'fast': FAST}

# SPDX-License-Identifier: Apache-2.0
"""The ablation studies: the paper's fusion structures and peers, and the small network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PEER = 'peer, trained alike'


@dataclass(frozen=True)
class Variant:
    """One row of a table.

    Attributes:
        place: Section or table of the paper, or the kind of change.
        what: Description.
        architecture: Architecture of the network.
        config: Fields of the network's config, as `ddfnet train --config` takes them.
        flow: Name of the flow provider.
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
        variants: The variants by name.
        ours: Name of the variant that the others are compared with.
        ours_label: Words for that variant in the sentence above the table.
        recipe: Training settings of all variants, on top of the recipe `budget`.
        size: Words for the networks' size, for the line below the table.
    """

    variants: Mapping[str, Variant]
    ours: str
    ours_label: str
    recipe: Mapping[str, Any]
    size: str


def _ddfnet(place: str, what: str, field: str) -> Variant:
    return Variant(place, what, 'ddfnet', ('width=32', field))


STRUCTURES = Study(
    variants={
        'concatenation': _ddfnet('Table 3 (a)', 'no attention', 'structure=concatenation'),
        'correlation': _ddfnet('Table 3 (b)', 'correlation alone', 'structure=correlation'),
        'motion': _ddfnet('Table 3 (c)', 'motion alone', 'structure=motion'),
        'warp': _ddfnet('Table 3 (d)', 'correlation, features moved by the flow',
                           'structure=warp'),
        'attention': _ddfnet('Table 3 (e), 4 (b)', 'correlation and motion: the paper\'s',
                                'structure=attention'),
        'ldr': _ddfnet('Table 4 (a)', 'the same, encoding the LDR frames alone',
                          'gamma_corrected=false'),
        'max': _ddfnet('3.2.4', 'the strongest of the frames', 'structure=max'),
        'mean': _ddfnet('3.2.4', 'the mean of the frames', 'structure=mean'),
        'ahdrnet': Variant(_PEER, 'AHDRNet', 'ahdrnet', ('channels=32', 'growth=16')),
        'deephdr': Variant(_PEER, 'DeepHDR', 'deephdr', ('channels=32',)),
        'kalantari17': Variant(_PEER, 'Kalantari17', 'kalantari17', ('channels=[50,50,25]',)),
    },
    ours='attention', ours_label='the paper\'s',
    # As the first run of `base` on a CPU (doc/training.md), except width, length, and what depends
    # on length: learning rate, warm-up, weight average.
    recipe={'vary_brackets': False, 'steps': 800, 'patch': 64, 'batch_size': 2,
            'learning_rate': 4e-4, 'ema_decay': 0.995},
    size='Half the width that each is published with',
)
"""Tables 3 and 4 of the paper, pooling instead of attention (3.2.4), and peers."""


def _fast(place: str, what: str, *config: str, flow: str = 'dis') -> Variant:
    return Variant(place, what, 'fast', config, flow)


FAST = Study(
    variants={
        'shipped': _fast('-', 'as shipped'),
        'unmoved': _fast('motion', 'frames are not offered as moved', 'moved=false'),
        'still': _fast('motion', 'no flow at all', flow='none'),
        'coarse': _fast('resolution', 'cells of 8x8 pixels', 'cell=8'),
        'narrow': _fast('width', '16 and 24 channels', 'channels=16', 'context=24'),
        'wide': _fast('width', '48 and 72 channels', 'channels=48', 'context=72'),
        'shallow': _fast('depth', '2 residual blocks', 'blocks=2'),
        'deep': _fast('depth', '8 residual blocks', 'blocks=8'),
        'residual': _fast('residual', 'a bounded residual is added', 'residual=true'),
        'refined': _fast('resolution', 'weights are refined at full resolution', 'refined=true'),
    },
    ours='shipped', ours_label='the one that is shipped',
    # As `fast` (models/README.md), except length and the weight average that goes with it.
    recipe={'steps': 300, 'patch': 64, 'batch_size': 4, 'ema_decay': 0.98},
    size='32 and 48 channels, but where it says otherwise',
)
"""The small network with one part changed at a time."""

STUDIES = {'structures': STRUCTURES, 'fast': FAST}

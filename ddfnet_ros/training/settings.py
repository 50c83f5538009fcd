# SPDX-License-Identifier: Apache-2.0
"""The training recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ddfnet_ros.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """The budgeted recipe; doc/paper.md says how it differs from Sec. 3.3."""

    architecture: str = setting('fast', 'Network to train.', choices=('fast', 'ddfnet'))
    shortcut: bool = setting(True, 'Let ddfnet decode the difference to the reference, which a '
                             'short training needs (doc/paper.md#table-1).')
    panoramas: str = setting('', 'Folder of HDR panoramas (.exr) that scenes are made from.')
    cutouts: str = setting('', 'Folder of RGBA cut-outs that move through the scenes.')
    run: str = setting('runs/fast', 'Folder of checkpoint and log; an existing run goes on.')
    steps: int = setting(10000, 'Steps of the whole schedule.', bounds=(1, 10**8))
    minutes: float = setting(0.0, 'Stop after this time [min]; 0: when the schedule ends.',
                             bounds=(0.0, 1e6))
    batch_size: int = setting(8, 'Patches per step.', bounds=(1, 4096))
    patch: int = setting(128, 'Side of a patch [px].', bounds=(32, 1024))
    learning_rate: float = setting(1e-3, 'Peak of the warm-up and cosine schedule [-].',
                                   bounds=(1e-7, 1.0))
    warmup: int = setting(200, 'Steps from zero to the peak.', bounds=(0, 10**6))
    decay: float = setting(0.999, 'Exponential moving average of the weights per step [-].',
                           bounds=(0.0, 1.0))
    seed: int = setting(1, 'Seed of scenes and initial weights.', bounds=(0, 2**31))
    workers: int = setting(1, 'Processes that make scenes.', bounds=(0, 256))
    threads: int = setting(1, 'CPU threads of the network.', bounds=(1, 256))
    device: str = setting('auto', 'Torch device.')
    save_every: float = setting(120.0, 'Time between checkpoints [s].', bounds=(1.0, 1e5))

    @property
    def network(self) -> dict[str, Any]:
        """Config of the network, for `network.build`."""
        chosen = {'shortcut': self.shortcut} if self.architecture == 'ddfnet' else {}
        return {'architecture': self.architecture, **chosen}

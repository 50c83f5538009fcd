# SPDX-License-Identifier: Apache-2.0
"""What changes while training goes on: learning rate, and when PWC-Net joins in."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ddfnet_ros.training.settings import TrainingSettings

_COSINE_END = 0.01  # of the highest rate


@dataclass(frozen=True)
class Ramp:
    """A linear rise of the learning rate, for an optimizer whose moments know nothing yet.

    Attributes:
        start: Step that it begins at.
        length: Steps.
    """

    start: int = 0
    length: int = 0

    def factor(self, step: int) -> float:
        """Share of the learning rate to use, in (0, 1]."""
        return min(1.0, (step - self.start + 1) / max(self.length, 1))


@dataclass(frozen=True)
class Schedule:
    """The settings' epochs in steps.

    Attributes:
        settings: Lengths, rates and epochs.
        processes: How many train together, each on batches of its own.
    """

    settings: TrainingSettings
    processes: int = 1

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        patches = self.settings.epochs * self.settings.epoch_patches
        return self.settings.steps or math.ceil(patches / self._step_patches)

    def epoch(self, step: int) -> float:
        """Epochs done before a step."""
        return step * self._step_patches / self.settings.epoch_patches

    def joint(self, step: int) -> bool:
        """Whether PWC-Net is trained along."""
        return self.settings.estimates_motion and self.epoch(step) >= self.settings.joint_from

    def rate(self, step: int, ramp: Ramp) -> float:
        """Learning rate of a step."""
        if self.settings.schedule == 'halving':
            fallen = 0.5 ** sum(self.epoch(step) >= epoch for epoch in self.settings.halvings)
        else:
            done = min(1.0, step / self.steps)
            fallen = _COSINE_END + (1 - _COSINE_END) * 0.5 * (1 + math.cos(math.pi * done))
        return self.settings.learning_rate * ramp.factor(step) * fallen

    @property
    def _step_patches(self) -> int:
        return self.settings.batch_size * self.processes

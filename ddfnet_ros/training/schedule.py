# SPDX-License-Identifier: Apache-2.0
"""Training schedule: number of steps, learning rate, and when PWC-Net is trained jointly."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ddfnet_ros.training.settings import TrainingSettings

_COSINE_END = 0.01  # of the highest rate


@dataclass(frozen=True)
class Ramp:
    """Linear warm-up of the learning rate while the optimizer's moments are still empty.

    Attributes:
        start: Step at which the warm-up begins.
        length: Number of steps.
    """

    start: int = 0
    length: int = 0

    def factor(self, step: int) -> float:
        """Factor on the learning rate at a step, in (0, 1]."""
        return min(1.0, (step - self.start + 1) / max(self.length, 1))


@dataclass(frozen=True)
class Schedule:
    """Converts the settings' epochs to steps and gives the learning rate.

    Attributes:
        settings: Training settings.
        processes: Number of processes that train together, each on its own batches.
    """

    settings: TrainingSettings
    processes: int = 1

    @property
    def steps(self) -> int:
        """Number of steps of the whole training."""
        patches = self.settings.epochs * self.settings.epoch_patches
        return self.settings.steps or math.ceil(patches / self._step_patches)

    def epoch(self, step: int) -> float:
        """Epochs done before a step, as a fraction."""
        return step * self._step_patches / self.settings.epoch_patches

    def trains_flow(self, step: int) -> bool:
        """Whether PWC-Net is trained jointly at a step."""
        return self.settings.estimates_motion and self.epoch(step) >= self.settings.joint_from

    def rate(self, step: int, ramp: Ramp) -> float:
        """Learning rate at a step."""
        if self.settings.schedule == 'halving':
            decay = 0.5 ** sum(self.epoch(step) >= epoch for epoch in self.settings.halvings)
        else:
            done = min(1.0, step / self.steps)
            decay = _COSINE_END + (1 - _COSINE_END) * 0.5 * (1 + math.cos(math.pi * done))
        return self.settings.learning_rate * ramp.factor(step) * decay

    @property
    def _step_patches(self) -> int:
        return self.settings.batch_size * self.processes

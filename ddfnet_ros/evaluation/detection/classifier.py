# SPDX-License-Identifier: Apache-2.0
"""A small network that reads the state of a traffic light off a well-exposed crop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ddfnet_ros.evaluation.detection.crops import CROP, Aim, Picture, cut, white_of
from ddfnet_ros.evaluation.detection.signals import STATES, SignalScene

_CROPS_PER_SCENE = 4
_HEADROOM = (0.9, 2.5)  # white of a correct exposure over what `white_of` finds
_RATE, _BATCH, _EPOCHS = 3e-3, 64, 20

Crops = Float[Tensor, 'n 3 s s']


class StateNet(nn.Module):
    """Three convolutions and a linear layer, 4147 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.states = nn.Linear(16 * (CROP // 8) ** 2, len(STATES))

    def forward(self, crops: Crops) -> Float[Tensor, 'n k']:
        """Scores of the states, in the order of `STATES`."""
        found: Tensor = self.states(self.features(crops - 0.5).flatten(1))
        return found

    @torch.inference_mode()
    def read(self, crops: Sequence[Picture]) -> list[str]:
        """The likeliest state in each crop (24, 24, 3) of LDR values in [0, 1]."""
        names = list(STATES)
        return [names[k] for k in self(_planar(crops)).argmax(1).tolist()]


@dataclass(frozen=True)
class Lesson:
    """Crops, and the states that they show as places in `STATES`."""

    crops: Crops
    states: Int[Tensor, ' n']


def lesson_of(scenes: Iterable[SignalScene], random: np.random.Generator) -> Lesson:
    """Crops of each scene, several, all exposed for the traffic light."""
    crops, states = [], []
    for scene in scenes:
        for _ in range(_CROPS_PER_SCENE):
            headroom = random.uniform(*_HEADROOM)
            crops.append(well_exposed(scene, Aim.random(random), headroom, random))
            states.append(list(STATES).index(scene.state))
    return Lesson(_planar(crops), torch.tensor(states))


def well_exposed(
    scene: SignalScene, aim: Aim, headroom: float, random: np.random.Generator
) -> Picture:
    """A crop of a frame that was exposed for the traffic light.

    Args:
        scene: At the reference's instant, by its sensor.
        aim: Where the crop is.
        headroom: White over what `white_of` finds.
        random: Source of the noise.
    """
    white = headroom * white_of(cut(scene.taken.radiance, scene.box, aim))
    return cut(scene.taken.taken_anew(white, random), scene.box, aim)


def train(lesson: Lesson, seed: int) -> StateNet:
    """Fit a network by Adam with a cosine schedule; half of the crops are shown mirrored."""
    torch.manual_seed(seed)
    net = StateNet()
    optimiser = torch.optim.Adam(net.parameters(), lr=_RATE)
    steps = _EPOCHS * -(-len(lesson.states) // _BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(_EPOCHS):
        for chosen in torch.randperm(len(lesson.states)).split(_BATCH):
            crops = lesson.crops[chosen]
            mirrored = torch.rand(len(crops), 1, 1, 1) < 0.5
            scores = net(torch.where(mirrored, crops.flip(-1), crops))
            optimiser.zero_grad()
            F.cross_entropy(scores, lesson.states[chosen]).backward()
            optimiser.step()
            schedule.step()
    return net.eval()


def _planar(crops: Sequence[Picture]) -> Crops:
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).contiguous()

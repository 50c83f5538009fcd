# SPDX-License-Identifier: Apache-2.0
"""A small network that classifies the state of a traffic light in a well-exposed crop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ddfnet_ros.evaluation.detection.crops import CROP, Aim, Picture, crop_box, white_of
from ddfnet_ros.evaluation.detection.signals import STATES, SignalScene

_CROPS_PER_SCENE = 4
_HEADROOM = (0.9, 2.5)  # range of the white level of training crops over `white_of`
_RATE, _BATCH, _EPOCHS = 3e-3, 64, 20

Crops = Float[Tensor, 'n 3 s s']


class StateNet(nn.Module):
    """Traffic-light classifier: three convolutions and a linear layer, 4147 parameters."""

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
        """The most likely state of each crop, (24, 24, 3) LDR in [0, 1]."""
        names = list(STATES)
        return [names[k] for k in self(_to_tensor(crops)).argmax(1).tolist()]


@dataclass(frozen=True)
class LabelledCrops:
    """Training crops and their labels, which are indices into `STATES`."""

    crops: Crops
    states: Int[Tensor, ' n']


def draw_labelled_crops(
    scenes: Iterable[SignalScene], random: np.random.Generator
) -> LabelledCrops:
    """Take several crops of each scene, all exposed for the traffic light, with labels."""
    crops, states = [], []
    for scene in scenes:
        for _ in range(_CROPS_PER_SCENE):
            headroom = random.uniform(*_HEADROOM)
            crops.append(well_exposed(scene, Aim.random(random), headroom, random))
            states.append(list(STATES).index(scene.state))
    return LabelledCrops(_to_tensor(crops), torch.tensor(states))


def well_exposed(
    scene: SignalScene, aim: Aim, headroom: float, random: np.random.Generator
) -> Picture:
    """A crop of a new frame that is exposed for the traffic light.

    Args:
        scene: The scene; the frame is of the reference's instant and the scene's sensor.
        aim: Position and size of the crop.
        headroom: White level of the exposure over `white_of` the crop.
        random: Generator of the noise.
    """
    white = headroom * white_of(crop_box(scene.capture.radiance, scene.box, aim))
    return crop_box(scene.capture.retake(white, random), scene.box, aim)


def train(labelled: LabelledCrops, seed: int) -> StateNet:
    """Train a network with Adam and a cosine schedule; half of the crops are mirrored."""
    torch.manual_seed(seed)
    net = StateNet()
    optimiser = torch.optim.Adam(net.parameters(), lr=_RATE)
    steps = _EPOCHS * -(-len(labelled.states) // _BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(_EPOCHS):
        for chosen in torch.randperm(len(labelled.states)).split(_BATCH):
            crops = labelled.crops[chosen]
            mirrored = torch.rand(len(crops), 1, 1, 1) < 0.5
            scores = net(torch.where(mirrored, crops.flip(-1), crops))
            optimiser.zero_grad()
            F.cross_entropy(scores, labelled.states[chosen]).backward()
            optimiser.step()
            schedule.step()
    return net.eval()


def _to_tensor(crops: Sequence[Picture]) -> Crops:
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).contiguous()

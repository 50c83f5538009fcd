# SPDX-License-Identifier: Apache-2.0
"""Ranges of what a model's convolutions are given, noted in its card; for 8 bits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ddfnet_ros import network, weights
from ddfnet_ros.runtime.eight_bits import Ranges, input_ranges
from ddfnet_ros.training.batches import Batches
from ddfnet_ros.training.data import data
from ddfnet_ros.training.settings import TrainingSettings

_SIDE = 320  # of the scenes [px]: more than in training, so that things may move further
_SCENES = 2  # of a batch


def calibrate(path: Path, panoramas: Path, cutouts: Path | None, batches: int) -> Ranges:
    """Note in a model's card what its convolutions are given on scenes as it was trained on.

    Args:
        path: Model file; written anew with the same weights.
        panoramas: Folder of .exr panoramas.
        cutouts: Folder of figures; None: none.
        batches: Of two scenes.

    Raises:
        ValueError: a network without a `core`, which is what OpenVINO computes; unusable folders.
    """
    loaded = weights.load(path)
    model: Any = loaded.model
    if not hasattr(model, 'core'):
        raise ValueError(f'{path}: expected a network that OpenVINO computes, such as fast, got '
                         f'{network.describe(model)["architecture"]}')
    settings = TrainingSettings.of('budget', {
        'panoramas': str(panoramas), 'cutouts': str(cutouts or ''), 'patch': _SIDE,
        'batch_size': _SCENES})
    drawn = Batches(data(replace(settings, flow=loaded.card.get('flow', 'dis'))), settings.seed)

    def use() -> None:
        for index in tqdm(range(batches), 'scenes', unit='batch', disable=None):
            batch = drawn.batch(index)
            model(batch.stack, batch.flow, batch.reference_index)

    ranges = input_ranges(model.core, use)
    rounded = {name: [float(f'{value:.4g}') for value in ends] for name, ends in ranges.items()}
    halved = {name: t.half() for name, t in model.state_dict().items()}
    stored_half = weights.checksum(halved) == loaded.sha256
    weights.save(model, path, loaded.card | {'ranges': rounded},
                 torch.float16 if stored_half else torch.float32)
    return ranges

# SPDX-License-Identifier: Apache-2.0
"""Calibrate a model for 8-bit inference: record its convolutions' input ranges in its card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ddfnet_ros import network, weights
from ddfnet_ros.runtime.eight_bits import Ranges, input_ranges
from ddfnet_ros.training.batches import Batches
from ddfnet_ros.training.data import make_draw
from ddfnet_ros.training.settings import TrainingSettings

_SIDE = 320  # of the scenes [px]; larger than in training, so that motion can be larger
_BATCH_SIZE = 2  # scenes


def calibrate(path: Path, panoramas: Path, cutouts: Path | None, batches: int) -> Ranges:
    """Measure the input ranges of a model's convolutions on training scenes, for its card.

    Args:
        path: Model file; rewritten with the same weights.
        panoramas: Folder of .exr panoramas.
        cutouts: Folder of cut-out figures; None for scenes without them.
        batches: Number of batches to run, two scenes each.

    Raises:
        ValueError: the network has no `core` for OpenVINO to compute, or a folder is unusable.
    """
    loaded = weights.load(path)
    model: Any = loaded.model
    if not hasattr(model, 'core'):
        raise ValueError(f'{path}: expected a network that OpenVINO computes, such as fast, got '
                         f'{network.describe(model)["architecture"]}')
    settings = TrainingSettings.from_recipe('budget', {
        'panoramas': str(panoramas), 'cutouts': str(cutouts or ''), 'patch': _SIDE,
        'batch_size': _BATCH_SIZE})
    draw = make_draw(replace(settings, flow=loaded.card.get('flow', 'dis')))
    scenes = Batches(draw, settings.seed)

    def run_model() -> None:
        for index in tqdm(range(batches), 'scenes', unit='batch', disable=None):
            batch = scenes.batch(index)
            model(batch.stack, batch.flow, batch.reference_index)

    ranges = input_ranges(model.core, run_model)
    rounded = {name: [float(f'{value:.4g}') for value in ends] for name, ends in ranges.items()}
    halved = {name: t.half() for name, t in model.state_dict().items()}
    is_half = weights.checksum(halved) == loaded.sha256  # the file stores float16
    weights.save(model, path, loaded.card | {'ranges': rounded},
                 torch.float16 if is_half else torch.float32)
    return ranges

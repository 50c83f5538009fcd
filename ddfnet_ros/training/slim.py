# SPDX-License-Identifier: Apache-2.0
"""Slim checkpoints: the averaged weights as float16, split into files of limited size.

A folder with index.json and step_1200_part_1_of_2.safetensors, ... Training resumes from it with
the same schedule and sample sequence, but the optimizer starts anew and warms up again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ddfnet_ros import weights
from ddfnet_ros.training import checkpoint
from ddfnet_ros.training.checkpoint import Checkpoint

INDEX = 'index.json'

KEPT_PREFIX = 'step_'
"""Names of the checkpoint folders that `keep_every` adds to a run's folder begin with this."""

PART_BYTES = 15 * 2**20
_AVERAGES = ('average', 'flow_average')


def write(stored: Checkpoint, folder: Path) -> list[Path]:
    """Write a slim checkpoint; one already in the folder stays usable until it is replaced.

    Args:
        stored: Full or slim checkpoint to write the averages of.
        folder: Target folder; created if missing.

    Returns:
        The files written, the index first.

    Raises:
        OSError: they cannot be written.
    """
    averages = {f'{part}.{name}': _half(tensor) for part in _AVERAGES
                for name, tensor in stored.part(part).items()}
    parts = list(_split(averages))
    checksums = {}
    for number, part in enumerate(parts, 1):
        name = f'step_{stored.facts["step"]}_part_{number}_of_{len(parts)}{weights.SUFFIX}'
        weights.write(part, folder / name, {})
        checksums[name] = weights.checksum(part)
    index, partial = folder / INDEX, folder / f'{INDEX}.partial'
    partial.write_text(json.dumps({'facts': stored.facts, 'parts': checksums}, indent=1) + '\n')
    partial.replace(index)
    for old in folder.glob(f'step_*_part_*{weights.SUFFIX}'):
        if old.name not in checksums:
            old.unlink()
    return [index, *(folder / name for name in checksums)]


def read(folder: Path) -> Checkpoint:
    """Read a slim checkpoint.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a part is damaged or belongs to another checkpoint.
    """
    index = json.loads((folder / INDEX).read_text())
    tensors: dict[str, Tensor] = {}
    for name, expected in index['parts'].items():
        part = load_file(folder / name) if (folder / name).is_file() else {}
        if (got := weights.checksum(part)) != expected:
            raise ValueError(f'{folder / name}: expected sha256 {expected}, got '
                             f'{got if part else "no file"}; copy all parts again')
        tensors |= part
    return Checkpoint(index['facts'], {name: tensor.float() for name, tensor in tensors.items()})


def read_any(path: Path) -> Checkpoint:
    """Read a full or slim checkpoint.

    Args:
        path: Folder of a run or its checkpoint file, or folder of a slim checkpoint or its index.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it cannot be used.
    """
    folder = path.parent if path.name == INDEX else path
    return read(folder) if (folder / INDEX).is_file() else checkpoint.read(path)


def _split(tensors: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """Split tensors into parts of at most PART_BYTES; a larger tensor is a part of its own."""
    part: dict[str, Tensor] = {}
    size = 0
    for name, tensor in tensors.items():
        if part and size + tensor.nbytes > PART_BYTES:
            yield part
            part, size = {}, 0
        part[name] = tensor
        size += tensor.nbytes
    yield part


def _half(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.dtype == torch.float32 else tensor

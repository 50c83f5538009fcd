# SPDX-License-Identifier: Apache-2.0
"""Slim checkpoints: the averaged weights as float16, in parts that small transfers carry.

A folder with index.json and step_1200_part_1_of_2.safetensors, ... Training goes on from it with
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
from ddfnet_ros.training.checkpoint import Stored

INDEX = 'index.json'

KEPT = 'step_'
"""Begins the names of folders in a run's that `keep_every` asked for."""

PART_BYTES = 15 * 2**20
_AVERAGES = ('average', 'flow_average')


def write(stored: Stored, folder: Path) -> list[Path]:
    """Write a slim checkpoint in place of any that the folder holds, which is usable until then.

    Args:
        stored: A full checkpoint, or a slim one.
        folder: Made if missing.

    Returns:
        The files, the index first.

    Raises:
        OSError: they cannot be written.
    """
    halves = {f'{part}.{name}': _half(tensor) for part in _AVERAGES
              for name, tensor in stored.part(part).items()}
    parts = list(_parts(halves))
    sums = {}
    for number, part in enumerate(parts, 1):
        name = f'step_{stored.facts["step"]}_part_{number}_of_{len(parts)}{weights.SUFFIX}'
        weights.write(part, folder / name, {})
        sums[name] = weights.checksum(part)
    index, fresh = folder / INDEX, folder / f'{INDEX}.partial'
    fresh.write_text(json.dumps({'facts': stored.facts, 'parts': sums}, indent=1) + '\n')
    fresh.replace(index)
    for old in folder.glob(f'step_*_part_*{weights.SUFFIX}'):
        if old.name not in sums:
            old.unlink()
    return [index, *(folder / name for name in sums)]


def read(folder: Path) -> Stored:
    """Read a slim checkpoint.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a part is damaged or of another checkpoint.
    """
    index = json.loads((folder / INDEX).read_text())
    tensors: dict[str, Tensor] = {}
    for name, expected in index['parts'].items():
        part = load_file(folder / name) if (folder / name).is_file() else {}
        if (got := weights.checksum(part)) != expected:
            raise ValueError(f'{folder / name}: expected sha256 {expected}, got '
                             f'{got if part else "no file"}; copy all parts again')
        tensors |= part
    return Stored(index['facts'], {name: tensor.float() for name, tensor in tensors.items()})


def read_any(path: Path) -> Stored:
    """Read a checkpoint of either kind: a run's folder, its file, or a slim one's folder.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it cannot be used.
    """
    folder = path.parent if path.name == INDEX else path
    return read(folder) if (folder / INDEX).is_file() else checkpoint.read(path)


def _parts(tensors: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
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

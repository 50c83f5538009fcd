# SPDX-License-Identifier: Apache-2.0
"""Slim checkpoints: the averaged weights as float16, split into files of limited size.

A folder with index.json and step_1200_part_1_of_2.safetensors, ... Training resumes from it with
the same schedule and sample sequence, but the optimizer starts anew and warms up again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ddfnet_ros import weights
from ddfnet_ros.training import checkpoint
from ddfnet_ros.training.checkpoint import Checkpoint
from ddfnet_ros.whole_files import write_whole

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
    index = folder / INDEX
    text = json.dumps({'facts': stored.facts, 'parts': checksums}, indent=1) + '\n'
    write_whole(index, text.encode())
    for old in folder.glob(f'step_*_part_*{weights.SUFFIX}'):
        if old.name not in checksums:
            old.unlink()
    return [index, *(folder / name for name in checksums)]


def read(folder: Path) -> Checkpoint:
    """Read a slim checkpoint.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: the index or a part is damaged, or a part belongs to another checkpoint.
    """
    facts, checksums = _read_index(folder / INDEX)
    tensors: dict[str, Tensor] = {}
    for name, expected in checksums.items():
        part = _read_part(folder / name)
        if (got := weights.checksum(part)) != expected:
            raise ValueError(f'{folder / name}: expected sha256 {expected}, got '
                             f'{got if part else "no file"}; copy all parts again')
        tensors |= part
    return Checkpoint(facts, {name: tensor.float() for name, tensor in tensors.items()})


def _read_index(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Read the facts, and the checksum of each part."""
    try:
        index = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise _unusable_error(path, f'no JSON ({error})') from error
    facts, parts = (index.get(name) if isinstance(index, dict) else None
                    for name in ('facts', 'parts'))
    if not (isinstance(facts, dict) and {'step', 'seconds', 'settings'} <= facts.keys()
            and isinstance(parts, dict)):
        raise _unusable_error(path, 'other JSON')
    return facts, parts


def _read_part(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path) if path.is_file() else {}
    except SafetensorError as error:
        raise _unusable_error(path, f'a damaged part ({error})') from error


def _unusable_error(path: Path, got: str) -> ValueError:
    return ValueError(f'{path}: expected a slim checkpoint, got {got}; copy it again')


def read_any(path: Path) -> Checkpoint:
    """Read a full or slim checkpoint; a folder that has both gives the full one.

    Args:
        path: Folder of a run or its checkpoint file, or folder of a slim checkpoint or its index.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it cannot be used.
    """
    if path.name == INDEX and path.is_file():
        return read(path.parent)
    # A slim one beside the full one is older, if the run went on.
    is_slim = (path / INDEX).is_file() and not (path / checkpoint.CHECKPOINT).is_file()
    return read(path) if is_slim else checkpoint.read(path)


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

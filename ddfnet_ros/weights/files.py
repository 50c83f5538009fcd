# SPDX-License-Identifier: Apache-2.0
"""Weights files in and out, whole and strictly as their config says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import Tensor, nn

from ddfnet_ros import network
from ddfnet_ros.weights.description import described
from ddfnet_ros.weights.finding import SUFFIX, WeightsError, missing, unusable
from ddfnet_ros.whole_files import write_whole

_LONGEST = 300  # characters of an error of others


@dataclass(frozen=True)
class LoadedModel:
    """A model ready for inference.

    Attributes:
        model: In float32 and eval mode; `network/__init__.py` says how models are called.
        card: What was said about it when it was saved: recipe, data, metrics.
        sha256: Checksum of its tensors, verified.
    """

    model: nn.Module
    card: dict[str, Any]
    sha256: str


def save(model: nn.Module, path: Path | str, card: Mapping[str, Any],
         dtype: torch.dtype = torch.float32) -> str:
    """Write weights, config and card; the file appears whole or not at all.

    Args:
        model: Of an architecture that `network.build` knows.
        path: Ends in .safetensors.
        card: Anything JSON can hold.
        dtype: What floating-point tensors are stored as; float16 halves the file.

    Returns:
        The checksum of the stored tensors.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise WeightsError(f'expected a path that ends in {SUFFIX}, got {path}')
    tensors = {name: _stored(tensor, dtype) for name, tensor in model.state_dict().items()}
    digest = checksum(tensors)
    metadata = {
        'config': json.dumps(network.describe(model)),
        'card': json.dumps(dict(card)),
        'sha256': digest,
    }
    write(tensors, path, metadata)
    return digest


def write(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file that appears whole or not at all, and that others may read.

    Raises:
        OSError: it cannot be written, as on a full disk; a file that was there stays.
    """
    # Not safetensors' own save_file: only their owner may read its files, whatever the umask.
    content = serialise({name: t.contiguous() for name, t in tensors.items()}, dict(metadata))
    write_whole(path, content)


def load(path: Path | str) -> LoadedModel:
    """Read a model that `save` wrote.

    Args:
        path: As `find` returns it.

    Raises:
        WeightsNotFoundError: there is no such file.
        WeightsError: truncated or foreign file, wrong checksum, tensors that do not fit.
    """
    path = Path(path)
    if not path.is_file():
        raise missing(path)
    tensors, metadata = _read(path)
    if (digest := checksum(tensors)) != metadata['sha256']:
        raise unusable(path, f'sha256 {metadata["sha256"]}', digest)
    config, card = described(path, metadata)
    with torch.device('meta'):  # a config takes no memory before its tensors are seen to be here
        _check_fit(path, tensors, _built(path, config).state_dict())
    model = _built(path, config)
    model.load_state_dict(tensors, strict=True)
    return LoadedModel(model.eval(), card, digest)


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over name, type, shape and bytes of every tensor, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}\n'.encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _stored(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    tensor = tensor.detach().cpu()
    return tensor.to(dtype if tensor.is_floating_point() else tensor.dtype).contiguous()


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework='pt') as file:
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise unusable(path, 'a whole safetensors file', str(error)) from error
    if missing := {'config', 'card', 'sha256'} - metadata.keys():
        raise unusable(path, 'a file that ddfnet_ros saved', f'none of {sorted(missing)}')
    return tensors, metadata


def _built(path: Path, config: Mapping[str, Any]) -> nn.Module:
    try:
        return network.build(config)
    except Exception as error:  # a config can be wrong in any way that a layer's arguments can
        problem = shorten(str(error), _LONGEST) or type(error).__name__
        raise unusable(path, 'a config that can be built', problem) from error


def _check_fit(path: Path, got: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    if got.keys() != expected.keys():
        missing, extra = sorted(expected.keys() - got.keys()), sorted(got.keys() - expected.keys())
        raise unusable(path, f'{len(expected)} tensors of its config',
                        f'missing {missing[:3]}, unexpected {extra[:3]}')
    for name, tensor in expected.items():
        if got[name].shape != tensor.shape:
            raise unusable(path, f'{name} of shape {tuple(tensor.shape)}',
                            str(tuple(got[name].shape)))

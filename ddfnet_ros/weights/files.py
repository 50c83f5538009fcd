# SPDX-License-Identifier: Apache-2.0
"""Save and load weights files; a file that does not exactly fit its config is refused."""

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
from ddfnet_ros.weights.description import parse_metadata
from ddfnet_ros.weights.finding import (
    SUFFIX,
    WeightsError,
    missing_file_error,
    unusable_file_error,
)
from ddfnet_ros.whole_files import write_whole

_MAX_ERROR_LENGTH = 300  # characters of another library's error that are quoted


@dataclass(frozen=True)
class LoadedModel:
    """A model ready for inference.

    Attributes:
        model: The network in float32 and eval mode; `network/__init__.py` says how to call it.
        card: Facts saved with the model: recipe, data, metrics.
        sha256: Verified checksum of the stored tensors.
    """

    model: nn.Module
    card: dict[str, Any]
    sha256: str


def save(model: nn.Module, path: Path | str, card: Mapping[str, Any],
         dtype: torch.dtype = torch.float32) -> str:
    """Write weights, config and card; the file appears whole or not at all.

    Args:
        model: Network of an architecture that `network.build` knows.
        path: File to write; must end in .safetensors.
        card: Facts about the model; any values that JSON can hold.
        dtype: Type in which floating-point tensors are stored; float16 halves the file.

    Returns:
        Checksum of the stored tensors.

    Raises:
        WeightsError: the path has another suffix.
        OSError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise WeightsError(f'expected a path that ends in {SUFFIX}, got {path}')
    tensors = _converted(model, dtype)
    digest = checksum(tensors)
    metadata = {
        'config': json.dumps(network.describe(model)),
        'card': json.dumps(dict(card)),
        'sha256': digest,
    }
    write(tensors, path, metadata)
    return digest


def write(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file; it appears whole or not at all.

    Raises:
        OSError: it cannot be written, as on a full disk; an existing file is kept.
    """
    # Not safetensors' save_file: it ignores the umask and lets only the owner read the file.
    content = serialise({name: t.contiguous() for name, t in tensors.items()}, dict(metadata))
    write_whole(path, content)


def load(path: Path | str) -> LoadedModel:
    """Read a model that `save` wrote.

    Args:
        path: Weights file, such as `find` returns.

    Raises:
        WeightsNotFoundError: there is no such file.
        WeightsError: the file is truncated or of another format, its checksum is wrong, or its
            tensors do not fit its config.
    """
    path = Path(path)
    if not path.is_file():
        raise missing_file_error(path)
    tensors, metadata = _read(path)
    if (digest := checksum(tensors)) != metadata['sha256']:
        raise unusable_file_error(path, f'sha256 {metadata["sha256"]}', digest)
    config, card = parse_metadata(path, metadata)
    with torch.device('meta'):  # allocate no memory before the file is known to have the tensors
        _check_fit(path, tensors, _build(path, config).state_dict())
    model = _build(path, config)
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


def stored_checksum(model: nn.Module, dtype: torch.dtype = torch.float32) -> str:
    """Checksum that `save` would give a model."""
    return checksum(_converted(model, dtype))


def _converted(model: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    return {name: _convert(tensor, dtype) for name, tensor in model.state_dict().items()}


def _convert(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Contiguous copy on the CPU, floating-point numbers as `dtype`."""
    tensor = tensor.detach().cpu()
    return tensor.to(dtype if tensor.is_floating_point() else tensor.dtype).contiguous()


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework='pt') as file:
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise unusable_file_error(path, 'a whole safetensors file', str(error)) from error
    if missing := {'config', 'card', 'sha256'} - metadata.keys():
        raise unusable_file_error(
            path, 'a file that ddfnet_ros saved', f'none of {sorted(missing)}')
    return tensors, metadata


def _build(path: Path, config: Mapping[str, Any]) -> nn.Module:
    try:
        return network.build(config)
    except Exception as error:  # wrong layer arguments can raise anything
        problem = shorten(str(error), _MAX_ERROR_LENGTH) or type(error).__name__
        raise unusable_file_error(path, 'a config that can be built', problem) from error


def _check_fit(path: Path, got: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    if got.keys() != expected.keys():
        missing, extra = sorted(expected.keys() - got.keys()), sorted(got.keys() - expected.keys())
        raise unusable_file_error(path, f'{len(expected)} tensors of its config',
                                  f'missing {missing[:3]}, unexpected {extra[:3]}')
    for name, tensor in expected.items():
        if got[name].shape != tensor.shape:
            raise unusable_file_error(path, f'{name} of shape {tuple(tensor.shape)}',
                                      str(tuple(got[name].shape)))

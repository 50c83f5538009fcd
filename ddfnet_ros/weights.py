# SPDX-License-Identifier: Apache-2.0
"""Weights in and out: safetensors with the model's config, its card and a checksum; strict."""

from __future__ import annotations

import hashlib
import json
import os
import reprlib
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
from ddfnet_ros.prefixes import SHARE, install_prefixes
from ddfnet_ros.whole_files import write_whole

SUFFIX = '.safetensors'
_LARGEST = 1024  # of any number in a config: wider or deeper is no network of ours
_LONGEST = 300  # characters of an error of others


class WeightsError(ValueError):
    """A weights file that is there but cannot be used."""


class WeightsNotFoundError(FileNotFoundError):
    """No weights file of that name."""


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
        raise _missing(path)
    tensors, metadata = _read(path)
    if (digest := checksum(tensors)) != metadata['sha256']:
        raise _unusable(path, f'sha256 {metadata["sha256"]}', digest)
    config, card = _described(path, metadata)
    with torch.device('meta'):  # a config takes no memory before its tensors are seen to be here
        _check_fit(path, tensors, _built(path, config).state_dict())
    model = _built(path, config)
    model.load_state_dict(tensors, strict=True)
    return LoadedModel(model.eval(), card, digest)


def find(name: str, models_dir: Path | str = '') -> Path:
    """Find a shipped model by name, or check the path that was given.

    Args:
        name: Such as 'fast', or a path to a .safetensors file.
        models_dir: Searched first, before $DDFNET_MODELS, the install prefix and the checkout.

    Raises:
        WeightsNotFoundError: names the models present.
    """
    path = _at_home(name)
    if path.suffix == SUFFIX or len(path.parts) > 1:
        if path.is_file():
            return path
        raise _missing(path, models_dir)
    for folder in model_folders(models_dir):
        candidate = folder / f'{name}{SUFFIX}'
        if candidate.is_file():
            return candidate
    raise WeightsNotFoundError(
        f'expected a shipped model, got {name!r}; {_remedy(present(models_dir))}')


def present(models_dir: Path | str = '') -> list[str]:
    """Names of the models that `find` finds, sorted."""
    return sorted({p.stem for d in model_folders(models_dir) for p in d.glob(f'*{SUFFIX}')})


def model_folders(models_dir: Path | str = '') -> list[Path]:
    """Where models are looked for, first match wins; folders may be missing."""
    package = Path(__file__).resolve().parent
    given = [models_dir, os.environ.get('DDFNET_MODELS', '')]
    return [
        *(_at_home(folder) for folder in given if folder),
        *(prefix / SHARE / 'models' for prefix in install_prefixes()),
        package.parent / 'models',
    ]


def _at_home(path: Path | str) -> Path:
    """A path whose `~` is a home, or left as it is where there is no such user."""
    return Path(os.path.expanduser(path))  # Path's own raises there


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
        raise _unusable(path, 'a whole safetensors file', str(error)) from error
    if missing := {'config', 'card', 'sha256'} - metadata.keys():
        raise _unusable(path, 'a file that ddfnet_ros saved', f'none of {sorted(missing)}')
    return tensors, metadata


def _described(path: Path, metadata: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Config and card, if they are objects and the config's sizes are those of a network."""
    try:
        config, card = (json.loads(metadata[name]) for name in ('config', 'card'))
    except (ValueError, RecursionError) as error:
        raise _unusable(path, 'config and card in JSON', str(error)) from error
    if not (isinstance(config, dict) and isinstance(card, dict)):
        raise _unusable(path, 'config and card as objects', 'something else')
    for name, size in config.items():
        if isinstance(size, (int, float)) and not -_LARGEST <= size <= _LARGEST:
            raise _unusable(path, f'{name} up to {_LARGEST}', reprlib.repr(size))
    return config, card


def _built(path: Path, config: Mapping[str, Any]) -> nn.Module:
    try:
        return network.build(config)
    except Exception as error:  # a config can be wrong in any way that a layer's arguments can
        problem = shorten(str(error), _LONGEST) or type(error).__name__
        raise _unusable(path, 'a config that can be built', problem) from error


def _check_fit(path: Path, got: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    if got.keys() != expected.keys():
        missing, extra = sorted(expected.keys() - got.keys()), sorted(got.keys() - expected.keys())
        raise _unusable(path, f'{len(expected)} tensors of its config',
                        f'missing {missing[:3]}, unexpected {extra[:3]}')
    for name, tensor in expected.items():
        if got[name].shape != tensor.shape:
            raise _unusable(path, f'{name} of shape {tuple(tensor.shape)}',
                            str(tuple(got[name].shape)))


def _missing(path: Path, models_dir: Path | str = '') -> WeightsNotFoundError:
    return WeightsNotFoundError(
        f'expected a weights file, got no {path}; {_present_near(path, models_dir)}')


def _unusable(path: Path, expected: str, got: str) -> WeightsError:
    return WeightsError(f'{path}: expected {expected}, got {got}; copy the file again, or '
                        f'{_present_near(path)}')


def _present_near(path: Path, models_dir: Path | str = '') -> str:
    others = {p.stem for p in path.parent.glob(f'*{SUFFIX}')} - {path.stem}
    return _remedy(sorted(others.union(present(models_dir))))


def _remedy(names: list[str]) -> str:
    return f'choose one of those present: {", ".join(names) or "none"}'

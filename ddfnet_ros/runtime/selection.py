# SPDX-License-Identifier: Apache-2.0
"""Choose the device, model, flow and precision; `auto` means what suits this machine."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ddfnet_ros import network, weights
from ddfnet_ros.flow.providers import PROVIDERS, FlowProvider, provider
from ddfnet_ros.network.layers import PreciseConv2d
from ddfnet_ros.runtime.eight_bits import Ranges

_AMPERE = 8, 0  # least compute capability of GPUs with bfloat16

# First the model meant for the device, then what else it can run in real time. `base` comes last:
# the paper's network needs 265 times the arithmetic of `fast`, too much for a CPU.
_AUTO = {'cuda': ('denoise', 'fast', 'base'), 'cpu': ('fast',)}

_log = logging.getLogger(__name__)


def choose_device(name: str) -> torch.device:
    """Turn auto, cpu, cuda or cuda:1 into a device that is there.

    Raises:
        ValueError: the device is unknown or not there.
    """
    if name == 'auto':
        return torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in _AUTO:
        raise ValueError(f'device: expected auto, cpu, cuda or cuda:N, got {name!r}; name '
                         'one of these')
    count = torch.cuda.device_count()
    if device.type == 'cuda' and (device.index or 0) >= count:
        raise ValueError(f'device: expected one that is there, got {name!r} on a machine with '
                         f'{count} usable CUDA devices; use cpu or auto')
    return device


def choose_model(name: str, device: torch.device) -> Path:
    """Find the weights of a model by name or path; auto takes the best one for the device.

    Raises:
        FileNotFoundError: no such weights; names those present.
    """
    if name != 'auto':
        return weights.find(name)
    wanted = _AUTO[device.type]
    shipped = weights.present()
    for candidate in wanted:
        if candidate in shipped:
            if candidate != wanted[0]:
                _log.warning('model auto: %s is not here yet, using %s', wanted[0], candidate)
            return weights.find(candidate)
    return weights.find(wanted[0])  # raises, naming what there is


def load_fusion(path: Path) -> weights.LoadedModel:
    """Load the weights of a network that fuses; weights of flow networks are in the same folder.

    Raises:
        ValueError: the weights cannot be used, are those of a flow network, or were trained with
            a flow provider that is not known.
    """
    loaded = weights.load(path)
    if network.describe(loaded.model)['architecture'] in PROVIDERS:
        raise ValueError(f'{path}: expected a model that fuses frames, got one that estimates '
                         'their motion; choose base, denoise or fast')
    if (flow := loaded.card.get('flow', 'dis')) not in PROVIDERS:
        raise ValueError(f'{path}: expected flow in its card to be one of {", ".join(PROVIDERS)}, '
                         f'got {flow!r}; update ddfnet_ros, or choose another model')
    return loaded


def choose_flow(
    card: Mapping[str, Any], device: torch.device, folder: Path | str = ''
) -> FlowProvider:
    """Load the flow provider that a model was trained with.

    Args:
        card: Card of the model. `flow` names the provider; `flow_sha256` is the checksum of a flow
            network's weights.
        device: Device that a flow network runs on.
        folder: Folder of the model; a flow network's weights are looked for there first.

    Raises:
        ValueError: the provider is unknown, or its weights are not those that the model was
            trained with.
        FileNotFoundError: its weights are not there.
    """
    def load(name: str) -> nn.Module:
        path = weights.find(name, folder)
        loaded = weights.load(path)
        expected = card.get('flow_sha256', loaded.sha256)
        if loaded.sha256 != expected:
            raise ValueError(f'{path}: expected sha256 {expected}, which the model was trained '
                             f'with, got {loaded.sha256}; copy the file that came with the model')
        return move_(loaded.model, device)

    return provider(card.get('flow', 'dis'), load)


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """Choose the type of the convolutions; auto is bfloat16 where the device has it natively.

    For int8, this is the type of everything but the 8-bit convolutions.
    """
    if name == 'bfloat16' or (name in ('auto', 'int8') and _has_bfloat16(device)):
        return torch.bfloat16
    return torch.float32


def choose_ranges(
    name: str, backend: str, device: torch.device, card: Mapping[str, Any]
) -> Ranges | None:
    """Input ranges of the convolutions if they are to be computed in 8 bits, else None.

    Args:
        name: Precision as in the settings; auto is int8 where the CPU has instructions for it.
        backend: Backend as in the settings; only openvino, which auto may become, has 8 bits.
        device: Device that the model runs on.
        card: Card of the model; has the ranges if they were measured.

    Raises:
        ValueError: int8 was asked for, but is not possible.
    """
    possible = device.type == 'cpu' and backend != 'torch' and 'ranges' in card
    if name == 'int8' and not possible:
        got = 'no ranges' if 'ranges' not in card else f'{backend} on {device}'
        raise ValueError('precision: expected OpenVINO on a CPU and a model with ranges for int8, '
                         f'got {got}; ddfnet weights calibrate measures them, or use auto')
    wanted = name == 'int8' or (name == 'auto' and _has_int8())
    return {k: (float(low), float(high)) for k, (low, high) in card['ranges'].items()} \
        if possible and wanted else None


def move_(model: Any, device: torch.device) -> nn.Module:
    """Move a network in place, with channels_last weights; returns it."""
    moved: nn.Module = model.to(device, memory_format=torch.channels_last)
    return moved


def cast_convolutions_(model: Any, dtype: torch.dtype) -> None:
    """Cast in place, once, the weights that autocast would cast at every call."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and not isinstance(
                layer, PreciseConv2d):
            layer.to(dtype)


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == 'cuda':
        return torch.cuda.get_device_capability(device) >= _AMPERE
    return _cpu_has('amx_bf16', 'avx512_bf16')


def _has_int8() -> bool:
    return _cpu_has('amx_int8', 'avx512_vnni', 'avx_vnni')


def _cpu_has(*instructions: str) -> bool:
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in instructions)

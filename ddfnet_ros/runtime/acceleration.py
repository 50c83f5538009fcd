# SPDX-License-Identifier: Apache-2.0
"""Choose what computes a model: torch, OpenVINO or TensorRT; and kernels for per-pixel work."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch

from ddfnet_ros import weights
from ddfnet_ros.flow.dis import DISFlow
from ddfnet_ros.flow.providers import FlowProvider
from ddfnet_ros.kernels.cells import CELL
from ddfnet_ros.network.fast import FastFusion
from ddfnet_ros.network.fast_core import FastConfig
from ddfnet_ros.runtime.eight_bits import Ranges
from ddfnet_ros.runtime.openvino_core import OpenVINOCore
from ddfnet_ros.runtime.tensorrt.builder import check as check_tensorrt

if TYPE_CHECKING:
    from ddfnet_ros.runtime.kernel_pipeline import KernelPipeline

_log = logging.getLogger(__name__)


def install_backend(
    model: Any, backend: str, device: torch.device, dtype: torch.dtype,
    ranges: Ranges | None = None,
) -> str:
    """Choose what computes a model's convolutions; for OpenVINO, replace `model.core`.

    Args:
        model: The network, on its device.
        backend: auto, torch, openvino or tensorrt, as in the settings.
        device: Device of the model.
        dtype: Type that the convolutions compute in.
        ranges: Ranges of the convolutions' inputs, to compute in 8 bits; None: not in 8 bits.

    Returns:
        torch, openvino or tensorrt.

    Raises:
        ValueError: openvino or tensorrt was asked for, but cannot run here.
    """
    if backend == 'tensorrt':
        check_tensorrt(device)
        return backend
    has_core_on_cpu = device.type == 'cpu' and hasattr(model, 'core')
    if backend == 'torch' or (backend == 'auto' and not has_core_on_cpu):
        return 'torch'
    if not has_core_on_cpu:
        raise ValueError(f'backend: expected a model with a core and device cpu for openvino, got '
                         f'{type(model).__name__} on {device}; use auto')
    try:
        model.core = OpenVINOCore(model.core, dtype, torch.get_num_threads(), ranges)
    except ImportError:
        if backend == 'openvino':
            raise ValueError('backend: expected OpenVINO to be installed, got none; '
                             'pip install openvino, or use auto') from None
        return 'torch'
    return 'openvino'


def choose_network(
    loaded: weights.LoadedModel, backend: str, device: torch.device, dtype: torch.dtype
) -> Any:
    """The network itself, or a `TensorRTFusion` that runs it.

    Args:
        loaded: The loaded model, on its device.
        backend: As `install_backend` returned it.
        device: Device of the model.
        dtype: Type that the convolutions compute in.
    """
    if backend != 'tensorrt':
        return loaded.model
    from ddfnet_ros.runtime.tensorrt.fusion import TensorRTFusion

    return TensorRTFusion(loaded.model, device, dtype, loaded.sha256)


def kernel_pipeline(
    model: Any, flow: FlowProvider, backend: str, dtype: torch.dtype
) -> KernelPipeline | None:
    """Create the pipeline of the small network on CPUs, with kernels for all per-pixel work.

    Args:
        model: The loaded network.
        flow: The flow provider that it was trained with.
        backend: As `install_backend` returned it; only openvino is combined with kernels.
        dtype: Type that the convolutions compute in.

    Returns:
        None where the kernels do not support the model, or Numba is not installed.
    """
    if not (backend == 'openvino' and isinstance(model, FastFusion) and isinstance(flow, DISFlow)
            and _kernels_support(model.config)):
        return None
    try:
        from ddfnet_ros.runtime.kernel_pipeline import KernelPipeline
    except (ImportError, OSError) as error:  # not installed, or for another NumPy or system
        _log.warning('torch works on pixels, which takes twice the time: expected Numba, got: %s; '
                     'pip install numba', error)
        return None
    pipeline = KernelPipeline(model, flow, dtype)
    pipeline.compile()
    return pipeline


def _kernels_support(config: FastConfig) -> bool:
    """Whether the kernels can do all per-pixel work of a small network of this kind."""
    return config.cell == CELL and config.moved and not (config.residual or config.refined)

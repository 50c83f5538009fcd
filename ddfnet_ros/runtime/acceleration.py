# SPDX-License-Identifier: Apache-2.0
"""Who computes a model: torch, OpenVINO, TensorRT, and compiled kernels for what is per pixel."""

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
    """Choose who computes a model's convolutions; for OpenVINO, replace `model.core` by it.

    Args:
        model: The network, on its device.
        backend: auto, torch, openvino or tensorrt, as in the settings.
        device: Where the model is.
        dtype: Type of its convolutions.
        ranges: Ranges of their inputs, to compute them in 8 bits; None: not.

    Returns:
        torch, openvino or tensorrt.

    Raises:
        ValueError: openvino or tensorrt was asked for and cannot do it.
    """
    if backend == 'tensorrt':
        check_tensorrt(device)
        return backend
    able = device.type == 'cpu' and hasattr(model, 'core')
    if backend == 'torch' or (backend == 'auto' and not able):
        return 'torch'
    if not able:
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
    """The network itself, or TensorRT in its place.

    Args:
        loaded: On its device.
        backend: Who computes it, as `install_backend` told.
        device: Where it is.
        dtype: What its convolutions are computed in.
    """
    if backend != 'tensorrt':
        return loaded.model
    from ddfnet_ros.runtime.tensorrt.fusion import TensorRTFusion

    return TensorRTFusion(loaded.model, device, dtype, loaded.sha256)


def kernel_pipeline(
    model: Any, flow: FlowProvider, backend: str, dtype: torch.dtype
) -> KernelPipeline | None:
    """The way of the small network over CPUs that has kernels for all that is done per pixel.

    Args:
        model: Loaded.
        flow: That it was trained with.
        backend: Who computes its convolutions; with torch, all is done by torch.
        dtype: What they are computed in.

    Returns:
        None where it is not made for this model, or Numba is not installed.
    """
    if not (backend == 'openvino' and isinstance(model, FastFusion) and isinstance(flow, DISFlow)
            and _have_kernels(model.config)):
        return None
    try:
        from ddfnet_ros.runtime.kernel_pipeline import KernelPipeline
    except (ImportError, OSError) as error:  # not there, or not of this NumPy or system
        _log.warning('torch works on pixels, which takes twice the time: expected Numba, got: %s; '
                     'pip install numba', error)
        return None
    pipeline = KernelPipeline(model, flow, dtype)
    pipeline.compile()
    return pipeline


def _have_kernels(config: FastConfig) -> bool:
    """Whether the kernels do all that a small network of this kind does per pixel."""
    return config.cell == CELL and config.moved and not (config.residual or config.refined)

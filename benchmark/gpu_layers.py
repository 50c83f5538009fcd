# SPDX-License-Identifier: Apache-2.0
"""Peak rates of a device, and the time of each convolution of the paper's network on it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ddfnet_ros import weights
from ddfnet_ros.network.layers import SharedConv2d
from ddfnet_ros.runtime.selection import cast_convolutions_, move_

FRAMES, REFERENCE = 3, 1
_MATRIX = {'cuda': 8192, 'cpu': 1024}  # rows and columns
_COPIED = {'cuda': 2**30, 'cpu': 2**26}  # bytes; larger than any cache
_REPEATS, _WARM_UPS = 30, 10


def matrix_rate(device: str, dtype: torch.dtype) -> float:
    """TFLOP/s of a large matrix product; float32 uses TF32 where torch's convolutions do."""
    side = _MATRIX[device]
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    try:
        return round(2 * side**3 / (_median_ms(device, lambda: a @ b) * 1e-3) / 1e12, 3)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def memory_rate(device: str) -> float:
    """Memory bandwidth of a large copy, reads plus writes [GB/s]."""
    a, b = (torch.empty(_COPIED[device], dtype=torch.uint8, device=device) for _ in range(2))
    return round(2 * a.numel() / (_median_ms(device, lambda: b.copy_(a)) * 1e-3) / 1e9, 1)


def profile(size: tuple[int, int], device: str, repeats: int, warm_ups: int) -> dict[str, Any]:
    """Profile each convolution of `base` in bfloat16: time, operations and bytes moved.

    Args:
        size: Width and height of the frames [px].
        device: 'cuda' or 'cpu'.
        repeats: Number of timed forward passes; medians are reported.
        warm_ups: Number of passes before them.

    Returns:
        A dict ready for JSON: `layers` in order, and `between_ms`, the time outside of them.
    """
    width, height = size
    model = move_(weights.load(weights.find('base')).model, torch.device(device))
    cast_convolutions_(model, torch.bfloat16)
    inputs = [x.to(device) for x in example(height, width)]
    taken: dict[str, list[float]] = {}
    whole, work = [], dict[str, dict[str, float]]()
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16):
        for _ in range(warm_ups):
            model(*inputs, REFERENCE)
        for _ in range(repeats):
            with _record_layers(model, device, work) as marks:
                whole.append(_ms(device, lambda: model(*inputs, REFERENCE)))
            for name, start, end in marks:
                taken.setdefault(name, []).append(_ms_between(device, start, end))
    layers = [{'name': name, 'ms': round(statistics.median(ms), 4), **work[name]}
              for name, ms in taken.items()]
    total = statistics.median(whole)
    return {'run': 'base, bfloat16', 'width': width, 'height': height,
            'total_ms': round(total, 3), 'layers': layers,
            'between_ms': round(total - sum(layer['ms'] for layer in layers), 3)}


def example(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Random input stack (1, N, 6, H, W) and flow (1, N - 1, 2, H, W)."""
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(1, FRAMES, 6, height, width, generator=generator),
            torch.randn(1, FRAMES - 1, 2, height, width, generator=generator))


@contextmanager
def _record_layers(
    model: nn.Module, device: str, work: dict[str, dict[str, float]]
) -> Iterator[list[tuple[str, Any, Any]]]:
    """Time each convolution called within the `with`; yields the marks and fills `work`."""
    marks: list[tuple[str, Any, Any]] = []
    start: dict[str, Any] = {}
    hooks = []
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d | SharedConv2d):
            def before(_layer: nn.Module, _given: Any, name: str = name) -> None:
                start[name] = _mark_time(device)

            def after(layer: nn.Module, inputs: Any, result: Tensor, name: str = name) -> None:
                marks.append((name, start[name], _mark_time(device)))
                work[name] = _layer_cost(layer, inputs, result)

            hooks += [layer.register_forward_pre_hook(before), layer.register_forward_hook(after)]
    try:
        yield marks
    finally:
        for hook in hooks:
            hook.remove()


def _layer_cost(layer: nn.Module, inputs: tuple[Tensor, ...], result: Tensor) -> dict[str, float]:
    """Operations [GFLOP], and minimum memory traffic: inputs, kernels and result [MB]."""
    kernels = layer.conv.weight if isinstance(layer, SharedConv2d) else layer.weight
    assert isinstance(kernels, Tensor)
    # At stride 1 each input value is multiplied by each tap of each kernel once (Sec. 3.3).
    taps = len(kernels) * kernels.shape[2] * kernels.shape[3]
    moved = sum(x.numel() * x.element_size() for x in (*inputs, kernels, result))
    return {'gflop': round(2e-9 * taps * sum(x.numel() for x in inputs), 4),
            'mb': round(moved * 1e-6, 3)}


def _median_ms(device: str, work: Callable[[], Any]) -> float:
    return statistics.median([_ms(device, work) for _ in range(_REPEATS)][_WARM_UPS:])


def _ms(device: str, work: Callable[[], Any]) -> float:
    """Time of `work` on the device [ms]."""
    start = _mark_time(device)
    work()
    return _ms_between(device, start, _mark_time(device))


def _mark_time(device: str) -> Any:
    if device == 'cpu':
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def _ms_between(device: str, start: Any, end: Any) -> float:
    if device == 'cpu':
        return float(end - start) * 1e3
    end.synchronize()
    return float(start.elapsed_time(end))

# SPDX-License-Identifier: Apache-2.0
"""What a device can do, and what each convolution of the paper's network makes of it."""

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
_COPIED = {'cuda': 2**30, 'cpu': 2**26}  # bytes, which no cache holds
_REPEATS, _WARM_UPS = 30, 10


def matrix_rate(device: str, dtype: torch.dtype) -> float:
    """TFLOP/s of a large matrix product; float32 as torch computes convolutions, in TF32."""
    side = _MATRIX[device]
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    try:
        return round(2 * side**3 / (_median_ms(device, lambda: a @ b) * 1e-3) / 1e12, 3)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def memory_rate(device: str) -> float:
    """GB/s that a large copy reads and writes."""
    a, b = (torch.empty(_COPIED[device], dtype=torch.uint8, device=device) for _ in range(2))
    return round(2 * a.numel() / (_median_ms(device, lambda: b.copy_(a)) * 1e-3) / 1e9, 1)


def profile(size: tuple[int, int], device: str, repeats: int, warm_ups: int) -> dict[str, Any]:
    """Each convolution of `base` in half precision: time, arithmetic, and what it moves.

    Args:
        size: Width and height of the frames.
        device: 'cuda' or 'cpu'.
        repeats: Whole passes, of which medians are taken.
        warm_ups: Before them.

    Returns:
        JSON-ready: `layers` in their order, and `between_ms` for all that lies between them.
    """
    width, height = size
    model = move_(weights.load(weights.find('base')).model, torch.device(device))
    cast_convolutions_(model, torch.bfloat16)
    given = [x.to(device) for x in example(height, width)]
    taken: dict[str, list[float]] = {}
    whole, work = [], dict[str, dict[str, float]]()
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16):
        for _ in range(warm_ups):
            model(*given, REFERENCE)
        for _ in range(repeats):
            with _listening(model, device, work) as marks:
                whole.append(_ms(device, lambda: model(*given, REFERENCE)))
            for name, begun, done in marks:
                taken.setdefault(name, []).append(_ms_between(device, begun, done))
    layers = [{'name': name, 'ms': round(statistics.median(ms), 4), **work[name]}
              for name, ms in taken.items()]
    total = statistics.median(whole)
    return {'run': 'base, bfloat16', 'width': width, 'height': height,
            'total_ms': round(total, 3), 'layers': layers,
            'between_ms': round(total - sum(layer['ms'] for layer in layers), 3)}


def example(height: int, width: int) -> tuple[Tensor, Tensor]:
    """A stack and its flow, of noise."""
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(1, FRAMES, 6, height, width, generator=generator),
            torch.randn(1, FRAMES - 1, 2, height, width, generator=generator))


@contextmanager
def _listening(
    model: nn.Module, device: str, work: dict[str, dict[str, float]]
) -> Iterator[list[tuple[str, Any, Any]]]:
    """Marks before and after each convolution of what is called inside; notes their work."""
    marks: list[tuple[str, Any, Any]] = []
    begun: dict[str, Any] = {}
    hooks = []
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d | SharedConv2d):
            def before(_layer: nn.Module, _given: Any, name: str = name) -> None:
                begun[name] = _mark(device)

            def after(layer: nn.Module, given: Any, made: Tensor, name: str = name) -> None:
                marks.append((name, begun[name], _mark(device)))
                work[name] = _work(layer, given, made)

            hooks += [layer.register_forward_pre_hook(before), layer.register_forward_hook(after)]
    try:
        yield marks
    finally:
        for hook in hooks:
            hook.remove()


def _work(layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> dict[str, float]:
    """Operations, and the bytes of inputs, kernels and result: the least that has to be moved."""
    kernels = layer.conv.weight if isinstance(layer, SharedConv2d) else layer.weight
    assert isinstance(kernels, Tensor)
    # At stride 1 each value of the input meets each tap of each kernel once (Sec. 3.3).
    taps = len(kernels) * kernels.shape[2] * kernels.shape[3]
    moved = sum(x.numel() * x.element_size() for x in (*given, kernels, made))
    return {'gflop': round(2e-9 * taps * sum(x.numel() for x in given), 4),
            'mb': round(moved * 1e-6, 3)}


def _median_ms(device: str, work: Callable[[], Any]) -> float:
    return statistics.median([_ms(device, work) for _ in range(_REPEATS)][_WARM_UPS:])


def _ms(device: str, work: Callable[[], Any]) -> float:
    """Milliseconds on the device."""
    begun = _mark(device)
    work()
    return _ms_between(device, begun, _mark(device))


def _mark(device: str) -> Any:
    if device == 'cpu':
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def _ms_between(device: str, begun: Any, done: Any) -> float:
    if device == 'cpu':
        return float(done - begun) * 1e3
    done.synchronize()
    return float(begun.elapsed_time(done))

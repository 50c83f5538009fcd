# SPDX-License-Identifier: Apache-2.0
"""Many brackets in one process: what tracemalloc, the kernel and CUDA say was kept of them."""

from __future__ import annotations

import argparse
import gc
import os
import tracemalloc
from typing import Any

import torch

from benchmark.node import EXPOSURES, SIZES, textured
from benchmark.soak_load import GROWTH, sample
from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.settings import DeghosterSettings

_ROUNDING_MB = 0.1


def brackets(options: argparse.Namespace) -> dict[str, Any]:
    """Fuse many, after a tenth of them as a warm-up, and compare what is held before and after."""
    size, count = options.size or 'small', options.count or 10_000
    fuse = Deghoster(DeghosterSettings(model=options.model, device=options.device,
                                       threads=options.threads))
    bracket = Bracket.of(Frame(pixels=p, exposure_time=t) for p, t in
                         zip(textured(SIZES[size]), EXPOSURES, strict=True))
    tracemalloc.start()
    held = []
    for _ in range(11):
        for _ in range(max(3, count // 10)):
            fuse(bracket)
        held.append(_held(fuse.device))
    tracemalloc.stop()
    before, after = held[0], held[-1]
    return {'size': size, 'brackets': count, 'before': before, 'after': after,
            'series': [list(now.values()) for now in held],
            'broken': [f'{name} grew from {before[name]:.2f} to {after[name]:.2f}'
                       for name in after
                       if after[name] > before[name] * (1 + GROWTH) + _ROUNDING_MB]}


def _held(device: str) -> dict[str, float]:
    gc.collect()
    cuda = torch.cuda.memory_allocated() if device.startswith('cuda') else 0
    held = {'python_mb': tracemalloc.get_traced_memory()[0] / 2**20, 'cuda_mb': cuda / 2**20,
            'resident_mb': sample(os.getpid(), 0).memory_mb}
    return {name: round(value, 3) for name, value in held.items()}

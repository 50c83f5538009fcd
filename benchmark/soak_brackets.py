# SPDX-License-Identifier: Apache-2.0
"""Fuse many brackets in one process and measure the growth of Python, process and CUDA memory."""

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

_TOLERANCE_MB = 0.1


def brackets(options: argparse.Namespace) -> dict[str, Any]:
    """Fuse many brackets and compare memory after a warm-up of a tenth with that at the end."""
    size, count = options.size or 'small', options.count or 10_000
    fuse = Deghoster(DeghosterSettings(model=options.model, device=options.device,
                                       threads=options.threads))
    bracket = Bracket.of(Frame(pixels=p, exposure_time=t) for p, t in
                         zip(textured(SIZES[size]), EXPOSURES, strict=True))
    tracemalloc.start()
    series = []
    for _ in range(11):
        for _ in range(max(3, count // 10)):
            fuse(bracket)
        series.append(_memory_mb(fuse.device))
    tracemalloc.stop()
    before, after = series[0], series[-1]
    return {'size': size, 'brackets': count, 'before': before, 'after': after,
            'series': [list(now.values()) for now in series],
            'broken': [f'{name} grew from {before[name]:.2f} to {after[name]:.2f}'
                       for name in after
                       if after[name] > before[name] * (1 + GROWTH) + _TOLERANCE_MB]}


def _memory_mb(device: str) -> dict[str, float]:
    gc.collect()
    cuda = torch.cuda.memory_allocated() if device.startswith('cuda') else 0
    series = {'python_mb': tracemalloc.get_traced_memory()[0] / 2**20, 'cuda_mb': cuda / 2**20,
            'resident_mb': sample(os.getpid(), 0).memory_mb}
    return {name: round(value, 3) for name, value in series.items()}

# SPDX-License-Identifier: Apache-2.0
"""Measure time and memory of a fusion call, and OpenCV's AlignMTB + MergeMertens beside it."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.radiance import GAMMA
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.machine import processor

_RATIO = 4.0  # ratio of neighbouring exposures
_STEP = 3  # pixels that the scene moves between two frames
_WARM_UPS = 4  # calls until memory has reached its peak


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Cost of a fusion call, and of OpenCV's exposure fusion on the same frames.

    Attributes:
        model: Name of the weights.
        device: Torch device.
        backend: Library that computes the convolutions.
        precision: Precision of the convolutions.
        processor: Name of the processor or GPU.
        threads: CPU threads of the network.
        width: Width of the frames [px].
        height: Height of the frames [px].
        frames: Number of frames in the bracket.
        repeats: Number of timed calls of each method.
        median_ms: Median time of a call, from 8-bit frames to 8-bit image and float radiance,
            flow included.
        iqr_ms: Interquartile range of that time.
        stage_ms: Median time of each stage.
        peak_mib: Peak resident memory during the calls, minus that after loading; None if the
            system does not report it.
        mertens_median_ms: Median time of AlignMTB + MergeMertens.
        mertens_iqr_ms: Interquartile range of that time.
        ratio: median_ms / mertens_median_ms.
    """

    model: str
    device: str
    backend: str
    precision: str
    processor: str
    threads: int
    width: int
    height: int
    frames: int
    repeats: int
    median_ms: float
    iqr_ms: float
    stage_ms: dict[str, float]
    peak_mib: float | None
    mertens_median_ms: float
    mertens_iqr_ms: float
    ratio: float


def measure(deghoster: Deghoster, size: tuple[int, int], frames: int, repeats: int) -> Speed:
    """Time a deghoster and OpenCV in alternation, so that both run under the same load.

    Args:
        deghoster: A model that is loaded but was not yet called with this size.
        size: Width and height of the frames [px].
        frames: Number of exposures in the bracket.
        repeats: Number of timed calls of each method.
    """
    bracket = moving_bracket(size, frames)
    images = [np.ascontiguousarray(frame.pixels) for frame in bracket.frames]
    gc.collect()
    loaded = _resident_mib('VmRSS')
    _reset_peak_memory()
    ours, theirs, stages = [], [], []
    with tqdm(total=_WARM_UPS + repeats, desc='timing', leave=False, disable=None) as bar:
        for _ in range(_WARM_UPS):
            deghoster(bracket)
            bar.update()
        peak = _resident_mib('VmHWM')
        align_and_merge(images)
        for _ in range(repeats):
            ours.append(_time_ms(lambda: stages.append(deghoster(bracket).stage_ms)))
            theirs.append(_time_ms(lambda: align_and_merge(images)))
            bar.update()
    return Speed(
        model=deghoster.model_name, device=deghoster.device, backend=deghoster.backend,
        precision=deghoster.precision, processor=processor(deghoster.device),
        threads=torch.get_num_threads(),
        width=size[0], height=size[1], frames=frames, repeats=repeats,
        median_ms=_median(ours), iqr_ms=_iqr(ours),
        stage_ms={name: _median([s[name] for s in stages]) for name in stages[0]},
        peak_mib=None if peak is None or loaded is None else round(peak - loaded, 1),
        mertens_median_ms=_median(theirs), mertens_iqr_ms=_iqr(theirs),
        ratio=round(_median(ours) / _median(theirs), 3),
    )


def align_and_merge(images: Sequence[npt.NDArray[Any]]) -> Any:
    """OpenCV's exposure fusion after median threshold bitmap alignment; float32 (H, W, 3)."""
    aligned = [image.copy() for image in images]
    cv2.createAlignMTB().process(images, aligned)
    return cv2.createMergeMertens().process(aligned)


def moving_bracket(size: tuple[int, int], frames: int) -> Bracket:
    """Bracket of a textured scene that shifts by a few pixels from frame to frame."""
    width, height = size
    margin = _STEP * frames
    random = np.random.default_rng(0)
    coarse = random.uniform(-7, 0, (height // 16 + 2, (width + margin) // 16 + 2, 3))
    fine = random.uniform(-0.3, 0.3, (height, width + margin, 1))
    smooth = cv2.resize(coarse, (width + margin, height), interpolation=cv2.INTER_CUBIC)
    radiance = np.exp2(smooth + fine)
    times = [_RATIO**k for k in range(frames)]
    return Bracket.of(
        Frame(pixels=_expose(radiance[:, _STEP * k:_STEP * k + width], t), exposure_time=t)
        for k, t in enumerate(times))


def _expose(radiance: npt.NDArray[np.float64], exposure: float) -> npt.NDArray[np.uint8]:
    return (np.clip(radiance * exposure, 0, 1) ** (1 / GAMMA) * 255).astype(np.uint8)


def _time_ms(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3


def _median(values: list[float]) -> float:
    return round(statistics.median(values), 2)


def _iqr(values: list[float]) -> float:
    low, _, high = statistics.quantiles(values, n=4)
    return round(high - low, 2)


def _resident_mib(field: str) -> float | None:
    """Memory of this process from /proc, VmRSS or its peak VmHWM [MiB]; None off Linux."""
    try:
        lines = Path('/proc/self/status').read_text().splitlines()
    except OSError:
        return None
    sizes = (line.split()[1] for line in lines if line.startswith(f'{field}:'))
    return next((int(kib) / 1024 for kib in sizes), None)


def _reset_peak_memory() -> None:
    """Reset VmHWM. If that is not permitted, the peak may stem from loading the model."""
    try:
        Path('/proc/self/clear_refs').write_text('5')
    except OSError:
        return

# SPDX-License-Identifier: Apache-2.0
"""Deghoster: a bracket in, one HDR image out.

Command line and evaluation call it, and so does the node, through `fallback.py`.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.network import describe, fixed_frames
from ddfnet_ros.runtime.bands import round_up
from ddfnet_ros.runtime.guard import tolerance_of
from ddfnet_ros.runtime.memory import keep_freed_memory
from ddfnet_ros.runtime.pending import Pending
from ddfnet_ros.runtime.pipeline import Pipeline
from ddfnet_ros.runtime.preparation import stack_of
from ddfnet_ros.runtime.selection import (
    accelerate,
    choose_device,
    choose_flow,
    choose_model,
    choose_precision,
    choose_ranges,
    fusion_of,
    kernel_pipeline,
    load_fusion,
    lowered,
    on_device,
)
from ddfnet_ros.runtime.shown import shown_of, where_finite
from ddfnet_ros.runtime.stack_pipeline import StackPipeline
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.settings import DeghosterSettings, RadianceSettings

_SENSIBLE_EXPOSURES = (1e-12, 1e12)  # beyond, radiance would leave float32's range

_STAGES = ('prepare', 'flow', 'network', 'finish')


@dataclass(frozen=True, eq=False)
class Deghosted:
    """What became of one bracket.

    Attributes:
        bracket: What it was made from; the result lies on its reference frame's pixels.
        radiance: (H, W, 3) RGB or (H, W) for grey frames, float32, linear, finite, >= 0, in the
            unit of Eq. 2: LDR ** gamma / (exposure_time * gain).
        image: The same, tone-mapped: (H, W, 3) RGB or (H, W), uint8.
        stage_ms: Wall time of each stage, milliseconds.
        motion: Gives (N - 1, H, W, 2) float32: pixels (x, y) from the reference to each other
            frame, shorter ones first. A call, because few ask and it may lie on a device.
        shares: Gives (N, H, W) float32 in [0, 1]: how much of each frame each pixel takes, in
            the bracket's order; they sum to 1. Runs the network once more; raises ValueError
            where it has no weights.
            Both calls keep the motion in memory as long as this object lives.
    """

    bracket: Bracket
    radiance: npt.NDArray[np.float32]
    image: npt.NDArray[np.uint8]
    stage_ms: dict[str, float]
    motion: Callable[[], npt.NDArray[np.float32]]
    shares: Callable[[], npt.NDArray[np.float32]]


class Deghoster:
    """Fuses brackets with one loaded model.

    To be called from one thread; the results of `submit`, and what they give, may be asked for in
    others. `settings` may be replaced between calls by one that differs in live fields only.

    Attributes:
        settings: What it works by.
        bands: In how many bands of rows the network runs, one after the other; more take longer
            and less memory, and give the same picture. May be set between calls.
        replays: Whether a GPU is given the network's work as a whole, from the second bracket of
            a size on, and not kernel by kernel. May be set between calls.
        model_name: Name of the weights in use, without folder and suffix.
        sha256: Checksum of their tensors.
        architecture: Of the network, such as 'fast'.
        frames: The only number of frames that it takes; None: any.
        device: Torch device in use, such as 'cpu' or 'cuda:0'.
        precision: 'float32', 'bfloat16' or 'int8', of the convolutions.
        backend: 'torch', 'openvino' or 'tensorrt', which computes them.
    """

    def __init__(self, settings: DeghosterSettings | None = None) -> None:
        """Find and load the weights.

        Raises:
            ValueError: a device that is not there, or weights that cannot be used.
            FileNotFoundError: no such weights; names those present.
        """
        self.settings = settings or DeghosterSettings()
        self.bands = 1
        self.replays = True
        self._turn = threading.Lock()  # of the network: results can have it run too
        device = choose_device(self.settings.device)
        if self.settings.threads:
            torch.set_num_threads(self.settings.threads)
            cv2.setNumThreads(self.settings.threads)
        if device.type == 'cpu':
            keep_freed_memory()
        path = choose_model(self.settings.model, device)
        loaded = load_fusion(path)
        on_device(loaded.model, device)
        self._multiple = cast('int', loaded.model.multiple)
        flow = choose_flow(loaded.card, device, path.parent)
        dtype = choose_precision(self.settings.precision, device)
        ranges = choose_ranges(
            self.settings.precision, self.settings.backend, device, loaded.card)
        self.backend = accelerate(loaded.model, self.settings.backend, device, dtype, ranges)
        if device.type == 'cuda':
            lowered(loaded.model, dtype)
        fusion = fusion_of(loaded, self.backend, device, dtype)
        self._stacked = StackPipeline(fusion, flow, device, dtype)
        self._kernels = kernel_pipeline(loaded.model, flow, self.backend, dtype)
        self.model_name, self.sha256 = path.stem, loaded.sha256
        self.architecture = str(describe(loaded.model)['architecture'])
        self.frames = fixed_frames(loaded.model)
        self.device = str(device)
        in_int8 = self.backend == 'openvino' and ranges is not None
        self.precision = 'int8' if in_int8 else str(dtype).removeprefix('torch.')
        self._stages = [Stage(name, device) for name in _STAGES]
        if device.type == 'cuda':
            torch.cuda.synchronize(device)  # the weights' copies: stages do not wait for them

    def __call__(self, bracket: Bracket) -> Deghosted:
        """Fuse one bracket.

        Args:
            bracket: 2 to 9 frames of any size and pixel type.

        Raises:
            ValueError: exposures that no camera has.
        """
        return self.submit(bracket).result()

    @torch.inference_mode()
    def submit(self, bracket: Bracket) -> Pending[Deghosted]:
        """Begin to fuse a bracket; a GPU goes on by itself while the next one is submitted.

        So with two or three of them pending one is copied to the device while another is computed
        and a third is copied back. The host waits only where OpenCV estimates the motion.

        Args:
            bracket: 2 to 9 frames of any size and pixel type.

        Raises:
            ValueError: exposures that no camera has.
        """
        _check_exposures(bracket)
        with self._turn:
            begun = self._begun(bracket)
        return Pending(partial(self._finished, begun))

    def _begun(self, bracket: Bracket) -> _Begun:
        """All that is asked of the device."""
        settings = self.settings
        width, height = bracket.reference.size
        padded = (round_up(height, self._multiple), round_up(width, self._multiple))
        stages = tuple(stage.again() for stage in self._stages)
        prepare, flow, network, finish = stages
        pipeline = self._pipeline(bracket)
        with prepare.after():
            given = pipeline.given(bracket, settings, padded, prepare)
            tolerance = tolerance_of(bracket.reference.pixels) \
                if settings.guard_reference else math.inf
            prepare.hand_over(given, flow, network, finish)
        with flow.after(prepare):
            motion = flow.hand_over(pipeline.motion(given), network)
        with network.after(flow):
            radiance = pipeline.radiance(
                given, motion, bracket.reference_index, settings.mend_halos, tolerance)
            network.hand_over(radiance, finish)
        with finish.after(network):
            finite = finish.to_host(torch.isfinite(radiance[:, :height, :width].sum()))
            shown = pipeline.shown(bracket, radiance, settings, finish)
        return _Begun(bracket, settings, self.bands, stages, motion, radiance, finite, shown)

    @torch.inference_mode()
    def _finished(self, begun: _Begun) -> Deghosted:
        bracket, finish = begun.bracket, begun.stages[-1]
        width, height = bracket.reference.size
        finish.wait()
        shown = begun.shown if begun.finite else _shown_where_finite(begun)
        padded = (begun.radiance.shape[1], begun.radiance.shape[2])
        return Deghosted(
            bracket, _array(shown[0]), _array(shown[1]),
            {stage.name: stage.ms for stage in begun.stages},
            partial(_pixel_vectors, begun.motion[0, :, :, :height, :width]),
            partial(self._shares, bracket, begun.settings, padded, begun.motion, begun.bands),
        )

    def forget(self) -> None:
        """Let go of memory that only makes the next brackets faster."""
        with self._turn:
            if self.device != 'cpu':
                torch.cuda.synchronize(self.device)
            self._stacked.forget()

    def divisible(self, bracket: Bracket) -> bool:
        """Whether bands save memory with a bracket; what kernels take needs less than a band."""
        kernels = self._kernels and self._kernels.takes(bracket)
        return hasattr(self._stacked.model, 'reach') and not kernels

    def _pipeline(self, bracket: Bracket) -> Pipeline:
        """The fastest that can do it."""
        self._stacked.bands, self._stacked.replays = self.bands, self.replays
        if self._kernels and self.bands == 1 and self._kernels.takes(bracket):
            return self._kernels
        return self._stacked

    @torch.inference_mode()
    def _shares(
        self, bracket: Bracket, settings: RadianceSettings, padded: tuple[int, int],
        motion: Tensor, bands: int,
    ) -> npt.NDArray[np.float32]:
        width, height = bracket.reference.size
        with self._turn:
            self._stacked.bands = bands
            stack = self._stacked.given(bracket, settings, padded, self._stages[0])
            shares = self._stacked.shares(stack, motion, bracket.reference_index)
        place = bracket.reference_index
        in_order = [*shares[1:place + 1], shares[0], *shares[place + 1:]]
        return _array(torch.stack(in_order)[:, :height, :width].contiguous().cpu())


@dataclass(frozen=True, eq=False)
class _Begun:
    """What there is of a bracket once all is asked of the device.

    Attributes:
        bracket: What is fused.
        settings: By which.
        bands: Of rows that the network takes one after the other.
        stages: On its way.
        motion: On the device.
        radiance: Of the padded size, on the device.
        finite: Whether its every value is a number, on the host in the end.
        shown: Radiance and picture, likewise.
    """

    bracket: Bracket
    settings: RadianceSettings
    bands: int
    stages: tuple[Stage, ...]
    motion: Float[Tensor, '1 m 2 h w']
    radiance: Float[Tensor, 'c h w']
    finite: Tensor
    shown: tuple[Tensor, Tensor]


def _shown_where_finite(begun: _Begun) -> tuple[Tensor, Tensor]:
    """The same with the reference frame where the network gave no number."""
    bracket, settings, finish = begun.bracket, begun.settings, begun.stages[-1]
    width, height = bracket.reference.size
    radiance = begun.radiance[:, :height, :width]
    reference = stack_of(bracket, settings, (height, width))
    with finish.after():
        mended = where_finite(radiance, finish.to_device(reference)[0, 0, 3:])
        shown = shown_of(bracket, mended, settings, finish)
    finish.wait()
    return shown


def _check_exposures(bracket: Bracket) -> None:
    low, high = _SENSIBLE_EXPOSURES
    for exposure in bracket.exposures:
        if not low <= exposure <= high:
            raise ValueError(f'expected exposures of {low:g} to {high:g} s, got {exposure:g}; '
                             'check exposure_times and gain')


def _array(tensor: Tensor) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = tensor.numpy()
    return array


def _pixel_vectors(motion: Float[Tensor, 'm 2 h w']) -> npt.NDArray[np.float32]:
    return _array(motion.movedim(1, -1).float().cpu())

# SPDX-License-Identifier: Apache-2.0
"""Deghoster: a bracket in, one HDR image out.

Command line and evaluation call it, and so does the node, through `fallback.py`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Sequence
from functools import partial
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.network import describe, fixed_frames
from ddfnet_ros.runtime.acceleration import accelerate, fusion_of, kernel_pipeline
from ddfnet_ros.runtime.bands import round_up
from ddfnet_ros.runtime.begun import Begun, Ready, array_of, pixel_vectors
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.runtime.guard import OFF, guard_of
from ddfnet_ros.runtime.memory import keep_freed_memory
from ddfnet_ros.runtime.pending import Pending
from ddfnet_ros.runtime.pipeline import Pipeline
from ddfnet_ros.runtime.preparation import check_exposures
from ddfnet_ros.runtime.selection import (
    choose_device,
    choose_flow,
    choose_model,
    choose_precision,
    choose_ranges,
    load_fusion,
    lowered,
    on_device,
)
from ddfnet_ros.runtime.stack_pipeline import StackPipeline
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.settings import DeghosterSettings, RadianceSettings

Asked = tuple[Bracket, DeghosterSettings]
"""What is to be fused, and by which settings."""

_STAGES = ('prepare', 'flow', 'network', 'finish')


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
            # The weights' copies: stages do not wait for them. Not the whole device, which other
            # threads may be capturing a graph on.
            torch.cuda.current_stream(device).synchronize()

    def __call__(self, bracket: Bracket) -> Deghosted:
        """Fuse one bracket.

        Args:
            bracket: 2 to 9 frames of any size and pixel type.

        Raises:
            ValueError: exposures that no camera has.
        """
        return self.submit(bracket).result()

    def submit(self, bracket: Bracket) -> Pending[Deghosted]:
        """Begin to fuse a bracket; a GPU goes on by itself while the next one is submitted.

        So with two or three of them pending one is copied to the device while another is computed
        and a third is copied back. The host waits only where OpenCV estimates the motion.

        Args:
            bracket: 2 to 9 frames of any size and pixel type.

        Raises:
            ValueError: exposures that no camera has.
        """
        return self.submit_together([(bracket, self.settings)])[0]

    @torch.inference_mode()
    def submit_together(self, asked: Sequence[Asked]) -> list[Pending[Deghosted]]:
        """Begin to fuse several brackets; those that agree go through the network at once.

        They agree in padded size, number of frames, place of the reference and whether halos are
        mended. Results are those of `submit`, but for rounding.

        Args:
            asked: Brackets as `submit` takes them, and settings that differ in live fields only.

        Raises:
            ValueError: exposures of one of them that no camera has.
        """
        for bracket, _ in asked:
            check_exposures(bracket)
        with self._turn:
            start = time.perf_counter()
            begun = self._all_begun(asked)
            taken_ms = (time.perf_counter() - start) * 1e3
        others = [{'others': taken_ms - one.host_ms} if len(asked) > 1 else {} for one in begun]
        return [Pending(partial(self._finished, *one)) for one in zip(begun, others, strict=True)]

    def _all_begun(self, asked: Sequence[Asked]) -> list[Begun]:
        """All that is asked of the device, group by group."""
        groups: dict[Hashable, list[int]] = {}
        for place, one in enumerate(asked):
            groups.setdefault(self._kind(*one), []).append(place)
        begun: dict[int, Begun] = {}
        for places in groups.values():
            begun |= zip(places, self._begun([asked[place] for place in places]), strict=True)
        return [begun[place] for place in sorted(begun)]

    def _kind(self, bracket: Bracket, settings: DeghosterSettings) -> Hashable:
        """Equal for brackets that go through the network at once."""
        if self._pipeline(bracket) is not self._stacked:
            return object()  # kernels gain nothing by it
        return (self._padded(bracket), len(bracket.frames), bracket.reference_index,
                settings.mend_halos)

    def _begun(self, asked: Sequence[Asked]) -> list[Begun]:
        """All that is asked of the device for a group."""
        bracket, settings = asked[0]
        pipeline = self._pipeline(bracket)
        ready = [self._ready(pipeline, *one) for one in asked]
        _, _, network, finish = (stage.again() for stage in self._stages)
        with network.after(*(one.flow for one in ready)):
            radiances = pipeline.radiances(
                [one.given for one in ready], [one.motion for one in ready],
                bracket.reference_index, settings.mend_halos, [one.guard for one in ready])
            for radiance in radiances:
                network.hand_over(radiance, finish)
        return [self._shown(pipeline, one, network, radiance, len(asked))
                for one, radiance in zip(ready, radiances, strict=True)]

    def _ready(self, pipeline: Pipeline, bracket: Bracket, settings: DeghosterSettings) -> Ready:
        """A bracket with all that the network needs."""
        prepare, flow, network, finish = (stage.again() for stage in self._stages)
        with prepare.after():
            given = pipeline.given(bracket, settings, self._padded(bracket), prepare)
            guard = guard_of(bracket) if settings.guard_reference else OFF
            prepare.hand_over(given, flow, network, finish)
        with flow.after(prepare):
            motion = flow.hand_over(pipeline.motion(given), network)
        return Ready(bracket, settings, prepare, flow, given, motion, guard)

    def _shown(
        self, pipeline: Pipeline, ready: Ready, network: Stage, radiance: Tensor, together: int
    ) -> Begun:
        """A bracket whose results are on their way to the host."""
        bracket, settings = ready.bracket, ready.settings
        width, height = bracket.reference.size
        finish = self._stages[-1].again()
        with finish.after(network):
            finite = finish.to_host(torch.isfinite(radiance[:, :height, :width].sum()))
            shown = pipeline.shown(bracket, radiance, settings, finish)
        stages = (ready.prepare, ready.flow, network, finish)
        return Begun(bracket, settings, self.bands, stages, ready.motion, radiance, finite, shown,
                     together)

    @torch.inference_mode()
    def _finished(self, begun: Begun, others: dict[str, float]) -> Deghosted:
        bracket = begun.bracket
        width, height = bracket.reference.size
        radiance, image = begun.results()
        padded = (begun.radiance.shape[1], begun.radiance.shape[2])
        return Deghosted(
            bracket, array_of(radiance), array_of(image),
            {stage.name: stage.ms for stage in begun.stages} | others,
            partial(pixel_vectors, begun.motion[0, :, :, :height, :width]),
            partial(self._shares, bracket, begun.settings, padded, begun.motion, begun.bands),
            begun.together,
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

    def _padded(self, bracket: Bracket) -> tuple[int, int]:
        """Height and width that the network takes its frames at."""
        width, height = bracket.reference.size
        return round_up(height, self._multiple), round_up(width, self._multiple)

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
        return array_of(torch.stack(in_order)[:, :height, :width].contiguous().cpu())

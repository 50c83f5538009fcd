# SPDX-License-Identifier: Apache-2.0
"""Deghoster: a bracket in, one HDR image out.

Command line and evaluation call it, and so does the node, through `fallback.py`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.network import describe, fixed_frames
from ddfnet_ros.runtime.acceleration import choose_network, install_backend, kernel_pipeline
from ddfnet_ros.runtime.bands import round_up
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.runtime.guard import OFF, estimate_guard
from ddfnet_ros.runtime.in_flight import InFlight, flow_vectors, to_numpy
from ddfnet_ros.runtime.memory import keep_freed_memory
from ddfnet_ros.runtime.pending import Pending
from ddfnet_ros.runtime.pipeline import Pipeline, Prepared
from ddfnet_ros.runtime.preparation import check_exposures
from ddfnet_ros.runtime.request import BatchKey, Request
from ddfnet_ros.runtime.selection import (
    cast_convolutions_,
    choose_device,
    choose_flow,
    choose_model,
    choose_precision,
    choose_ranges,
    load_fusion,
    move_,
)
from ddfnet_ros.runtime.stack_pipeline import StackPipeline
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.settings import DeghosterSettings

_STAGES = ('prepare', 'flow', 'network', 'finish')


class Deghoster:
    """Fuses brackets with one loaded model.

    Submit from one thread; results, and what they compute when asked, may be asked for in others.

    Attributes:
        settings: Those that the model was loaded with.
        model_name: Name of the weights in use, without folder and suffix.
        sha256: Checksum of their tensors.
        architecture: Of the network, such as 'fast'.
        frames: The only number of frames that it takes; None: any.
        device: Torch device in use, such as 'cpu' or 'cuda:0'.
        precision: 'float32', 'bfloat16' or 'int8', of the convolutions.
        backend: 'torch', 'openvino' or 'tensorrt', which computes them.
    """

    def __init__(
        self, settings: DeghosterSettings | None = None, *, cuda_graphs: bool = True
    ) -> None:
        """Find and load the weights.

        Args:
            settings: Model, device and how to fuse; None: the defaults.
            cuda_graphs: Whether a GPU runs the network as one CUDA graph, from the second bracket
                of a size on, and not kernel by kernel.

        Raises:
            ValueError: a device that is not there, or weights that cannot be used.
            FileNotFoundError: no such weights; names those present.
        """
        self.settings = settings or DeghosterSettings()
        self._lock = threading.Lock()  # of the network: shares that are asked for run it, too
        device = choose_device(self.settings.device)
        if self.settings.threads:
            torch.set_num_threads(self.settings.threads)
            cv2.setNumThreads(self.settings.threads)
        if device.type == 'cpu':
            keep_freed_memory()
        path = choose_model(self.settings.model, device)
        loaded = load_fusion(path)
        move_(loaded.model, device)
        self._multiple = cast('int', loaded.model.multiple)
        flow = choose_flow(loaded.card, device, path.parent)
        dtype = choose_precision(self.settings.precision, device)
        ranges = choose_ranges(
            self.settings.precision, self.settings.backend, device, loaded.card)
        self.backend = install_backend(
            loaded.model, self.settings.backend, device, dtype, ranges)
        if device.type == 'cuda':
            cast_convolutions_(loaded.model, dtype)
        network = choose_network(loaded, self.backend, device, dtype)
        self._stacked = StackPipeline(network, flow, device, dtype, cuda_graphs)
        self._kernels = kernel_pipeline(loaded.model, flow, self.backend, dtype)
        self.model_name, self.sha256 = path.stem, loaded.sha256
        self.architecture = str(describe(loaded.model)['architecture'])
        self.frames = fixed_frames(loaded.model)
        self.device = str(device)
        in_int8 = self.backend == 'openvino' and ranges is not None
        self.precision = 'int8' if in_int8 else str(dtype).removeprefix('torch.')
        self._stages = [Stage(name, device) for name in _STAGES]
        if device.type == 'cuda':
            # The copies of the weights: stages do not wait for them. Not the whole device, on
            # which other threads may be capturing a graph.
            torch.cuda.current_stream(device).synchronize()

    def __call__(self, bracket: Bracket, settings: DeghosterSettings | None = None) -> Deghosted:
        """Fuse one bracket.

        Args:
            bracket: 2 to 9 frames of any size and pixel type.
            settings: Settings that differ from `self.settings` in live fields only; None: those.

        Raises:
            ValueError: exposures that no camera has.
        """
        return self.submit(Request(bracket, settings or self.settings)).result()

    def submit(self, request: Request) -> Pending[Deghosted]:
        """Start to fuse a bracket; a GPU goes on by itself while the next one is submitted.

        So with two or three of them pending, one is uploaded while another is computed and a
        third is downloaded. The host waits only where OpenCV estimates the motion.

        Raises:
            ValueError: exposures that no camera has.
        """
        return self.submit_batch([request])[0]

    @torch.inference_mode()
    def submit_batch(self, requests: Sequence[Request]) -> list[Pending[Deghosted]]:
        """Start to fuse several brackets; those of equal `BatchKey` as one batch.

        Results are those of `submit`, but for rounding.

        Raises:
            ValueError: exposures of one of them that no camera has; none is started.
        """
        for request in requests:
            check_exposures(request.bracket)
        with self._lock:
            start = time.perf_counter()
            launched = self._launch(requests)
            taken_ms = (time.perf_counter() - start) * 1e3
        others = [{'others': taken_ms - one.host_ms} if len(requests) > 1 else {}
                  for one in launched]
        return [Pending(partial(self._collect, *one))
                for one in zip(launched, others, strict=True)]

    def _launch(self, requests: Sequence[Request]) -> list[InFlight]:
        """Queue all work of all requests, batch by batch."""
        batches: dict[tuple[BatchKey, int], list[int]] = {}
        for place, request in enumerate(requests):
            alone = self._pipeline(request) is not self._stacked  # kernels gain nothing by a batch
            batches.setdefault((self._key(request), place if alone else -1), []).append(place)
        launched: dict[int, InFlight] = {}
        for (key, _), places in batches.items():
            launched |= zip(
                places, self._launch_batch(key, [requests[place] for place in places]),
                strict=True)
        return [launched[place] for place in range(len(requests))]

    def _launch_batch(self, key: BatchKey, requests: Sequence[Request]) -> list[InFlight]:
        """Queue all work of requests that have the key in common."""
        pipeline = self._pipeline(requests[0])
        batch = [self._prepare(pipeline, key, request) for request in requests]
        _, _, network, finish = (stage.again() for stage in self._stages)
        with network.after(*(prepared.stages[-1] for prepared in batch)):
            radiances = pipeline.radiances(batch, key)
            for radiance in radiances:
                network.hand_over(radiance, finish)
        return [self._download(pipeline, prepared, network, radiance, len(batch))
                for prepared, radiance in zip(batch, radiances, strict=True)]

    def _prepare(self, pipeline: Pipeline, key: BatchKey, request: Request) -> Prepared:
        """Queue the upload and the motion."""
        bracket, settings = request.bracket, request.settings
        prepare, flow, network, finish = (stage.again() for stage in self._stages)
        with prepare.after():
            inputs = pipeline.prepare(bracket, settings, key.padded, prepare)
            guard = estimate_guard(bracket) if settings.guard_reference else OFF
            prepare.hand_over(inputs, flow, network, finish)
        with flow.after(prepare):
            motion = flow.hand_over(pipeline.motion(inputs), network)
        return Prepared(request, inputs, motion, guard, (prepare, flow))

    def _download(
        self, pipeline: Pipeline, prepared: Prepared, network: Stage, radiance: Tensor,
        together: int,
    ) -> InFlight:
        """Queue the tone map and the way back to the host."""
        request = prepared.request
        width, height = request.bracket.reference.size
        finish = self._stages[-1].again()
        with finish.after(network):
            finite = finish.to_host(torch.isfinite(radiance[:, :height, :width].sum()))
            rendered = pipeline.render(request.bracket, radiance, request.settings, finish)
        return InFlight(request, (*prepared.stages, network, finish), prepared.motion, radiance,
                        finite, rendered, together)

    @torch.inference_mode()
    def _collect(self, flight: InFlight, others: dict[str, float]) -> Deghosted:
        """Wait for a bracket's results."""
        request = flight.request
        width, height = request.bracket.reference.size
        radiance, image = flight.results()
        return Deghosted(
            request.bracket, to_numpy(radiance), to_numpy(image),
            {stage.name: stage.ms for stage in flight.stages} | others,
            partial(flow_vectors, flight.motion[0, :, :, :height, :width]),
            partial(self._shares, request, flight.motion),
            flight.together,
        )

    @torch.inference_mode()
    def _shares(self, request: Request, motion: Tensor) -> npt.NDArray[np.float32]:
        """Run the network once more, for how much of each frame each pixel takes."""
        bracket, key = request.bracket, self._key(request)
        width, height = bracket.reference.size
        with self._lock:
            stack = self._stacked.prepare(bracket, request.settings, key.padded, self._stages[0])
            shares = self._stacked.shares(stack, motion, key)
        place = key.reference_index
        in_order = [*shares[1:place + 1], shares[0], *shares[place + 1:]]
        return to_numpy(torch.stack(in_order)[:, :height, :width].contiguous().cpu())

    def forget(self) -> None:
        """Free memory that only makes the next brackets faster."""
        with self._lock:
            if self.device != 'cpu':
                torch.cuda.synchronize(self.device)
            self._stacked.forget()

    def divisible(self, bracket: Bracket) -> bool:
        """Whether bands save memory with a bracket; the kernels need less than a band."""
        kernels = self._kernels and self._kernels.takes(bracket)
        return hasattr(self._stacked.model, 'reach') and not kernels

    def _key(self, request: Request) -> BatchKey:
        bracket = request.bracket
        width, height = bracket.reference.size
        padded = round_up(height, self._multiple), round_up(width, self._multiple)
        return BatchKey(padded, len(bracket.frames), bracket.reference_index,
                        request.settings.mend_halos, request.bands)

    def _pipeline(self, request: Request) -> Pipeline:
        """The fastest one that can do it."""
        if self._kernels and request.bands == 1 and self._kernels.takes(request.bracket):
            return self._kernels
        return self._stacked

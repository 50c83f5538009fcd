# SPDX-License-Identifier: Apache-2.0
"""Deghoster: a bracket in, one HDR image out. The one class that node, CLI and evaluation call."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros import network
from ddfnet_ros.bracket import Bracket
from ddfnet_ros.runtime.bands import Network, in_bands, round_up
from ddfnet_ros.runtime.memory import keep_freed_memory
from ddfnet_ros.runtime.preparation import stack_of
from ddfnet_ros.runtime.selection import (
    accelerate,
    choose_device,
    choose_flow,
    choose_model,
    choose_precision,
    load_fusion,
    on_device,
)
from ddfnet_ros.settings import DeghosterSettings, RadianceSettings
from ddfnet_ros.tonemap import tone_map

_SENSIBLE_EXPOSURES = (1e-12, 1e12)  # beyond, radiance would leave float32's range

_log = logging.getLogger(__name__)


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
        reference_share: Gives (H, W) float32 in [0, 1]: how much of the reference frame each
            pixel takes. Runs the network once more; raises ValueError where it has no weights.
            Both calls keep the input stack in memory as long as this object lives.
    """

    bracket: Bracket
    radiance: npt.NDArray[np.float32]
    image: npt.NDArray[np.uint8]
    stage_ms: dict[str, float]
    motion: Callable[[], npt.NDArray[np.float32]]
    reference_share: Callable[[], npt.NDArray[np.float32]]


class Deghoster:
    """Fuses brackets with one loaded model.

    Not for use from two threads at once. `settings` may be replaced between calls by one that
    differs in live fields only.

    Attributes:
        settings: What it works by.
        bands: In how many bands of rows the network runs, one after the other; more take longer
            and less memory, and give the same picture. May be set between calls.
        model_name: Name of the weights in use, without folder and suffix.
        architecture: Of the network, such as 'fast'.
        divisible: Whether the network can run in bands.
        device: Torch device in use, such as 'cpu' or 'cuda:0'.
        precision: 'float32' or 'bfloat16', of the convolutions.
        backend: 'torch' or 'openvino', which computes them.
    """

    def __init__(self, settings: DeghosterSettings | None = None) -> None:
        """Find and load the weights.

        Raises:
            ValueError: a device that is not there, or weights that cannot be used.
            FileNotFoundError: no such weights; names those present.
        """
        self.settings = settings or DeghosterSettings()
        self.bands = 1
        device = choose_device(self.settings.device)
        if self.settings.threads:
            torch.set_num_threads(self.settings.threads)
            cv2.setNumThreads(self.settings.threads)
        if device.type == 'cpu':
            keep_freed_memory()
        path = choose_model(self.settings.model, device)
        loaded = load_fusion(path)
        self._model = on_device(loaded.model, device)
        self._multiple = int(getattr(loaded.model, 'multiple', 1))
        self._flow = choose_flow(loaded.card, device, path.parent)
        self._device = device
        self._dtype = choose_precision(self.settings.precision, device)
        self.backend = accelerate(self._model, self.settings.backend, device, self._dtype)
        self.model_name = path.stem
        self.architecture = str(network.describe(loaded.model)['architecture'])
        self.divisible = hasattr(loaded.model, 'reach')
        self.device = str(device)
        self.precision = str(self._dtype).removeprefix('torch.')

    @torch.inference_mode()
    def __call__(self, bracket: Bracket) -> Deghosted:
        """Fuse one bracket.

        Args:
            bracket: 2 to 9 frames of any size and pixel type.

        Raises:
            ValueError: exposures that no camera has.
        """
        settings = self.settings
        _check_exposures(bracket)
        width, height = bracket.reference.size
        clock = StageClock(self._device)
        with clock('prepare'):
            padded = (round_up(height, self._multiple), round_up(width, self._multiple))
            stack = stack_of(bracket, settings, padded).to(self._device)
        with clock('flow'):
            motion = self._flow(stack)
        with clock('network'):
            radiance = self._run(self._model, stack, motion, bracket)[0].float()
        with clock('finish'):
            radiance = radiance[:, :height, :width]
            result = result_of(
                bracket, _where_finite(radiance, stack[0, 0, 3:, :height, :width]), settings,
                clock.ms, partial(_pixel_vectors, motion[0, :, :, :height, :width]),
                partial(self._share, stack, motion, bracket),
            )
        return result

    def _run(self, run: Network, stack: Tensor, motion: Tensor, bracket: Bracket) -> Tensor:
        """What the network gives, made at once or in bands."""
        with self._autocast():
            if self.bands == 1:
                return run(stack, motion, bracket.reference_index)
            model: Any = self._model
            return in_bands(run, stack, motion, bracket.reference_index, bands=self.bands,
                            reach=model.reach(motion), multiple=self._multiple)

    def _autocast(self) -> torch.autocast:
        """Lower precision of what torch computes; OpenVINO has its own."""
        low = self._dtype is torch.bfloat16 and self.backend == 'torch'
        return torch.autocast(self._device.type, torch.bfloat16, enabled=low)

    @torch.inference_mode()
    def _share(
        self, stack: Tensor, motion: Tensor, bracket: Bracket
    ) -> npt.NDArray[np.float32]:
        width, height = bracket.reference.size
        model: Any = self._model
        share = self._run(model.reference_share, stack, motion, bracket)
        return _interleaved(share[:, :height, :width].float())


class StageClock:
    """Measures named stages; waits for the device at their ends, so that the times are true."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.ms: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time the body of a `with`."""
        start = time.perf_counter()
        yield
        if self._device.type == 'cuda':
            torch.cuda.synchronize(self._device)
        self.ms[stage] = (time.perf_counter() - start) * 1e3


def result_of(
    bracket: Bracket,
    radiance: Float[Tensor, 'c h w'],
    settings: RadianceSettings,
    stage_ms: dict[str, float],
    motion: Callable[[], npt.NDArray[np.float32]],
    reference_share: Callable[[], npt.NDArray[np.float32]],
) -> Deghosted:
    """Tone-map radiance that is relative to the shortest exposure, and scale it back."""
    if bracket.reference.pixels.ndim == 2:
        radiance = radiance.mean(0, keepdim=True)
    picture = _to_bytes(tone_map(radiance, settings))
    return Deghosted(bracket, _interleaved(radiance / min(bracket.exposures)),
                     _interleaved(picture), stage_ms, motion, reference_share)


def _check_exposures(bracket: Bracket) -> None:
    low, high = _SENSIBLE_EXPOSURES
    for exposure in bracket.exposures:
        if not low <= exposure <= high:
            raise ValueError(f'expected exposures of {low:g} to {high:g} s, got {exposure:g}; '
                             'check exposure_times and gain')


def _where_finite(
    radiance: Float[Tensor, '3 h w'], reference: Float[Tensor, '3 h w']
) -> Float[Tensor, '3 h w']:
    """Radiance >= 0, with the reference frame wherever the network failed to give a number."""
    radiance = radiance.clamp(min=0)
    if bool(torch.isfinite(radiance.sum())):
        return radiance
    finite = torch.isfinite(radiance).all(0)
    _log.warning('the network gave no finite radiance for %d of %d pixels; they show the '
                 'reference frame', int((~finite).sum()), finite.numel())
    return torch.where(finite, radiance, reference)


def _to_bytes(picture: Float[Tensor, 'c h w']) -> Tensor:
    return (picture * 255 + 0.5).to(torch.uint8)


def _interleaved(planes: Tensor) -> npt.NDArray[Any]:
    """(C, H, W) to a contiguous array (H, W, C), or (H, W) where C is 1."""
    planes = planes[0] if len(planes) == 1 else planes.permute(1, 2, 0)
    array: npt.NDArray[Any] = planes.contiguous().cpu().numpy()
    return array


def _pixel_vectors(motion: Float[Tensor, 'm 2 h w']) -> npt.NDArray[np.float32]:
    vectors: npt.NDArray[np.float32] = motion.movedim(1, -1).float().cpu().numpy()
    return vectors

# SPDX-License-Identifier: Apache-2.0
"""Deghoster: a bracket in, one HDR image out. The one class that node, CLI and evaluation call."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.network import describe
from ddfnet_ros.runtime.bands import Network, in_bands, round_up
from ddfnet_ros.runtime.halo import without_halo
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
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.settings import DeghosterSettings, RadianceSettings
from ddfnet_ros.tonemap import tone_map

_SENSIBLE_EXPOSURES = (1e-12, 1e12)  # beyond, radiance would leave float32's range

_STAGES = ('prepare', 'flow', 'network', 'finish')

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
        self.architecture = str(describe(loaded.model)['architecture'])
        self.divisible = hasattr(loaded.model, 'reach')
        self.device = str(device)
        self.precision = str(self._dtype).removeprefix('torch.')
        self._stages = [Stage(name, device) for name in _STAGES]
        if device.type == 'cuda':
            torch.cuda.synchronize(device)  # the weights' copies: stages do not wait for them

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
        padded = (round_up(height, self._multiple), round_up(width, self._multiple))
        prepare, flow, network, finish = self._stages
        with prepare.after():
            host = stack_of(bracket, settings, padded, pinned=self._device.type == 'cuda')
            stack = prepare.hand_over(prepare.to_device(host), flow, network, finish)
        with flow.after(prepare):
            motion = flow.hand_over(self._flow(stack), network)
        with network.after(flow):
            radiance = self._run(self._model, stack, motion, bracket)[0].float()
            if settings.mend_halos:
                radiance = without_halo(radiance, stack, motion, bracket.reference_index)
            network.hand_over(radiance, finish)
        with finish.after(network):
            radiance = radiance[:, :height, :width].clamp(min=0)
            finite = finish.to_host(torch.isfinite(radiance.sum()))
            shown = shown_of(bracket, radiance, settings, finish)
        finish.wait()
        if not finite:
            with finish.after():
                radiance = _where_finite(radiance, stack[0, 0, 3:, :height, :width])
                shown = shown_of(bracket, radiance, settings, finish)
            finish.wait()
        return Deghosted(
            bracket, _array(shown[0]), _array(shown[1]),
            {stage.name: stage.ms for stage in self._stages},
            partial(_pixel_vectors, motion[0, :, :, :height, :width]),
            partial(self._share, stack, motion, bracket),
        )

    def _run(self, run: Network, stack: Tensor, motion: Tensor, bracket: Bracket) -> Tensor:
        """What the network gives, made at once or in bands."""
        with self._autocast():
            if self.bands == 1:
                return run(stack, motion, bracket.reference_index)
            model: Any = self._model
            return in_bands(run, stack, motion, bracket.reference_index, bands=self.bands,
                            reach=model.reach(motion), multiple=self._multiple)

    def _autocast(self) -> torch.autocast:
        """Lower precision of the convolutions that torch computes; OpenVINO has its own."""
        low = self._dtype is torch.bfloat16
        return torch.autocast(self._device.type, torch.bfloat16, enabled=low)

    @torch.inference_mode()
    def _share(
        self, stack: Tensor, motion: Tensor, bracket: Bracket
    ) -> npt.NDArray[np.float32]:
        width, height = bracket.reference.size
        model: Any = self._model
        share = self._run(model.reference_share, stack, motion, bracket)
        return _array(share[0, :height, :width].float().contiguous().cpu())


def shown_of(
    bracket: Bracket, radiance: Float[Tensor, 'c h w'], settings: RadianceSettings, stage: Stage
) -> tuple[Tensor, Tensor]:
    """Radiance in the unit of Eq. 2 and its picture, on the host once the stage is done.

    Args:
        bracket: Whose radiance it is; grey frames get a grey result.
        radiance: Relative to the shortest exposure, >= 0.
        settings: Name the tone map.
        stage: Copies.
    """
    if bracket.reference.pixels.ndim == 2:
        radiance = radiance.mean(0, keepdim=True)
    picture = (tone_map(radiance, settings) * 255 + 0.5).to(torch.uint8)
    scaled = radiance / min(bracket.exposures)
    return stage.to_host(_interleaved(scaled)), stage.to_host(_interleaved(picture))


def _check_exposures(bracket: Bracket) -> None:
    low, high = _SENSIBLE_EXPOSURES
    for exposure in bracket.exposures:
        if not low <= exposure <= high:
            raise ValueError(f'expected exposures of {low:g} to {high:g} s, got {exposure:g}; '
                             'check exposure_times and gain')


def _where_finite(
    radiance: Float[Tensor, '3 h w'], reference: Float[Tensor, '3 h w']
) -> Float[Tensor, '3 h w']:
    """The reference frame wherever the network failed to give a number."""
    finite = torch.isfinite(radiance).all(0)
    _log.warning('the network gave no finite radiance for %d of %d pixels; they show the '
                 'reference frame', int((~finite).sum()), finite.numel())
    return torch.where(finite, radiance, reference)


def _interleaved(planes: Float[Tensor, 'c h w'] | UInt8[Tensor, 'c h w']) -> Tensor:
    """Contiguous (H, W, C), or (H, W) where C is 1."""
    return (planes[0] if len(planes) == 1 else planes.permute(1, 2, 0)).contiguous()


def _array(tensor: Tensor) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = tensor.numpy()
    return array


def _pixel_vectors(motion: Float[Tensor, 'm 2 h w']) -> npt.NDArray[np.float32]:
    return _array(motion.movedim(1, -1).float().cpu())

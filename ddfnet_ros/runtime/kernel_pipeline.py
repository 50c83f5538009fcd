# SPDX-License-Identifier: Apache-2.0
"""The small network on a CPU, straight from the frames' own pixels.

Torch makes dozens of passes over float32 pictures (`preparation`, `flow/pairs.py`,
`network/fast.py`, `halo`). Each kernel makes a single pass, from 8 or 16 bits per value. OpenVINO
and OpenCV do the rest. The result is the same but for rounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32
from torch import Tensor

from ddfnet_ros import merge
from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.flow.dis import DISFlow
from ddfnet_ros.flow.pairs import ENCODING, LEAST_WHITE
from ddfnet_ros.kernels import blending, describing, grey, guarding, mending, showing
from ddfnet_ros.kernels.cells import CELL, CHANNELS
from ddfnet_ros.kernels.levels import Levels
from ddfnet_ros.network.fast import FastFusion
from ddfnet_ros.network.fast_core import FLOW_UNIT, MOST
from ddfnet_ros.parallel import each, row_pieces
from ddfnet_ros.radiance import relative_exposures
from ddfnet_ros.runtime import guard, halo
from ddfnet_ros.runtime.bands import round_up
from ddfnet_ros.runtime.pipeline import Prepared
from ddfnet_ros.runtime.preparation import level_table, pad_into, repeat_edges
from ddfnet_ros.runtime.rendering import render
from ddfnet_ros.runtime.request import BatchKey
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.settings import RadianceSettings
from ddfnet_ros.tonemap import LUMINANCE, MU, mu_law

_ROWS = 64  # rows of a piece of work; a multiple of the network's multiple
_BLENDING = blending.Constants(
    *map(np.float32, (merge.BRIGHT, merge.FLOOR, merge.CLIP_RAMP, MOST)))
_MENDING = mending.Constants(
    *map(np.float32, (halo.WHITE, halo.CERTAIN, merge.CLIP_RAMP, halo.LEAST)))


class KernelPipeline:
    """Runs `FastFusion`, with kernels for all per-pixel work from motion to tone map."""

    def __init__(self, model: FastFusion, flow: DISFlow, dtype: torch.dtype) -> None:
        """Take over a model.

        Args:
            model: The network, on the CPU.
            flow: The flow provider that it was trained with.
            dtype: Type that the convolutions compute in, float32 or bfloat16.
        """
        self.multiple = model.multiple
        self._flow = flow
        self._core = model.core
        self._dtype = dtype
        # Kernels as large as their stride make a convolution a matrix product over cells.
        named = {name: x.detach() for name, x in model.cells.named_parameters()}
        self._matrix = named['weight'].permute(0, 2, 3, 1).flatten(1).to(dtype)
        self._bias = named['bias'].to(dtype)

    def compile(self) -> None:
        """Compile all kernels before the first frames come; takes seconds, once per machine."""
        side = self.multiple
        inputs = Levels(np.zeros((3, side, side, 3), np.uint8), np.float32(255),
                       np.zeros((3, 256), np.float32))
        flow = self.motion(inputs)[0].numpy()
        moved = np.zeros((2, 3, side, side), np.float32)
        self._features(inputs, flow, moved)
        self._motion_features(flow)
        logits = (np.zeros((side // CELL, side // CELL, 2 * CELL**2), np.float32),) * 3
        key = BatchKey((side, side), 3, reference_index=1, mend_halos=True)
        radiance = self._blend(inputs, flow, moved, logits, 0.0, key)
        frames = (Frame(pixels=inputs.pixels[k], exposure_time=2.0**k) for k in range(3))
        stage = Stage('compile', torch.device('cpu'))
        self.render(Bracket.of(frames), radiance, RadianceSettings(), stage)

    @staticmethod
    def takes(bracket: Bracket) -> bool:
        """Whether it can fuse a bracket: its frames must have 8 or 16 bits."""
        return bracket.reference.pixels.dtype in (np.uint8, np.uint16)

    def prepare(
        self, bracket: Bracket, settings: RadianceSettings, padded: tuple[int, int], stage: Stage
    ) -> Levels:
        """Pad the frames' own pixels, with grey in three channels, and tabulate what they mean."""
        frames = bracket.reference_first
        pixels = np.empty((len(frames), *padded, 3), bracket.reference.pixels.dtype)
        for out, frame in zip(pixels, frames, strict=True):
            pad_into(frame.pixels.reshape(*frame.pixels.shape[:2], -1), out)
        table = level_table(int(np.iinfo(pixels.dtype).max), settings.response, settings.gamma)
        exposures = relative_exposures([frame.exposure for frame in frames]).numpy()
        linear = np.stack([table / exposure for exposure in exposures])
        return Levels(pixels, np.float32(len(table) - 1), linear)

    def motion(self, inputs: Levels) -> Float[Tensor, '1 m 2 h w']:
        """Estimate the motion as `DISFlow` does."""
        count, height, width, _ = inputs.pixels.shape
        cell = self._flow.cell(height, width)
        padded = round_up(height, cell), round_up(width, cell)
        grey_frames = np.empty((count, *padded), np.float32)
        weighted = inputs.linear[:, None] * np.array(LUMINANCE, np.float32)[:, None]

        def write_luminance(piece: tuple[int, int, int]) -> float:
            """Compute the luminance of some rows of a frame; returns the largest value."""
            k, *rows = piece
            return float(
                grey.luminance(inputs.pixels[k], weighted[k], tuple(rows), grey_frames[k]))

        pieces = [(k, *piece) for k in range(count) for piece in row_pieces(height, _ROWS)]
        brightest = np.array(each(write_luminance, pieces)).reshape(count, -1).max(axis=1)
        white = np.minimum(brightest[0], brightest[1:]).clip(min=LEAST_WHITE).astype(np.float32)
        means = np.empty((2, count - 1, padded[0] // cell, padded[1] // cell), np.float32)
        for frame in grey_frames:
            repeat_edges(frame, height, width)

        def write_means(piece: tuple[int, int]) -> None:
            """Average the reference (side 0) or the other frame (side 1) of a pair over cells."""
            side, k = piece
            grey.cell_means(grey_frames[k + 1 if side else 0], white[k], cell,
                            (0, padded[0] // cell), means[side, k])

        each(write_means, [(side, k) for side in range(2) for k in range(count - 1)])
        images = (torch.from_numpy(means).pow_(ENCODING) * 255).round_().byte().numpy()
        flow = self._flow.estimate(images[0], images[1], cell)[None]
        return flow[..., :height, :width].contiguous()

    def radiances(self, batch: Sequence[Prepared], key: BatchKey) -> list[Float[Tensor, '3 h w']]:
        """Fuse as `FastFusion` does, one by one: a CPU gains nothing from a batch."""
        return [self._radiance(one.inputs, one.motion, one.guard.noise, key) for one in batch]

    def _radiance(
        self, inputs: Levels, motion: Float[Tensor, '1 m 2 h w'], noise: float, key: BatchKey
    ) -> Float[Tensor, '3 h w']:
        """Fuse one bracket."""
        _, height, width, _ = inputs.pixels.shape
        flow = motion[0].numpy()
        moved = np.empty((len(flow), 3, height, width), np.float32)
        features = self._features(inputs, flow, moved)
        logits = self._core(features, self._motion_features(flow))
        cells = tuple(x.permute(0, 2, 3, 1)[0].float().contiguous().numpy() for x in logits)
        return self._blend(inputs, flow, moved, cells, noise, key)

    @staticmethod
    def _blend(
        inputs: Levels, flow: Float32[np.ndarray, 'm 2 h w'],
        moved: Float32[np.ndarray, 'm 3 h w'], cells: tuple[npt.NDArray[np.float32], ...],
        noise: float, key: BatchKey,
    ) -> Float[Tensor, '3 h w']:
        """Blend the frames by the logits of their cells; mend halos and apply the guard."""
        _, height, width, _ = inputs.pixels.shape
        out = np.empty((3, height, width), np.float32)
        linear = inputs.linear[0]
        margins = () if math.isinf(noise) else guard.margins(linear, noise)

        def blend_rows(rows: tuple[int, int]) -> None:
            blending.blend(inputs, moved, cells, key.reference_index, _BLENDING, rows, out)
            if key.mend_halos and key.reference_index:
                mending.mend(inputs, flow, moved, key.reference_index, _MENDING, rows, out)
            if margins:
                guarding.guard(inputs.pixels[0], linear, *margins, rows, out)

        each(blend_rows, row_pieces(height, _ROWS))
        return torch.from_numpy(out)

    def render(
        self, bracket: Bracket, radiance: Float[Tensor, '3 h w'], settings: RadianceSettings,
        stage: Stage,
    ) -> tuple[Tensor, Tensor]:
        """As `rendering.render`; the mu-laws in a single pass."""
        if settings.tone_map not in ('mu', 'mu_colour'):
            return render(bracket, radiance, settings, stage)
        width, height = bracket.reference.size
        scaled = np.empty((height, width, 3), np.float32)
        picture = np.empty((height, width, 3), np.uint8)
        unit = np.float32(1 / min(bracket.exposures))
        mu, planes = np.float32(settings.mu), radiance.numpy()

        def show_rows(rows: tuple[int, int]) -> None:
            showing.show(planes, unit, mu, settings.tone_map == 'mu_colour', rows, scaled, picture)

        each(show_rows, row_pieces(height, _ROWS))
        both = torch.from_numpy(scaled), torch.from_numpy(picture)
        if bracket.reference.pixels.ndim == 2:
            return both[0][..., 0].contiguous(), both[1][..., 0].contiguous()
        return both

    def _features(
        self, inputs: Levels, flow: Float32[np.ndarray, 'm 2 h w'],
        moved: Float32[np.ndarray, 'm 3 h w'],
    ) -> list[Float[Tensor, '1 c i j']]:
        """Apply the first convolution to each frame; writes the moved frames into `moved`."""
        count, height, width, _ = inputs.pixels.shape
        features = torch.empty(
            (count, height // CELL, width // CELL, len(self._matrix)), dtype=self._dtype)
        levels = torch.arange(inputs.linear.shape[1]) / float(inputs.white)
        ldr = _as_numpy(levels.to(self._dtype))
        curved = _as_numpy(mu_law(torch.from_numpy(inputs.linear)).to(self._dtype))

        def convolve_rows(piece: tuple[int, int, int]) -> None:
            k, first, rows = piece
            shape = (rows // CELL, width // CELL, CELL, CELL, CHANNELS)
            seen = torch.empty(shape, dtype=self._dtype)
            describing.describe(inputs.pixels[k], ldr, curved[k], first, _as_numpy(seen))
            if k:
                describing.describe_moved(inputs.pixels[k], inputs.linear[k], flow[k - 1],
                                          np.float32(MU), first, moved[k - 1], _as_numpy(seen))
            part = F.linear(seen.flatten(2), self._matrix, self._bias)
            features[k, first // CELL:(first + rows) // CELL] = F.relu_(part)

        pieces = [(k, *piece) for k in range(count) for piece in row_pieces(height, _ROWS)]
        each(convolve_rows, pieces)
        return [x.permute(2, 0, 1)[None] for x in features]

    def _motion_features(
        self, flow: Float32[np.ndarray, 'm 2 h w']
    ) -> list[Float[Tensor, '1 3 i j']]:
        """Summarise the flow over cells, as input of the network."""
        _, _, height, width = flow.shape
        shape = (height // CELL, width // CELL, 3)
        out = torch.empty((len(flow), *shape), dtype=self._dtype)
        cells = _as_numpy(out)
        each(lambda k: describing.describe_motion(
            flow[k], np.float32(FLOW_UNIT), (0, shape[0]), cells[k]), range(len(flow)))
        return [x.permute(2, 0, 1)[None] for x in out]


def _as_numpy(values: Tensor) -> npt.NDArray[Any]:
    """View a tensor's memory in NumPy; bfloat16, which NumPy does not know, as uint16."""
    if values.dtype is torch.bfloat16:
        return values.view(torch.int16).numpy().view(np.uint16)
    return values.numpy()

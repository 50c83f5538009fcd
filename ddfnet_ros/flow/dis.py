# SPDX-License-Identifier: Apache-2.0
"""Dense inverse search flow (Kroeger et al. 2016) from OpenCV: milliseconds on a CPU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from ddfnet_ros.flow.evidence import evident
from ddfnet_ros.flow.pairs import common_range, corrected_frames
from ddfnet_ros.parallel import each
from ddfnet_ros.tonemap import luminance

PRESETS = {
    'fast': cv2.DISOPTICAL_FLOW_PRESET_FAST,
    'medium': cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
    'dense': cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
}
"""OpenCV's, and `dense`: on images of half their size or less, but there on the finest scale, with
more patches and without variational refinement, which smooths across the edges of moving things.
Fusion gains as much by it as by `medium`, in less than half the time."""

_MOST_PIXELS = 160_000  # that `dense` looks at, so that large frames do not take long

# OpenCV chooses the pyramid by the width alone once a side is below 32, then reads outside of
# low images (seen in 5.0: NaN at 200x9, a crash at 4000x12). From 40 on all shapes are safe.
_MIN_SIDE = 40


def dis_flow(
    reference: UInt8[np.ndarray, 'h w'], other: UInt8[np.ndarray, '_ _'], preset: str = 'dense'
) -> Float32[np.ndarray, 'h w 2']:
    """Flow from the reference to another image of equal brightness, in pixels (x, y).

    Where the images do not show a motion, it is the camera's (`evidence.py`).

    Args:
        reference: Grey, any size.
        other: Grey, of the same size.
        preset: One of `PRESETS`.

    Raises:
        ValueError: unequal sizes or an unknown preset.
    """
    if reference.shape != other.shape:
        raise ValueError(f'expected images of one size, got {reference.shape} and {other.shape}')
    if preset not in PRESETS:
        raise ValueError(f'preset: expected one of {", ".join(PRESETS)}, got {preset!r}')
    height, width = reference.shape
    pad = [(0, max(_MIN_SIDE - height, 0)), (0, max(_MIN_SIDE - width, 0))]
    if any(after for _, after in pad):
        reference, other = np.pad(reference, pad, 'edge'), np.pad(other, pad, 'edge')
    estimator = _estimator(preset)
    reference, other = np.ascontiguousarray(reference), np.ascontiguousarray(other)
    flow: Float32[np.ndarray, 'ph pw 2'] = estimator.calc(reference, other, None)
    return evident(reference, other, flow)[:height, :width]


def _estimator(preset: str) -> Any:
    """A new one for each call: OpenCV's is not safe to share between threads, and costs little."""
    estimator: Any = cv2.DISOpticalFlow.create(PRESETS[preset])
    if preset == 'dense':
        estimator.setFinestScale(0)
        estimator.setPatchStride(4)
        estimator.setGradientDescentIterations(16)
    return estimator


@dataclass(frozen=True)
class DISFlow:
    """DIS as a flow provider.

    Attributes:
        preset: One of `PRESETS`.
    """

    preset: str = 'dense'

    def __call__(self, stack: Float[Tensor, 'b n 6 h w']) -> Float[Tensor, 'b m 2 h w']:
        """Estimate the flow from the reference to each of the m = n - 1 other frames."""
        height, width = stack.shape[-2:]
        cell = self.cell(height, width)
        grey = _padded(luminance(corrected_frames(stack)), cell)
        references, others = (_bytes(frames) for frames in common_range(grey, cell))
        host = stack.device.type == 'cpu'
        between = self.between if host else partial(self.between_for, stack.device)
        flow = torch.stack([
            between(*pairs, cell) for pairs in zip(references, others, strict=True)])
        return flow[..., :height, :width]

    def cell(self, height: int, width: int) -> int:
        """Side of the squares of pixels that are averaged before motion is looked for."""
        return _cell(height, width) if self.preset == 'dense' else 1

    def between(
        self, references: UInt8[np.ndarray, 'm i j'], others: UInt8[np.ndarray, 'm i j'], cell: int
    ) -> Float[Tensor, 'm 2 h w']:
        """Flow of pairs of averaged images, at the size that they had before.

        Args:
            references: Grey, of the brightness and clipping of the other image.
            others: Grey.
            cell: Side of the squares that were averaged.
        """
        count, rows, columns = others.shape
        full = np.empty((count, 2, rows * cell, columns * cell), np.float32)

        def estimate(k: int) -> None:
            flow = self._of_pair(references[k], others[k], cell)
            for plane, part in zip(full[k], cv2.split(flow), strict=True):
                cv2.resize(part, plane.shape[::-1], dst=plane, interpolation=cv2.INTER_LINEAR)

        each(estimate, range(count))
        return torch.from_numpy(full)

    def between_for(
        self, device: torch.device, references: UInt8[np.ndarray, 'm i j'],
        others: UInt8[np.ndarray, 'm i j'], cell: int
    ) -> Float[Tensor, 'm 2 h w']:
        """As `between`, for another device: enlarged there, so that little crosses the bus."""
        count, rows, columns = others.shape
        pinned = device.type == 'cuda'
        small = torch.empty((count, rows, columns, 2), pin_memory=pinned)

        def estimate(k: int) -> None:
            small.numpy()[k] = self._of_pair(references[k], others[k], cell)

        each(estimate, range(count))
        there = small.to(device, non_blocking=True).permute(0, 3, 1, 2).contiguous()
        return F.interpolate(there, scale_factor=cell, mode='bilinear') if cell > 1 else there

    def _of_pair(
        self, reference: UInt8[np.ndarray, 'i j'], other: UInt8[np.ndarray, 'i j'], cell: int
    ) -> Float32[np.ndarray, 'i j 2']:
        """Pixels of the full size, one vector for each cell."""
        return dis_flow(reference, other, self.preset) * np.float32(cell)


def _cell(height: int, width: int) -> int:
    cell = 1 if min(height, width) < 2 * _MIN_SIDE else 2
    while height * width > _MOST_PIXELS * cell**2:
        cell *= 2
    return cell


def _padded(grey: Float[Tensor, 'b n 1 h w'], cell: int) -> Float[Tensor, 'b n 1 ph pw']:
    """Up to multiples of the cell, by repeating the edge."""
    below, right = (-side % cell for side in grey.shape[-2:])
    if not (below or right):
        return grey
    padded = F.pad(grey.flatten(0, 1), (0, right, 0, below), 'replicate')
    return padded.unflatten(0, grey.shape[:2])


def _bytes(grey: Float[Tensor, 'b m 1 h w']) -> UInt8[np.ndarray, 'b m h w']:
    return (grey * 255).round().byte().squeeze(2).cpu().numpy()

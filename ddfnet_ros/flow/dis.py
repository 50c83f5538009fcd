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

from ddfnet_ros.flow.evidence import keep_evident_motion
from ddfnet_ros.flow.pairs import common_range, corrected_frames
from ddfnet_ros.parallel import each
from ddfnet_ros.tonemap import luminance

PRESETS = {
    'fast': cv2.DISOPTICAL_FLOW_PRESET_FAST,
    'medium': cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
    'dense': cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
}
"""OpenCV's presets, and our `dense`: it works on images of half their size or less, but on their
finest scale, with more patches and without variational refinement, which smooths across the edges
of moving objects. Fusion gains as much from it as from `medium`, in less than half the time."""

_MAX_PIXELS = 160_000  # of the images that `dense` works on, to limit the time for large frames

# If a side is below 32, OpenCV chooses the pyramid by the width alone and then reads outside of
# low images (seen in 5.0: NaN at 200x9, a crash at 4000x12). From 40 on all shapes are safe.
_MIN_SIDE = 40


def dis_flow(
    reference: UInt8[np.ndarray, 'h w'], other: UInt8[np.ndarray, '_ _'], preset: str = 'dense'
) -> Float32[np.ndarray, 'h w 2']:
    """Flow from the reference to another image of equal brightness, in pixels (x, y).

    Where the images show no evidence of motion, it is the camera's motion (`evidence.py`).

    Args:
        reference: Grey image of any size.
        other: Grey image of the same size.
        preset: One of `PRESETS`.

    Raises:
        ValueError: unequal sizes, or an unknown preset.
    """
    if reference.shape != other.shape:
        raise ValueError(f'expected images of one size, got {reference.shape} and {other.shape}')
    if preset not in PRESETS:
        raise ValueError(f'preset: expected one of {", ".join(PRESETS)}, got {preset!r}')
    height, width = reference.shape
    pad = [(0, max(_MIN_SIDE - height, 0)), (0, max(_MIN_SIDE - width, 0))]
    if any(after for _, after in pad):
        reference, other = np.pad(reference, pad, 'edge'), np.pad(other, pad, 'edge')
    estimator = _make_estimator(preset)
    reference, other = np.ascontiguousarray(reference), np.ascontiguousarray(other)
    flow: Float32[np.ndarray, 'ph pw 2'] = estimator.calc(reference, other, None)
    return keep_evident_motion(reference, other, flow)[:height, :width]


def _make_estimator(preset: str) -> Any:
    """Make a new estimator: they are cheap, and must not be shared between threads."""
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
        grey = _pad(luminance(corrected_frames(stack)), cell)
        references, others = (_to_bytes(frames) for frames in common_range(grey, cell))
        on_cpu = stack.device.type == 'cpu'
        estimate = self.estimate if on_cpu else partial(self.estimate_on, stack.device)
        flow = torch.stack([
            estimate(*pairs, cell) for pairs in zip(references, others, strict=True)])
        return flow[..., :height, :width]

    def cell(self, height: int, width: int) -> int:
        """Side of the squares of pixels that are averaged before the flow is estimated [px]."""
        return _dense_cell(height, width) if self.preset == 'dense' else 1

    def estimate(
        self, references: UInt8[np.ndarray, 'm i j'], others: UInt8[np.ndarray, 'm i j'], cell: int
    ) -> Float[Tensor, 'm 2 h w']:
        """Flow of pairs of averaged images, enlarged to their original size.

        Args:
            references: Grey images, each with the brightness and clipping of its other image.
            others: Grey images.
            cell: Side of the squares of pixels that were averaged.
        """
        count, rows, columns = others.shape
        full = np.empty((count, 2, rows * cell, columns * cell), np.float32)

        def estimate_pair(k: int) -> None:
            flow = self._pair_flow(references[k], others[k], cell)
            for plane, part in zip(full[k], cv2.split(flow), strict=True):
                cv2.resize(part, plane.shape[::-1], dst=plane, interpolation=cv2.INTER_LINEAR)

        each(estimate_pair, range(count))
        return torch.from_numpy(full)

    def estimate_on(
        self, device: torch.device, references: UInt8[np.ndarray, 'm i j'],
        others: UInt8[np.ndarray, 'm i j'], cell: int
    ) -> Float[Tensor, 'm 2 h w']:
        """Like `estimate`, but the flow is enlarged on `device`, so that little is transferred."""
        count, rows, columns = others.shape
        pinned = device.type == 'cuda'
        small = torch.empty((count, rows, columns, 2), pin_memory=pinned)

        def estimate_pair(k: int) -> None:
            small.numpy()[k] = self._pair_flow(references[k], others[k], cell)

        each(estimate_pair, range(count))
        flow = small.to(device, non_blocking=True).permute(0, 3, 1, 2).contiguous()
        return F.interpolate(flow, scale_factor=cell, mode='bilinear') if cell > 1 else flow

    def _pair_flow(
        self, reference: UInt8[np.ndarray, 'i j'], other: UInt8[np.ndarray, 'i j'], cell: int
    ) -> Float32[np.ndarray, 'i j 2']:
        """One vector for each cell, in pixels of the original size."""
        return dis_flow(reference, other, self.preset) * np.float32(cell)


def _dense_cell(height: int, width: int) -> int:
    cell = 1 if min(height, width) < 2 * _MIN_SIDE else 2
    while height * width > _MAX_PIXELS * cell**2:
        cell *= 2
    return cell


def _pad(grey: Float[Tensor, 'b n 1 h w'], cell: int) -> Float[Tensor, 'b n 1 ph pw']:
    """Pad to multiples of the cell by repeating the edge."""
    below, right = (-side % cell for side in grey.shape[-2:])
    if not (below or right):
        return grey
    padded = F.pad(grey.flatten(0, 1), (0, right, 0, below), 'replicate')
    return padded.unflatten(0, grey.shape[:2])


def _to_bytes(grey: Float[Tensor, 'b m 1 h w']) -> UInt8[np.ndarray, 'b m h w']:
    return (grey * 255).round().byte().squeeze(2).cpu().numpy()

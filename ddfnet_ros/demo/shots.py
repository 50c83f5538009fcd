# SPDX-License-Identifier: Apache-2.0
"""A shot: one bracket of the recording, its ground truth, and the result of each method."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.bracket import Bracket, Frame, Pixels
from ddfnet_ros.evaluation.metrics import clipped
from ddfnet_ros.flow.dis import DISFlow
from ddfnet_ros.results.pictures import eight_bit
from ddfnet_ros.runtime.preparation import stack_of
from ddfnet_ros.settings import RadianceSettings
from ddfnet_ros.tonemap import tone_map

Radiance = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

METHODS = ('reference', 'static_merge', 'fused')
# Tone map of the pictures. The mu-law of the metrics looks flat; a key above the usual 0.18 suits
# a scene against the sun.
LOOK = RadianceSettings(tone_map='reinhard', key=0.3)


@dataclass(frozen=True, eq=False, kw_only=True)
class Shot:
    """One bracket. All radiance is (H, W, 3), relative to the shortest exposure.

    Attributes:
        number: Its place in the recording, from 1.
        bracket: The bracket as decoded from the recording.
        truth: True radiance of the scene at the time of the reference frame.
        moving: Mask, (H, W), of pixels where the scene differs in some frame from the reference.
        radiance: Radiance from each of `METHODS`.
        published: Tone-mapped picture that the node published.
    """

    number: int
    bracket: Bracket
    truth: Radiance
    moving: Mask
    radiance: dict[str, Radiance]
    published: Picture

    @cached_property
    def clipped(self) -> Mask:
        """Mask of pixels that are clipped in the reference frame."""
        return clipped(display(self.bracket.reference.pixels).astype(np.float32) / 255)

    @cached_property
    def motion(self) -> npt.NDArray[np.float32]:
        """Largest estimated motion from the reference to another frame, (H, W) [pixels].

        Zero outside of `moving`.
        """
        width, height = self.bracket.reference.size
        flow = DISFlow('medium')(stack_of(self.bracket, LOOK, (height, width)))
        longest: npt.NDArray[np.float32] = flow[0].norm(dim=1).amax(0).numpy()
        return longest * self.moving

    def picture(self, name: str) -> Picture:
        """Tone-map one of `METHODS`, or 'truth', as the node does."""
        radiance = self.truth if name == 'truth' else self.radiance[name]
        planes = torch.from_numpy(np.ascontiguousarray(radiance.transpose(2, 0, 1)))
        picture = tone_map(planes, LOOK).permute(1, 2, 0)
        bytes_: Picture = (picture * 255).round().to(torch.uint8).numpy()
        return bytes_


@dataclass(frozen=True)
class Window:
    """A rectangle of one shot, in pixels."""

    shot: Shot
    left: int
    top: int
    width: int
    height: int

    def cut(self, picture: Picture, scale: int) -> Picture:
        """Cut the rectangle from a picture of the shot and enlarge it."""
        part = picture[self.top:self.top + self.height, self.left:self.left + self.width]
        enlarged = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        return np.asarray(enlarged, np.uint8)


def largest_motion(shots: list[Shot], share: float = 0.25) -> Window:
    """Find the window with most motion in all shots.

    Args:
        shots: Shots to search, at least one.
        share: Width and height of the window, relative to the picture.
    """
    best, window = -1.0, None
    for shot in shots:
        height, width = shot.motion.shape
        size = max(round(width * share), 1), max(round(height * share), 1)
        mean = cv2.boxFilter(shot.motion, -1, size, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
        inside = mean[:height - size[1] + 1, :width - size[0] + 1]
        top, left = np.unravel_index(int(inside.argmax()), inside.shape)
        if inside[top, left] > best:
            best, window = float(inside[top, left]), Window(shot, int(left), int(top), *size)
    if window is None:
        raise ValueError('expected at least one bracket, got none')
    return window


def display(pixels: Pixels) -> Picture:
    """Convert the pixels of a frame to 8-bit RGB."""
    scaled = eight_bit(pixels)
    return scaled if scaled.ndim == 3 else np.repeat(scaled[..., None], 3, axis=2)


def milliseconds(frame: Frame) -> str:
    """Exposure time of a frame as text."""
    return f'{(frame.exposure_time or 0) * 1e3:g} ms'

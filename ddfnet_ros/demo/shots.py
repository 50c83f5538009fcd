# SPDX-License-Identifier: Apache-2.0
"""A shot: one bracket of the recording, its truth, and what each method made of it."""

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
# What `fuse_node` makes its pictures with. The mu-law that figures are computed after is flat to
# the eye; a key above the usual 0.18 suits a scene against the sun.
LOOK = RadianceSettings(tone_map='reinhard', key=0.3)


@dataclass(frozen=True, eq=False, kw_only=True)
class Shot:
    """One bracket; all radiance is (H, W, 3), relative to the shortest exposure.

    Attributes:
        number: Its place in the recording, from 1.
        bracket: The frames as they were decoded from the recording.
        truth: What the scene was while the reference frame was exposed.
        moving: Where some frame saw something else than the reference did.
        radiance: What each of `METHODS` says of it.
        published: The picture that the node published for it.
    """

    number: int
    bracket: Bracket
    truth: Radiance
    moving: Mask
    radiance: dict[str, Radiance]
    published: Picture

    @cached_property
    def clipped(self) -> Mask:
        """Where the reference frame is clipped."""
        return clipped(display(self.bracket.reference.pixels).astype(np.float32) / 255)

    @cached_property
    def motion(self) -> npt.NDArray[np.float32]:
        """Estimated motion between the frames where something moves, (H, W) pixels."""
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
    """A part of one shot worth a closer look."""

    shot: Shot
    left: int
    top: int
    width: int
    height: int

    def cut(self, picture: Picture, scale: int) -> Picture:
        """Enlarge this part of a picture of the shot."""
        part = picture[self.top:self.top + self.height, self.left:self.left + self.width]
        enlarged = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        return np.asarray(enlarged, np.uint8)


def largest_motion(shots: list[Shot], share: float = 0.25) -> Window:
    """The window with most motion in it, of all shots.

    Args:
        shots: At least one.
        share: Width and height of the window relative to the picture's.
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
    """Any frame's pixels as 8-bit RGB."""
    scaled = eight_bit(pixels)
    return scaled if scaled.ndim == 3 else np.repeat(scaled[..., None], 3, axis=2)


def milliseconds(frame: Frame) -> str:
    """How long a frame was exposed, for people."""
    return f'{(frame.exposure_time or 0) * 1e3:g} ms'

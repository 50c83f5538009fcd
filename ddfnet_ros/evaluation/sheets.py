# SPDX-License-Identifier: Apache-2.0
"""Contact sheet of a scene: frames, truth and every method, with a zoom of each."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from ddfnet_ros.evaluation.baselines.frames import colour
from ddfnet_ros.evaluation.baselines.fuser import RADIANCE, Fuser
from ddfnet_ros.evaluation.metrics import clipped, compressed
from ddfnet_ros.evaluation.scenes import Scene

_ZOOM = 4       # magnification of the zoom, which is as large as the whole picture
_LABEL = 14     # pixels above each picture

Shown = npt.NDArray[np.uint8]


def sheet(scene: Scene, fusers: Mapping[str, Fuser]) -> Shown:
    """Upper row: whole pictures. Lower row: the window with most motion or clipping, enlarged."""
    pictures = {
        f'frame {k + 1}': colour(frame.pixels) for k, frame in enumerate(scene.bracket.frames)}
    pictures['truth'] = compressed(scene.truth)
    for name, fuser in fusers.items():
        fused = fuser(scene.bracket)
        pictures[name] = compressed(fused * scene.unit) if fuser.output == RADIANCE else fused
    top, left, side = _densest_window(scene.moving | clipped(scene.reference))
    columns = []
    for name, picture in pictures.items():
        shown = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
        height, width = shown.shape[:2]
        zoom = cv2.resize(shown[top:top + side, left:left + side], (width, height),
                          interpolation=cv2.INTER_NEAREST)
        columns.append(np.concatenate([_label(name, width), shown, zoom]))
    return np.concatenate(columns, axis=1)


def _densest_window(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int]:
    """Top, left and side of the square window with the most `True` pixels."""
    height, width = mask.shape
    side = max(min(height, width) // _ZOOM, 1)
    sums = np.pad(mask.astype(np.int64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    top, left = divmod(int(inside.argmax()), inside.shape[1])
    return top, left, side


def _label(name: str, width: int) -> Shown:
    strip = Image.new('RGB', (width, _LABEL), 'white')
    ImageDraw.Draw(strip).text((3, 1), name, fill='black')
    return np.asarray(strip)

# SPDX-License-Identifier: Apache-2.0
"""Composed pictures: the contact sheet of all brackets, and a comparison before / after."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ddfnet_ros.demo.shots import Picture, Shot, Window, display, milliseconds

_GAP, _TITLE = 6, 30  # pixels: gap between pictures; height of a line of titles
_BACKGROUND, _FOREGROUND = (24, 27, 30), (225, 228, 230)
_SHEET_WIDTH = 240
_HALF_WIDTH = 400

Titled = tuple[str, Picture]


def contact_sheet(shots: Sequence[Shot]) -> Picture:
    """One row per bracket: its frames, the static merge, the fused image, the truth."""
    first, *others = [_row(_pictures(shot), _SHEET_WIDTH) for shot in shots]
    untitled = [row[_TITLE:] for row in others]
    return np.vstack([first, *untitled])


def before_after(window: Window) -> Picture:
    """The reference frame beside the fused image; below, the part that moves most, enlarged."""
    shot = window.shot
    halves = [('reference frame', display(shot.bracket.reference.pixels)),
              ('fused', shot.published)]
    closer = [('long exposure', display(shot.bracket.frames[-1].pixels)),
              ('static merge', shot.picture('static_merge')), ('fused', shot.published),
              ('truth', shot.picture('truth'))]
    enlarged = [(title, window.cut(picture, 4)) for title, picture in closer]
    return np.vstack([_row(halves, _HALF_WIDTH), _row(enlarged, (_HALF_WIDTH - _GAP) // 2)])


def _pictures(shot: Shot) -> list[Titled]:
    frames = [(milliseconds(frame), display(frame.pixels))
              for frame in shot.bracket.frames]
    k = shot.bracket.reference_index
    frames[k] = (f'{frames[k][0]} (reference)', frames[k][1])
    return [*frames, ('static merge', shot.picture('static_merge')), ('fused', shot.published),
            ('truth', shot.picture('truth'))]


def _row(titled: Sequence[Titled], width: int) -> Picture:
    """Place pictures of equal height side by side, with gaps and titles."""
    small = [_resized(picture, width) for _, picture in titled]
    height, step = small[0].shape[0], width + _GAP
    row = np.full((_TITLE + height + _GAP, len(small) * step + _GAP, 3), _BACKGROUND, np.uint8)
    for k, picture in enumerate(small):
        left = _GAP + k * step
        row[_TITLE:_TITLE + height, left:left + width] = picture
    image = Image.fromarray(row)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    for k, (title, _) in enumerate(titled):
        draw.text((_GAP + k * step, 6), title, _FOREGROUND, font)
    return np.asarray(image)


def _resized(picture: Picture, width: int) -> Picture:
    height = round(picture.shape[0] * width / picture.shape[1])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA),
                      np.uint8)

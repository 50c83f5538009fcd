# SPDX-License-Identifier: Apache-2.0
"""The contact sheet: a row per bracket, its frames beside what was made of them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ddfnet_ros.demo.shots import Picture, Shot, display

_WIDTH, _GAP, _HEAD = 240, 6, 30  # pixels
_PAPER, _INK = (24, 27, 30), (225, 228, 230)


def contact_sheet(shots: Sequence[Shot]) -> Picture:
    """Lay the shots out: input frames, static merge, fused, truth."""
    rows = [_row(shot) for shot in shots]
    height, width = rows[0].shape[:2]
    sheet = np.full((_HEAD + len(rows) * (height + _GAP), width + 2 * _GAP, 3), _PAPER, np.uint8)
    for k, row in enumerate(rows):
        top = _HEAD + k * (height + _GAP)
        sheet[top:top + height, _GAP:-_GAP] = row
    return _lettered(sheet, _titles(shots[0]))


def _row(shot: Shot) -> Picture:
    pictures = [display(frame.pixels) for frame in shot.bracket.frames]
    pictures += [shot.picture('static_merge'), shot.published, shot.picture('truth')]
    small = [_shrunk(picture) for picture in pictures]
    gap = np.full((small[0].shape[0], _GAP, 3), _PAPER, np.uint8)
    return np.hstack([part for picture in small for part in (picture, gap)][:-1])


def _titles(shot: Shot) -> list[str]:
    frames = [f'{exposure * 1e3:g} ms' for exposure in shot.bracket.exposures]
    frames[shot.bracket.reference_index] += ' (reference)'
    return [*frames, 'static merge', 'fused', 'truth']


def _lettered(sheet: Picture, titles: list[str]) -> Picture:
    image = Image.fromarray(sheet)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    for k, title in enumerate(titles):
        draw.text((_GAP + k * (_WIDTH + _GAP), 6), title, _INK, font)
    return np.asarray(image)


def _shrunk(picture: Picture) -> Picture:
    height = round(picture.shape[0] * _WIDTH / picture.shape[1])
    return np.asarray(cv2.resize(picture, (_WIDTH, height), interpolation=cv2.INTER_AREA),
                      np.uint8)

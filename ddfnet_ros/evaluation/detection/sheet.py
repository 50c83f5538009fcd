# SPDX-License-Identifier: Apache-2.0
"""Contact sheet of traffic lights: every situation and state in every source."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from ddfnet_ros.evaluation.detection.places import Place
from ddfnet_ros.evaluation.detection.signals import STATES, signal_scene
from ddfnet_ros.evaluation.detection.study import crops_of
from ddfnet_ros.evaluation.detection.view import SITUATIONS
from ddfnet_ros.runtime.deghoster import Deghoster

_SIDE = 96  # side of a crop on the sheet [px]
_LABEL = 14
_MARGIN = 60  # width of the label left of each row [px]

Shown = npt.NDArray[np.uint8]


def signal_sheet(
    places: Sequence[Place], deghoster: Deghoster, random: np.random.Generator
) -> Shown:
    """Draw one row per situation and state, one column per source."""
    rows: list[Shown] = []
    for number, (name, situation) in enumerate(SITUATIONS.items()):
        for state in STATES:
            scene = signal_scene(places[number % len(places)], situation, state, random)
            crops = crops_of(scene, deghoster, random)
            if not rows:
                rows.append(_header(list(crops)))
            enlarged = [cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_NEAREST)
                        for crop in crops.values()]
            shown = np.round(np.concatenate(enlarged, axis=1) * 255).astype(np.uint8)
            rows.append(np.concatenate([_text([name, state], _MARGIN, _SIDE), shown], axis=1))
    return np.concatenate(rows)


def _header(names: Sequence[str]) -> Shown:
    labels = [_text(name.split(', '), _SIDE, 2 * _LABEL) for name in names]
    return np.concatenate([_text([], _MARGIN, 2 * _LABEL), *labels], axis=1)


def _text(lines: Sequence[str], width: int, height: int) -> Shown:
    strip = Image.new('RGB', (width, height), 'white')
    ImageDraw.Draw(strip).text((3, 1), '\n'.join(lines), fill='black', spacing=1)
    return np.asarray(strip)

# SPDX-License-Identifier: Apache-2.0
"""Draw a bracket with each of its frames as the reference, halos left and mended (Figure 9).

    python -m benchmark.halo --panoramas hdri/val --cutouts cutouts

draws doc/images/halo.png with a row per reference: the frame, the truth, and the fused radiance
with halos left and mended. Radiance is shown exposed for its brightest part, because the mu-law
hides halos.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.evaluation.conditions import QUIET
from ddfnet_ros.evaluation.scenes import Scene, scene_with_reference
from ddfnet_ros.images import write_png
from ddfnet_ros.radiance import GAMMA
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.settings import DeghosterSettings
from ddfnet_ros.synthesis.layers import CutoutBank
from ddfnet_ros.synthesis.panorama_bank import PanoramaBank
from ddfnet_ros.synthesis.scene_settings import SceneSettings
from ddfnet_ros.synthesis.scenes import SceneSource

PICTURE = Path(__file__).parent.parent / 'doc' / 'images' / 'halo.png'
_ZOOM = 3
_GAP = 4  # pixels between pictures

Shown = npt.NDArray[np.uint8]


def main() -> None:
    """Draw the picture."""
    options = _options()
    settings = DeghosterSettings(model=options.model, device='cpu', threads=1)
    models = [Deghoster(replace(settings, mend_halos=mended)) for mended in (False, True)]
    source = SceneSource(PanoramaBank(options.panoramas), SceneSettings(),
                         CutoutBank(options.cutouts), QUIET)
    generator = torch.Generator().manual_seed(options.seed)
    for _ in range(options.scene + 1):
        scenes = source.draw(1, generator)
    rows = slice(options.rows[0], options.rows[1])
    pictures = [_draw_row(scene_with_reference(scenes, place), models, rows)
                for place in range(3)]
    write_png(options.output, _join(pictures, axis=0))


def _draw_row(scene: Scene, models: list[Deghoster], rows: slice) -> Shown:
    radiance = [scene.truth, *(model(scene.bracket).radiance * scene.unit for model in models)]
    white = np.quantile(scene.truth[rows], 0.99)
    pictures = [scene.reference, *(np.clip(r / white, 0, 1) ** (1 / GAMMA) for r in radiance)]
    return _join([_zoom(picture[rows]) for picture in pictures], axis=1)


def _zoom(picture: npt.NDArray[np.float32]) -> Shown:
    height, width = picture.shape[:2]
    enlarged = cv2.resize(picture, (width * _ZOOM, height * _ZOOM),
                          interpolation=cv2.INTER_NEAREST)
    return np.round(enlarged * 255).astype(np.uint8)


def _join(pictures: list[Shown], axis: int) -> Shown:
    gap = [(0, 0), (0, 0), (0, 0)]
    gap[axis] = (0, _GAP)
    padded = [np.pad(picture, gap, constant_values=255) for picture in pictures[:-1]]
    return np.concatenate([*padded, pictures[-1]], axis=axis)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--panoramas', type=Path, required=True, help='folder of .exr panoramas')
    parser.add_argument('--cutouts', type=Path, required=True, help='folder of .png figures')
    parser.add_argument('--model', default='fast')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--scene', type=int, default=8, help='which one of the seed, from 0')
    parser.add_argument('--rows', type=int, nargs=2, default=(72, 128), help='that are shown')
    parser.add_argument('--output', type=Path, default=PICTURE, help='.png to write')
    return parser.parse_args()


if __name__ == '__main__':
    main()

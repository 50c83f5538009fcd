# SPDX-License-Identifier: Apache-2.0
"""The plan of an evaluation: the options of `ddfnet evaluate`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ddfnet_ros.settings import MAX_FRAMES, MIN_FRAMES

Study = Literal['comparison', 'noise', 'robustness', 'references']
Dataset = Literal['synthetic', 'kalantari', 'fang']

ALL = 'all'
FUSED = 'fused'
"""Name of the evaluated model among the methods of a record."""

# --help shows no default for these options.
_DIR = tyro.conf.arg(metavar='DIR', help_behavior_hint='')
_NAMES = tyro.conf.arg(metavar='NAME...', help_behavior_hint='')

# Options that photographs ignore, and options that only the comparison uses.
_OF_SCENES = ('panoramas', 'cutouts', 'scenes', 'size', 'frames', 'sigma', 'seed')
_OF_COMPARISONS = ('sigma', 'pictures')


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Measure models and their peers on scenes whose truth is known."""

    panoramas: Annotated[Path | None, _DIR] = None
    """Folder of equirectangular .exr panoramas; not those that the model was trained on."""
    cutouts: Annotated[Path | None, _DIR] = None
    """Folder of RGBA .png figures that also move through the scenes."""
    dataset: Dataset = 'synthetic'
    """Scenes made from panoramas, or the photographs of Kalantari 2017 or of Fang 2019."""
    root: Annotated[Path | None, _DIR] = None
    """Folder of that data set."""
    study: Study = 'comparison'
    """One comparison; or over noise, over all that robustness varies, over the references."""
    peers: Annotated[tuple[str, ...], _NAMES] = ()
    """Methods to compare with, beside reference and static merge; all: every one there is."""
    models: Annotated[tuple[str, ...], _NAMES] = ()
    """More models to compare, beside --model, which is shown as fused."""
    cvvdp: bool = False
    """Also measure ColorVideoVDP; needs the package cvvdp."""
    scenes: int = 50
    """How many scenes per condition."""
    size: int = 128
    """Side of the square scenes [px]."""
    frames: int = 3
    """Exposures in a bracket."""
    sigma: float = 0.0
    """Gaussian noise on the frames in [0, 1], of otherwise quiet cameras; 0: random cameras."""
    pictures: Annotated[Path | None, _DIR] = None
    """Folder for sheets of a comparison's first eight scenes: frames, truth, methods, zooms."""
    seed: int = 1
    """Equal seeds give equal scenes."""

    def __post_init__(self) -> None:
        if self.dataset == 'synthetic' and self.panoramas is None:
            raise ValueError('--panoramas: expected a folder with .exr panoramas, got none; '
                             'name it, or a --dataset')
        if self.dataset != 'synthetic' and (self.root is None or not self.root.is_dir()):
            raise ValueError(f'--root: expected the folder of the data set, got {self.root}')
        if self.dataset != 'synthetic' and self.study != 'comparison':
            raise ValueError(f'--study: expected comparison on photographs, got {self.study}')
        for name, beside in self._find_useless_options():
            raise ValueError(f'--{name}: expected none with {beside}, where it changes nothing; '
                             'leave it out')
        if self.cutouts is not None and not any(self.cutouts.glob('*.png')):
            raise ValueError(f'--cutouts: expected a folder with .png files, got {self.cutouts}')
        if self.scenes < 1:
            raise ValueError(f'--scenes: expected at least 1, got {self.scenes}')
        for name, value, low, high in (
                ('size', self.size, 32, 512), ('frames', self.frames, MIN_FRAMES, MAX_FRAMES),
                ('sigma', self.sigma, 0, 1)):
            if not low <= value <= high:
                raise ValueError(f'--{name}: expected {low} to {high}, got {value}')

    def _find_useless_options(self) -> Iterator[tuple[str, str]]:
        """Yield each given option that has no effect, and the setting that makes it useless."""
        ignored: dict[str, str] = {}
        if self.dataset != 'synthetic':
            ignored |= dict.fromkeys(_OF_SCENES, self.dataset)
        if self.study != 'comparison':
            ignored |= dict.fromkeys(_OF_COMPARISONS, self.study)
        if self.dataset == 'fang':
            ignored['pictures'] = self.dataset
        for field in fields(self):
            if field.name in ignored and getattr(self, field.name) != field.default:
                yield field.name, ignored[field.name]

# SPDX-License-Identifier: Apache-2.0
"""Training data: synthesised scenes, or patches of photographed brackets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.flow.providers import WITHOUT_WEIGHTS
from ddfnet_ros.kalantari import KalantariScene, read_scenes
from ddfnet_ros.radiance import input_stack
from ddfnet_ros.synthesis.layers import CutoutBank
from ddfnet_ros.synthesis.panorama_bank import PanoramaBank
from ddfnet_ros.synthesis.scene_settings import SceneSettings
from ddfnet_ros.synthesis.scenes import SceneSource
from ddfnet_ros.training.batches import Batch, Draw, add_noise
from ddfnet_ros.training.settings import TrainingSettings

_MAX_MOTION = 0.45  # fastest layer of synthesised scenes [patch sides per frame interval]


def make_draw(settings: TrainingSettings) -> Draw:
    """Make the function that draws batches as the settings ask for.

    Raises:
        ValueError: a folder is missing or holds nothing to train on.
    """
    needed = {'synthetic': ('panoramas', 'cutouts'), 'kalantari': ('root',)}[settings.dataset]
    for name in needed:
        folder = getattr(settings, name)
        left_out = not folder and name == 'cutouts'  # cut-outs are optional
        if not left_out and not (folder and Path(folder).is_dir()):
            raise ValueError(f'--{name}: expected a folder, got {folder!r}; name one')
    if settings.dataset == 'kalantari':
        if settings.architecture == 'pwcnet':
            raise ValueError('dataset: expected synthetic, which knows the true motion that '
                             'pwcnet learns, got kalantari')
        return PhotographedPatches(list(read_scenes(Path(settings.root))), settings)
    cutouts = CutoutBank(Path(settings.cutouts)) if settings.cutouts else None
    scenes = SceneSettings(size=settings.patch, max_motion=_MAX_MOTION * settings.patch)
    source = SceneSource(PanoramaBank(Path(settings.panoramas)), scenes, cutouts)
    return SynthesisedScenes(source, settings)


class SynthesisedScenes:
    """Draws batches of random scenes."""

    def __init__(self, source: SceneSource, settings: TrainingSettings) -> None:
        self._source = source
        self._settings = settings

    def __call__(self, index: int, generator: torch.Generator) -> Batch:
        """Draw a batch; it depends on the generator only, not on the index."""
        settings = self._source.settings
        if self._settings.vary_brackets:
            settings = _vary_bracket(settings, generator)
        source = SceneSource(self._source.panoramas, settings, self._source.cutouts)
        count = max(1, self._settings.batch_size * self._source.settings.frames // settings.frames)
        scenes = source.draw(count, generator)
        stack = _stack(scenes.ldr, scenes.exposure, self._settings.noise, generator)
        true_motion = scenes.flow if self._settings.architecture == 'pwcnet' else None
        flow = _estimate_motion(stack, self._settings) if true_motion is None else true_motion
        return Batch(stack, flow, scenes.reference_index, scenes.truth)


class PhotographedPatches:
    """Draws randomly rotated and mirrored crops; every scene is used equally often."""

    def __init__(self, scenes: Sequence[KalantariScene], settings: TrainingSettings) -> None:
        """Keep the scenes in memory, 45 MB each at 1500x1000.

        Raises:
            ValueError: a scene is smaller than a patch.
        """
        for scene in scenes:
            if min(scene.truth.shape[:2]) < settings.patch:
                raise ValueError(f'patch: expected at most the size of scene {scene.name}, '
                                 f'{min(scene.truth.shape[:2])}, got {settings.patch}')
        self._scenes = scenes
        self._settings = settings

    def __call__(self, index: int, generator: torch.Generator) -> Batch:
        """Draw batch `index` of an endless sequence that shuffles the scenes in every epoch."""
        size = self._settings.batch_size
        patches = [self._patch(self._scene(index * size + i), generator) for i in range(size)]
        ldr, exposure, truth = map(torch.stack, zip(*patches, strict=True))
        stack = _stack(ldr, exposure, self._settings.noise, generator)
        return Batch(stack, _estimate_motion(stack, self._settings), 1, truth)

    def _scene(self, number: int) -> KalantariScene:
        epoch, position = divmod(number, len(self._scenes))
        shuffle = torch.Generator().manual_seed(self._settings.seed + epoch)
        order = torch.randperm(len(self._scenes), generator=shuffle)
        return self._scenes[int(order[position])]

    def _patch(
        self, scene: KalantariScene, generator: torch.Generator
    ) -> tuple[Float[Tensor, 'n 3 s s'], Float[Tensor, ' n'], Float[Tensor, '3 s s']]:
        """Random patch: LDR frames (reference first), their exposures, and the truth."""
        settings, u = self._settings, torch.rand(4, generator=generator).tolist()
        top, left = (int(fraction * (side - settings.patch + 1))
                     for fraction, side in zip(u, scene.truth.shape[:2], strict=False))
        turns = int(4 * u[2]) if settings.rotate else 0
        mirrored = settings.flip and u[3] < 0.5

        def crop(pixels: np.ndarray) -> Tensor:
            square = pixels[top:top + settings.patch, left:left + settings.patch]
            rotated = np.rot90(square[:, ::-1] if mirrored else square, turns)
            unit = np.iinfo(pixels.dtype).max if pixels.dtype != np.float32 else 1
            return torch.from_numpy(np.float32(rotated.transpose(2, 0, 1)) / np.float32(unit))

        order = [1, 0, 2]  # the reference is the middle exposure
        ldr = torch.stack([crop(scene.frames[i]) for i in order])
        return ldr, torch.tensor(scene.exposure)[order], crop(scene.truth)


def _stack(
    ldr: Float[Tensor, 'b n 3 h w'], exposure: Float[Tensor, 'b n'], noise: float,
    generator: torch.Generator,
) -> Float[Tensor, 'b n 6 h w']:
    return input_stack(add_noise(ldr, noise, generator) if noise else ldr, exposure)


def _estimate_motion(
    stack: Float[Tensor, 'b n 6 h w'], settings: TrainingSettings
) -> Float[Tensor, 'b m 2 h w'] | None:
    """DIS or zero flow, as set; None if the training process runs a PWC-Net on the batch."""
    return None if settings.estimates_motion else WITHOUT_WEIGHTS[settings.flow](stack)


def _vary_bracket(settings: SceneSettings, generator: torch.Generator) -> SceneSettings:
    """Sometimes change the number of frames or the reference, or add motion blur."""
    u = torch.rand(4, generator=generator).tolist()
    # u[1] sets both the number of frames and, through its finer digits, the reference. A draw of
    # its own for the reference would change all later random numbers.
    if u[0] < 0.25:
        frames = 2 + int(u[1] * 5)
        top = settings.ratios[1] ** min(1.0, 2 / (frames - 1))
        settings = replace(settings, frames=frames, ratios=(min(2.0, top), top))
    if u[2] < 0.1:
        settings = replace(settings, reference_index=int(u[1] * 97) % settings.frames)
    return replace(settings, instants=6) if u[3] < 0.25 else settings

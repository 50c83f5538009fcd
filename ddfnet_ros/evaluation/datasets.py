# SPDX-License-Identifier: Apache-2.0
"""Photographed brackets of public data sets: Kalantari's with truth, Fang's without."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from ddfnet_ros.bracket import Bracket, Frame, Pixels
from ddfnet_ros.evaluation.baselines.frames import colour
from ddfnet_ros.evaluation.scenes import Scene
from ddfnet_ros.images import read_ldr
from ddfnet_ros.kalantari import KalantariScene, read_scenes
from ddfnet_ros.radiance import linearise
from ddfnet_ros.runtime.exposure_ratios import estimate_exposures
from ddfnet_ros.settings import RadianceSettings
from ddfnet_ros.synthesis.scenes import MOVING_THRESHOLD
from ddfnet_ros.tonemap import mu_law

_EDGE = 0.05   # share of each side that is cropped: flow-based peers warp unknown pixels into it
_COMPARABLE = (0.02, 0.95)  # LDR values between which two frames can be compared
_SUFFIXES = ('.png', '.jpg', '.jpeg', '.tif', '.tiff')


def kalantari(root: Path) -> Iterator[tuple[str, Scene]]:
    """Yield name and scene, with edges cropped to suit peers that align frames (Sec. 4.1.1)."""
    for scene in read_scenes(root):
        yield scene.name, _cropped(scene)


def fang(root: Path) -> Iterator[tuple[str, Bracket]]:
    """Yield name and bracket of each folder of pictures; exposures are estimated from pixels.

    Raises:
        ValueError: no folder has pictures, or one has fewer than two.
    """
    folders = sorted({path.parent for path in root.rglob('*') if path.suffix.lower() in _SUFFIXES})
    if not folders:
        raise ValueError(f'{root}: expected folders with pictures, got none; give the folder that '
                         'holds the sequences')
    for folder in folders:
        paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in _SUFFIXES)
        frames: list[Pixels] = [read_ldr(path) for path in paths]
        if len(frames) < 2:
            raise ValueError(f'{folder}: expected at least 2 exposures, got {len(frames)}; '
                             'leave only whole sequences there')
        exposures, _ = estimate_exposures(frames, RadianceSettings())
        yield folder.name, Bracket.of(
            Frame(pixels=pixels, exposure_time=exposure)
            for pixels, exposure in zip(frames, exposures, strict=True))


def _cropped(scene: KalantariScene) -> Scene:
    height, width = scene.truth.shape[:2]
    y, x = round(_EDGE * height), round(_EDGE * width)
    inside = np.s_[y:height - y, x:width - x]
    frames = [colour(frame[inside]) for frame in scene.frames]
    bracket = Bracket.of(
        Frame(pixels=np.ascontiguousarray(frame), exposure_time=exposure)
        for frame, exposure in zip(frames, scene.exposure, strict=True))
    return Scene(bracket=bracket, truth=np.ascontiguousarray(scene.truth[inside]),
                 moving=_moving_mask(bracket))


def _moving_mask(bracket: Bracket) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Mask of pixels that differ between two neighbouring frames while well exposed in both."""
    moving = np.zeros(bracket.reference.pixels.shape[:2], np.bool_)
    for shorter, longer in pairwise(bracket.frames):
        shown = []
        comparable = np.ones_like(moving)
        for frame in (shorter, longer):
            ldr = frame.pixels.astype(np.float32)
            comparable &= np.all((ldr > _COMPARABLE[0]) & (ldr < _COMPARABLE[1]), axis=-1)
            linear = linearise(torch.from_numpy(ldr)) * (bracket.exposures[0] / frame.exposure)
            shown.append(mu_law(linear).numpy())
        moving |= comparable & (np.abs(shown[0] - shown[1]).max(-1) > 2 * MOVING_THRESHOLD)
    return moving

# SPDX-License-Identifier: Apache-2.0
"""Conditions that scenes are taken under: noise, exposures, motion, wrong metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.evaluation.scenes import Scene, scene_of
from ddfnet_ros.radiance import GAMMA
from ddfnet_ros.synthesis.scenes import Scenes, SceneSource
from ddfnet_ros.synthesis.sensor import Sensor, expose

QUIET = Sensor(electrons=0.0, read_noise=0.0, levels=255.0)
"""Noise-free camera with 8 bits and gamma 2.2, the default of all conditions."""

NIGHT = Sensor(electrons=300.0, read_noise=0.008, levels=255.0)
"""Camera at high gain: 300 electrons at white, 2.4 electrons of read noise."""

_LEVELS = np.float32(255)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """How scenes are taken. A study varies one field and leaves the others at their defaults.

    Attributes:
        scenes: Fields of `SceneSettings` to change.
        sensor: The camera; None: a random camera per scene.
        sigma: Standard deviation of the i.i.d. Gaussian noise on the LDR frames (Sec. 4.2.3).
        misreported: Reported over true exposure, for all frames except the reference.
        response: Gamma of the camera's true response; fusers assume 2.2.
        twice: Whether to take every scene a second time with new noise, to measure flicker.
    """

    scenes: Mapping[str, Any] = field(default_factory=dict)
    sensor: Sensor | None = QUIET
    sigma: float = 0.0
    misreported: float = 1.0
    response: float = GAMMA
    twice: bool = False

    def draw(self, source: SceneSource, count: int, seed: int) -> Iterator[Scene]:
        """Draw `count` scenes under this condition; equal seeds give equal scenes."""
        settings = replace(source.settings, **self.scenes)
        camera_source = SceneSource(source.panoramas, settings, source.cutouts, self._camera())
        drawing, noise = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
        for _ in range(count):
            scenes = camera_source.draw(1, drawing)
            scene = self._degrade(scene_of(scenes), noise)
            if self.response != GAMMA:
                scene = replace(scene, truth=truth_under_response(scenes, self.response))
            if self.twice:
                again = self._degrade(scene_of(self._retake(scenes, noise)), noise)
                scene = replace(scene, again=again.bracket)
            yield scene

    def _camera(self) -> Sensor | None:
        if self.response == GAMMA or self.sensor is None:
            return self.sensor
        return replace(self.sensor, gamma=self.response)

    def _retake(self, scenes: Scenes, noise: np.random.Generator) -> Scenes:
        camera = self._camera()
        if camera is None:
            raise ValueError('expected a sensor to take scenes twice with, got random cameras')
        other = torch.Generator().manual_seed(int(noise.integers(2**31)))
        return replace(scenes, ldr=expose(scenes.radiance, scenes.exposure, camera, other))

    def _degrade(self, scene: Scene, noise: np.random.Generator) -> Scene:
        return misreported(noisy(scene, self.sigma, noise), self.misreported)


def truth_under_response(scenes: Scenes, response: float) -> npt.NDArray[np.float32]:
    """Ground truth for a wrong response: true radiance through the reference's tone curve.

    No merge is exact when the assumed response is wrong. This truth keeps the reference's values
    and extends its curve beyond the level at which it clips.

    Args:
        scenes: One scene.
        response: Gamma of the camera's true response.

    Returns:
        (H, W, 3), in [0, 1].
    """
    exposure = float(scenes.exposure[0, 0])
    linear = (scenes.radiance[0, 0] * exposure) ** (GAMMA / response) / exposure
    truth: npt.NDArray[np.float32] = linear.clamp(0, 1).movedim(0, -1).contiguous().numpy()
    return truth


def noisy(scene: Scene, sigma: float, generator: np.random.Generator) -> Scene:
    """Add i.i.d. Gaussian noise to the LDR values, then quantise to 8 bits."""
    if sigma == 0:
        return scene
    frames = []
    for frame in scene.bracket.frames:
        noise = sigma * generator.standard_normal(frame.pixels.shape, np.float32)
        value = np.clip(frame.pixels.astype(np.float32) + noise, 0, 1)
        frames.append(replace(frame, pixels=np.round(value * _LEVELS) / _LEVELS))
    return replace(scene, bracket=_rebuild_bracket(scene, frames))


def misreported(scene: Scene, factor: float) -> Scene:
    """Multiply the reported exposures of all frames except the reference; the truth stays."""
    if factor == 1:
        return scene
    reference = scene.bracket.reference
    frames = [
        frame if frame is reference else replace(frame, exposure_time=frame.exposure * factor)
        for frame in scene.bracket.frames
    ]
    return replace(scene, bracket=_rebuild_bracket(scene, frames), true_exposures=scene.exposures)


def _rebuild_bracket(scene: Scene, frames: list[Frame]) -> Bracket:
    return Bracket.of(frames, scene.bracket.reference_index + 1)

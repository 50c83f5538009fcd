# SPDX-License-Identifier: Apache-2.0
"""Batches of random bracketed scenes with exact truth, for training and evaluation.

A scene is part of a panorama, seen by a shaking camera, with layers moving in front of it. Each
frame is rendered as radiance at its own time, then a `Sensor` turns it into an LDR frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ddfnet_ros.bracket import median_index
from ddfnet_ros.merge import static_merge
from ddfnet_ros.radiance import correct
from ddfnet_ros.synthesis.backdrop import random_backdrop
from ddfnet_ros.synthesis.cameras import Cameras, random_cameras
from ddfnet_ros.synthesis.layers import CutoutBank, random_layers
from ddfnet_ros.synthesis.lens import with_glare
from ddfnet_ros.synthesis.motion import random_trajectory
from ddfnet_ros.synthesis.panorama_bank import PanoramaBank
from ddfnet_ros.synthesis.render import LayeredScene, render
from ddfnet_ros.synthesis.scene_settings import SceneSettings
from ddfnet_ros.synthesis.sensor import Sensor, expose
from ddfnet_ros.tonemap import mu_law

MOVING_THRESHOLD = 0.02  # difference after the mu-law
CLIPPED_VALUE = 0.98  # LDR value


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """A batch of brackets, the reference first, with their ground truth.

    Attributes:
        ldr: (B, N, 3, H, W) LDR frames in [0, 1].
        exposure: (B, N) nominal exposures, relative to the shortest.
        reference_index: Number of frames that are shorter than the reference.
        truth: (B, 3, H, W) true radiance at the time of the reference, relative to the shortest
            exposure, at most 1. As in the public data sets it is merged from a bracket that is
            taken while nothing moves.
        flow: (B, N - 1, 2, H, W) exact motion from the reference to each other frame [px].
        moving: (B, 1, H, W) whether the radiance of some frame differs from the reference's.
        clipped: (B, 1, H, W) whether the reference is clipped in some channel.
        radiance: (B, N, 3, H, W) radiance that each frame sees, relative to the shortest exposure.
    """

    ldr: Float[Tensor, 'b n 3 h w']
    exposure: Float[Tensor, 'b n']
    reference_index: int
    truth: Float[Tensor, 'b 3 h w']
    flow: Float[Tensor, 'b m 2 h w']
    moving: Bool[Tensor, 'b 1 h w']
    clipped: Bool[Tensor, 'b 1 h w']
    radiance: Float[Tensor, 'b n 3 h w']


class SceneSource:
    """Draws batches of random scenes; equal generators give equal scenes."""

    def __init__(
        self,
        panoramas: PanoramaBank,
        settings: SceneSettings,
        cutouts: CutoutBank | None = None,
        sensor: Sensor | None = None,
    ) -> None:
        """Keep what scenes are made of; `sensor` takes all frames, None draws one per scene."""
        self.panoramas = panoramas
        self.settings = settings
        self.cutouts = cutouts
        self.sensor = sensor

    def draw(self, count: int, generator: torch.Generator) -> Scenes:
        """Draw and render `count` scenes."""
        settings = self.settings
        reference_index = settings.reference_index
        if reference_index is None:
            reference_index = median_index(settings.frames)
        exposure = _random_exposures(count, settings, reference_index, generator)
        scene = self._draw_scene(exposure, generator)
        trajectory = random_trajectory(
            exposure, reference_index, scene.layers.upright, scene.layers.soft, settings,
            generator)
        radiance, flow = render(scene, trajectory, settings.size)
        cameras = random_cameras(count, settings.frames, settings.size, generator)
        if self.sensor is not None:
            cameras = replace(
                cameras, sensor=self.sensor, share_noise=torch.zeros(count, dtype=torch.bool))
        return _photograph(radiance, flow, exposure, reference_index, cameras, generator)

    def _draw_scene(self, exposure: Tensor, generator: torch.Generator) -> LayeredScene:
        backdrop, daylight = random_backdrop(
            self.panoramas, 1 / exposure[:, 0], self.settings.size, generator)
        layers = random_layers(
            self.panoramas, self.cutouts, self.settings.layers, exposure, daylight, generator)
        return LayeredScene(backdrop=backdrop, layers=layers)


def _random_exposures(
    count: int, settings: SceneSettings, reference_index: int, generator: torch.Generator
) -> Tensor:
    """Relative exposures, the reference first; each scene has one random ratio."""
    low, high = settings.ratios
    ratio = low * (high / low) ** torch.rand((count, 1), generator=generator)
    exposure = ratio ** torch.arange(settings.frames)
    return _reference_first(exposure, reference_index)


def _reference_first(per_frame: Tensor, k: int) -> Tensor:
    return torch.cat([per_frame[:, k:k + 1], per_frame[:, :k], per_frame[:, k + 1:]], dim=1)


def _photograph(
    radiance: Tensor, flow: Tensor, exposure: Tensor, reference_index: int, cameras: Cameras,
    generator: torch.Generator,
) -> Scenes:
    """Take the LDR frames of rendered radiance, and merge the truth."""
    radiance = _add_lens_glare(radiance, cameras)
    ldr = expose(radiance, exposure, cameras.sensor, generator)
    still = expose(radiance[:, :1].expand_as(radiance), exposure, cameras.sensor.clean)
    exposure, shared = exposure.to(ldr.device), cameras.share_noise.to(ldr.device)
    as_taken = torch.where(shared[:, None, None, None], ldr[:, 0], still[:, 0])
    still = torch.cat([as_taken[:, None], still[:, 1:]], dim=1)
    compressed = mu_law(radiance.clamp(max=1))
    change = (compressed[:, 1:] - compressed[:, :1]).abs().amax(dim=(1, 2))[:, None]
    return Scenes(
        ldr=ldr, exposure=exposure, reference_index=reference_index,
        truth=static_merge(still, correct(still, exposure), reference_index),
        flow=flow, moving=change > MOVING_THRESHOLD,
        clipped=ldr[:, 0].amax(dim=1, keepdim=True) >= CLIPPED_VALUE, radiance=radiance,
    )


def _add_lens_glare(radiance: Tensor, cameras: Cameras) -> Tensor:
    """Add glare, in place, to the scenes whose lens scatters light."""
    chosen = (cameras.halo + cameras.veil).nonzero()[:, 0]
    if len(chosen):
        radiance[chosen] = with_glare(radiance[chosen], cameras.halo[chosen], cameras.veil[chosen])
    return radiance

# SPDX-License-Identifier: Apache-2.0
"""A view of a place, and the bracket that a shaking camera takes of it.

Radiance is relative to the shortest exposure of the bracket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.evaluation.conditions import NIGHT
from ddfnet_ros.evaluation.detection.places import Place
from ddfnet_ros.synthesis.lens import with_glare
from ddfnet_ros.synthesis.night import relight
from ddfnet_ros.synthesis.sensor import Sensor, expose
from ddfnet_ros.synthesis.street.arrays import Array
from ddfnet_ros.synthesis.street.layer import Solid, draw
from ddfnet_ros.synthesis.street.projection import StreetCamera

Picture = npt.NDArray[np.float32]
Range = tuple[float, float]

FRAMES = 3
REFERENCE = 1  # the middle one

_RATIOS = (3.0, 8.0)  # range of the ratio of neighbouring exposures
_FOCAL = 300.0  # [px/rad]
_MARGIN = 16  # largest shift by camera shake [px]
_SHAKE = 1.5  # standard deviation of a frame's shift relative to the reference [px]
_GREY = 0.18  # level to which a meter exposes the mean, relative to white
_SUN = 2e3  # radiance of the sun over white; more glare would hide everything
_SUN_RADIUS = 1.3  # radius of the sun [px]


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Lighting and camera. Pairs are the limits of a random value.

    Attributes:
        lamp: Mean radiance of a lit signal lamp over the reference's white.
        sun: Whether a low sun is in the picture, beside the object to detect.
        night: Whether lamps are the only light.
        pulsed: Whether signal lamps pulse; the short exposure then falls between two pulses.
        halo: Share of light that the lens scatters nearby.
        veil: Share of light that the lens scatters over the picture.
        sensor: The camera.
    """

    lamp: Range
    sun: bool = False
    night: bool = False
    pulsed: bool = False
    halo: Range = (0.0, 0.02)
    veil: Range = (0.0, 0.02)
    sensor: Sensor = field(default_factory=Sensor)


SITUATIONS = {
    'day': Situation(lamp=(0.4, 4.0)),
    'backlight': Situation(lamp=(0.15, 1.5), sun=True, halo=(0.01, 0.05), veil=(0.02, 0.1)),
    'night': Situation(lamp=(20.0, 300.0), night=True, halo=(0.01, 0.05), sensor=NIGHT),
    'pulsed': Situation(lamp=(1.0, 20.0), pulsed=True),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Capture:
    """A bracket and the true radiance of its reference frame.

    Attributes:
        bracket: 8-bit colour frames; the reference is the middle exposure.
        radiance: (H, W, 3) at the reference's instant, glare included.
        sensor: The camera.
    """

    bracket: Bracket
    radiance: Picture
    sensor: Sensor

    def retake(self, white: float, random: np.random.Generator) -> Picture:
        """Take another frame of the same instant that clips at radiance `white`; in [0, 1]."""
        noise = torch.Generator().manual_seed(int(random.integers(2**31)))
        planes = torch.from_numpy(self.radiance / np.float32(white)).permute(2, 0, 1)
        return interleaved(expose(planes[None, None], torch.ones(1, 1), self.sensor, noise)[0, 0])


class View:
    """A place seen by a camera whose reference exposure is metered on the view.

    Attributes:
        situation: Lighting and camera.
        camera: The camera without shake.
        cameras: The camera in each frame, with shake.
        exposure: Exposure of each frame relative to the shortest.
        white: Radiance at which the reference clips.
        ambient: Factor from radiance in the panorama's unit to that of the bracket, for objects.
    """

    def __init__(
        self, place: Place, situation: Situation, size: int, random: np.random.Generator
    ) -> None:
        """Choose a random view of size x size pixels; size + 32 is a multiple of 8."""
        self.situation = situation
        self.exposure = log_uniform(_RATIOS, random) ** np.arange(FRAMES, dtype=np.float64)
        self.white = float(1 / self.exposure[REFERENCE])
        self.camera = StreetCamera(
            width=size, height=size, focal=_FOCAL, horizon=size * random.uniform(0.5, 0.75),
            yaw=random.uniform(-np.pi, np.pi))
        self._shifts = np.clip(_SHAKE * random.standard_normal((FRAMES, 2)), -_MARGIN, _MARGIN)
        self._shifts[REFERENCE] = 0
        self.cameras = [_turn(self.camera, shift) for shift in self._shifts.tolist()]
        self._light = place.light
        self._canvas = _render_background(place, self.camera)
        self.ambient = self.white / metered_white(self._canvas)
        self._canvas *= np.float32(self.ambient)
        if situation.night:
            self._make_night(random)

    def _make_night(self, random: np.random.Generator) -> None:
        generator = torch.Generator().manual_seed(int(random.integers(2**31)))
        view = torch.from_numpy(self._canvas).permute(2, 0, 1)[None]
        night = interleaved(relight(view, torch.tensor([self.white]), generator)[0])
        self.ambient *= float(np.median(night) / np.median(self._canvas))
        self._canvas = night

    def add_sun(self, x: float, y: float) -> None:
        """Add a sun to the background at a position [px]; objects may hide it."""
        rows, columns = np.ogrid[:self._canvas.shape[0], :self._canvas.shape[1]]
        away = np.hypot(columns - _MARGIN - x, rows - _MARGIN - y)
        disc = np.clip(_SUN_RADIUS + 0.5 - away, 0, 1)
        self._canvas += (_SUN * self.white * disc[..., None]).astype(np.float32)

    def take(self, solids: Sequence[Sequence[Solid]], random: np.random.Generator) -> Capture:
        """Take a bracket.

        Args:
            solids: Objects in each frame, from short to long exposure; the farthest first.
            random: Generator of glare and noise.
        """
        frames = np.stack([self._render_frame(k, present) for k, present in enumerate(solids)])
        halo, veil = (torch.tensor([random.uniform(*share)], dtype=torch.float32)
                      for share in (self.situation.halo, self.situation.veil))
        planes = torch.from_numpy(frames).permute(0, 3, 1, 2)[None].contiguous()
        radiance = with_glare(planes, halo, veil)
        noise = torch.Generator().manual_seed(int(random.integers(2**31)))
        ldr = expose(radiance, torch.from_numpy(self.exposure).float()[None],
                     self.situation.sensor, noise)
        bracket = Bracket.of(
            Frame(pixels=(interleaved(frame) * 255).round().astype(np.uint8),
                  exposure_time=float(exposure))
            for frame, exposure in zip(ldr[0], self.exposure, strict=True))
        return Capture(bracket=bracket, radiance=interleaved(radiance[0, REFERENCE]),
                     sensor=self.situation.sensor)

    def _render_frame(self, frame: int, solids: Sequence[Solid]) -> Picture:
        size = (self.camera.width, self.camera.height)
        centre = [_MARGIN + (side - 1) / 2 - shift
                  for side, shift in zip(size, self._shifts[frame].tolist(), strict=True)]
        picture = np.asarray(cv2.getRectSubPix(self._canvas, size, centre), np.float32)
        for solid in solids:
            layer = draw(solid, self.cameras[frame], self._light)
            if layer is not None:
                replace(layer, colour=self.ambient * layer.colour).over(picture)
        return picture


def metered_white(radiance: Array) -> float:
    """White level that a meter chooses for radiance (..., 3) by its logarithmic mean."""
    mean = radiance.mean(-1)
    return float(np.exp(np.log(mean + 1e-3 * mean.mean() + 1e-9).mean())) / _GREY


def log_uniform(limits: Range, random: np.random.Generator) -> float:
    """Draw a number from a log-uniform distribution."""
    low, high = limits
    return float(low * (high / low) ** random.random())


def interleaved(planes: torch.Tensor) -> Picture:
    """Convert (3, H, W) to (H, W, 3)."""
    return np.ascontiguousarray(planes.permute(1, 2, 0).numpy())


def _render_background(place: Place, camera: StreetCamera) -> Picture:
    """Render the panorama with a margin around the picture."""
    wide = replace(camera, width=camera.width + 2 * _MARGIN, height=camera.height + 2 * _MARGIN,
                   horizon=camera.horizon + _MARGIN)
    azimuth, elevation = wide.angles()
    return place.panorama.at(azimuth[None], elevation[:, None]).astype(np.float32)


def _turn(camera: StreetCamera, shift: Sequence[float]) -> StreetCamera:
    """Turn a camera so that its picture moves right and down by `shift` [px]."""
    return replace(camera, horizon=camera.horizon + shift[1],
                   yaw=camera.yaw - shift[0] / camera.focal)

# SPDX-License-Identifier: Apache-2.0
"""The street as a camera records it: a rosbag2 file, and the truth beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.bags import TYPES, BagWriter
from ddfnet_ros.images import write_exr, write_png
from ddfnet_ros.synthesis.panorama import drawn_panorama, find_panorama
from ddfnet_ros.synthesis.sensor import Sensor, expose
from ddfnet_ros.synthesis.street.arrays import Array
from ddfnet_ros.synthesis.street.film import Street, expose_street
from ddfnet_ros.synthesis.street.story import PREFERRED, credit, street_of
from ddfnet_ros.tonemap import mu_law

IMAGE_TOPIC = '/camera/image_raw/compressed'
META_TOPIC = '/camera/meta'
INFO_TOPIC = '/camera/camera_info'
FRAME_ID = 'camera_optical'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shutter:
    """How the camera cycles through its exposures.

    Attributes:
        exposure_times: Of one bracket, in the order in which they are taken [s].
        instants: How many instants of each exposure are drawn.
        reference: Which of them has a truth.
        frame_rate: Frames per second.
        gain: Linear analogue gain of all frames.
        start_ns: Stamp of the first frame.
    """

    exposure_times: tuple[float, ...] = (0.0008, 0.0048, 0.0288)
    instants: tuple[int, ...] = (1, 2, 5)
    reference: int = 1
    frame_rate: float = 30.0
    gain: float = 1.0
    start_ns: int = 1_767_250_800_000_000_000

    def opens_ns(self, index: int) -> int:
        """Nanoseconds after the first frame at which frame `index` begins."""
        return round(index * 1e9 / self.frame_rate)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Shot:
    """One frame.

    Attributes:
        index: Count of frames since the start.
        member: Its place in the cycle of exposures.
        radiance: (H, W, 3) before the sensor, relative to the shortest exposure.
        pixels: (H, W, 3) RGB as the sensor gives it.
    """

    index: int
    member: int
    radiance: Array
    pixels: npt.NDArray[np.uint8]


def synthesize_street(
    output_dir: Path | str,
    panoramas: Path | str | None = None,
    *,
    seed: int = 7,
    brackets: int = 14,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Render the demo's street and record it.

    Writes `street.mcap`, `README.md` and, in `truth/`, for each bracket the reference frame's
    radiance before noise, clipping and quantisation, its own motion blur included (half float,
    relative to the shortest exposure) as `<stamp_ns>.exr`, and which pixels differ between the
    bracket's frames by more than noise as `<stamp_ns>_moving.png`.

    Args:
        output_dir: Made if missing; files of these names are replaced.
        panoramas: Folder with equirectangular .exr panoramas; None: one is drawn by code.
        seed: Of everything random; the same seed gives the same recording.
        brackets: How many to record.
        progress: Called with frames done and frames in all.

    Returns:
        Path of the recording.

    Raises:
        ValueError: no panorama in the folder, or one of another shape.
        OSError: a file cannot be read or written.
    """
    output = Path(output_dir)
    truth = output / 'truth'
    truth.mkdir(parents=True, exist_ok=True)
    for old in (*truth.glob('*.exr'), *truth.glob('*_moving.png')):
        old.unlink()
    panorama = find_panorama(Path(panoramas), PREFERRED) if panoramas else drawn_panorama(seed)
    street = street_of(panorama, seed)
    shutter = Shutter()
    bracket: list[Shot] = []
    with BagWriter(output / 'street.mcap') as bag:
        for shot in _shots(street, shutter, brackets, seed):
            _record(bag, shot, shutter)
            bracket.append(shot)
            if len(bracket) == len(shutter.exposure_times):
                _write_truth(truth, bracket, shutter)
                bracket = []
            if progress:
                progress(shot.index + 1, brackets * len(shutter.exposure_times))
    (output / 'README.md').write_text(_readme(panorama.name, seed, brackets, shutter))
    return output / 'street.mcap'


def _shots(street: Street, shutter: Shutter, brackets: int, seed: int) -> Iterator[Shot]:
    times = shutter.exposure_times
    generator = torch.Generator().manual_seed(seed)
    for index in range(brackets * len(times)):
        member = index % len(times)
        radiance = expose_street(street, shutter.opens_ns(index) * 1e-9, times[member],
                                 shutter.instants[member])
        pixels = _pixels(radiance, times[member] / min(times), generator)
        yield Shot(index=index, member=member, radiance=radiance, pixels=pixels)


def _pixels(radiance: Array, exposure: float, generator: torch.Generator
            ) -> npt.NDArray[np.uint8]:
    sensor = Sensor(electrons=6000.0, read_noise=0.0012)
    batch = torch.from_numpy(radiance).float().permute(2, 0, 1)[None, None]
    ldr = expose(batch, torch.tensor([[exposure]]), sensor, generator)[0, 0]
    pixels: npt.NDArray[np.uint8] = (ldr.permute(1, 2, 0) * 255).round().byte().numpy()
    return pixels


def _write_truth(folder: Path, bracket: list[Shot], shutter: Shutter) -> None:
    """Radiance of the reference, and where the others saw something else."""
    reference = bracket[shutter.reference]
    stamp_ns = shutter.start_ns + shutter.opens_ns(reference.index)
    write_exr(folder / f'{stamp_ns}.exr', reference.radiance, compact=True)
    seen = [mu_law(torch.from_numpy(shot.radiance)).numpy() for shot in bracket]
    apart = np.max([np.abs(other - seen[shutter.reference]) for other in seen], 0).max(-1)
    write_png(folder / f'{stamp_ns}_moving.png', (apart > 0.02).astype(np.uint8) * 255)


def _record(bag: BagWriter, shot: Shot, shutter: Shutter) -> None:
    """Write what camera_ros publishes for one frame: image, camera info, controls."""
    stamp_ns = shutter.start_ns + shutter.opens_ns(shot.index)
    arrival_ns = stamp_ns + round(1e9 / shutter.frame_rate)
    header = _type('std_msgs/msg/Header')(
        stamp=_type('builtin_interfaces/msg/Time')(
            sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9),
        frame_id=FRAME_ID)
    done, jpeg = cv2.imencode('.jpg', cv2.cvtColor(shot.pixels, cv2.COLOR_RGB2BGR),
                              [cv2.IMWRITE_JPEG_QUALITY, 95])
    if not done:
        raise OSError(f'expected a JPEG of frame {shot.index}, got none; check OpenCV')
    image = _type('sensor_msgs/msg/CompressedImage')(
        header=header, format='rgb8; jpeg compressed bgr8', data=jpeg.reshape(-1))
    bag.write(IMAGE_TOPIC, image, arrival_ns)
    bag.write(INFO_TOPIC, _camera_info(header, shot.pixels.shape), arrival_ns)
    bag.write(META_TOPIC, _controls(header, shot, stamp_ns, shutter), arrival_ns)


def _camera_info(header: Any, shape: tuple[int, ...]) -> Any:
    """The picture's size; zeros say uncalibrated, for no ROS model describes this lens."""
    region = _type('sensor_msgs/msg/RegionOfInterest')(
        x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    return _type('sensor_msgs/msg/CameraInfo')(
        header=header, height=shape[0], width=shape[1], distortion_model='', d=np.zeros(0),
        k=np.zeros(9), r=np.zeros(9), p=np.zeros(12), binning_x=0, binning_y=0, roi=region)


def _controls(header: Any, shot: Shot, stamp_ns: int, shutter: Shutter) -> Any:
    """Per-frame controls under libcamera's names, as camera_ros publishes them."""
    controls = {
        'ExposureTime': str(round(shutter.exposure_times[shot.member] * 1e6)),
        'AnalogueGain': f'{shutter.gain:f}',
        'FrameDuration': str(round(1e6 / shutter.frame_rate)),
        'SensorTimestamp': str(stamp_ns),
        'FrameCounter': str(shot.index),
    }
    pair = _type('diagnostic_msgs/msg/KeyValue')
    status = _type('diagnostic_msgs/msg/DiagnosticStatus')(
        level=0, name='camera', message='', hardware_id='street',
        values=[pair(key=key, value=value) for key, value in controls.items()])
    return _type('diagnostic_msgs/msg/DiagnosticArray')(header=header, status=[status])


def _type(name: str) -> Any:
    return TYPES.types[name]


def _readme(panorama: str, seed: int, brackets: int, shutter: Shutter) -> str:
    times = ', '.join(f'{time * 1e3:g}' for time in shutter.exposure_times)
    return f"""# A street against the sun

`street.mcap` holds {brackets} brackets of three exposures ({times} ms, interleaved at
{shutter.frame_rate:g} frames/s), 640x360: `{IMAGE_TOPIC}` (JPEG, quality 95), `{META_TOPIC}`
(exposure, gain and frame counter as camera_ros publishes them) and `{INFO_TOPIC}`.
It is made by code, `ddfnet synthesize` with seed {seed}; nothing in it was filmed.

`truth/<stamp_ns>.exr` is the radiance of each bracket's reference frame, the {
        shutter.exposure_times[shutter.reference] * 1e3:g} ms exposure, before noise, clipping
and quantisation, with that frame's own motion blur: linear RGB, half float, relative to the
shortest exposure, in [0, 1]. `truth/<stamp_ns>_moving.png` is white where the frames of the
bracket saw different things.

Background: {credit(panorama)}
The recording and the truth are under CC0 1.0 as well.
"""

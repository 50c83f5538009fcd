# SPDX-License-Identifier: Apache-2.0
"""A recording of a street for tests: a wall, a lamp far above white, and a car that moves."""

import cv2
import numpy as np

from ddfnet_ros.bags import TYPES, BagWriter
from ddfnet_ros.images import write_exr, write_png

HEIGHT, WIDTH = 96, 160
EXPOSURES_US = (1000, 4000, 16000)
IMAGE_TOPIC, META_TOPIC = '/camera/image_raw/compressed', '/camera/meta'
START_NS, FRAME_NS = 1_700_000_000_000_000_000, 33_333_333


def radiance(place: float) -> np.ndarray:
    """(H, W, 3) with 1 as the white of the shortest exposure; `place` [px] moves the car."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    wall = 0.02 + 0.015 * np.sin(x / 4) * np.sin(y / 5)
    scene = np.stack([wall, wall * 0.9, wall * 0.7], -1)
    scene[np.hypot(x - 120, y - 20) < 8] = 0.8
    car = (np.abs(x - 30 - place) < 14) & (np.abs(y - 66) < 10)
    paint = 0.05 + 0.04 * np.sin((x - place) * 0.8)
    return np.where(car[..., None], paint[..., None] * np.float32([1, 0.3, 0.2]), scene)


def write_street(folder, brackets=3, step=5.0):
    """Write street.mcap and its truth; `step` is the car's motion per frame [px]."""
    (folder / 'truth').mkdir(parents=True, exist_ok=True)
    with BagWriter(folder / 'street.mcap') as bag:
        for k in range(3 * brackets):
            scene = radiance(step * k % 100)
            if k % 3 == 1:
                _write_truth(folder / 'truth', START_NS + k * FRAME_NS, scene, [
                    radiance(step * other % 100) for other in (k - 1, k + 1)])
            _write_frame(bag, k, scene)
    return folder / 'street.mcap'


def _write_truth(folder, stamp_ns, scene, others):
    moving = np.any([np.abs(other - scene).max(-1) > 1e-3 for other in others], axis=0)
    write_exr(folder / f'{stamp_ns}.exr', scene)
    write_png(folder / f'{stamp_ns}_moving.png', moving.astype(np.uint8) * 255)


def _write_frame(bag, k, scene):
    ratio = EXPOSURES_US[k % 3] / EXPOSURES_US[0]
    ldr = np.clip(scene * ratio, 0, 1) ** (1 / 2.2) * 255
    jpeg = cv2.imencode('.jpg', ldr.round().astype(np.uint8)[..., ::-1],
                        [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    stamp_ns = START_NS + k * FRAME_NS
    bag.write(IMAGE_TOPIC, _make('sensor_msgs/msg/CompressedImage', header=_header(stamp_ns),
                                 format='bgr8; jpeg compressed bgr8', data=jpeg.ravel()), stamp_ns)
    controls = {'ExposureTime': EXPOSURES_US[k % 3], 'AnalogueGain': 1.0, 'FrameCounter': k}
    values = [_make('diagnostic_msgs/msg/KeyValue', key=key, value=str(value))
              for key, value in controls.items()]
    status = _make('diagnostic_msgs/msg/DiagnosticStatus', level=0, name='camera', message='',
                   hardware_id='', values=values)
    bag.write(META_TOPIC, _make('diagnostic_msgs/msg/DiagnosticArray', header=_header(stamp_ns),
                                status=[status]), stamp_ns + 100_000)


def _header(stamp_ns):
    seconds, nanoseconds = divmod(stamp_ns, 10**9)
    return _make('std_msgs/msg/Header', frame_id='camera', stamp=_make(
        'builtin_interfaces/msg/Time', sec=seconds, nanosec=nanoseconds))


def _make(msgtype, **fields):
    return TYPES.types[msgtype](**fields)

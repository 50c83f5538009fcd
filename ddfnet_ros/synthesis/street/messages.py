# SPDX-License-Identifier: Apache-2.0
"""Messages of one frame, as camera_ros publishes them: image, camera info, exposure controls.

The controls are in a DiagnosticArray under libcamera's names, as in camera_ros 0.7. We add the
frame counter: libcamera gives a request's sequence number to applications only.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ddfnet_ros.bags import TYPES, BagWriter
from ddfnet_ros.synthesis.street.shutter import Shot, Shutter

IMAGE_TOPIC = '/camera/image_raw/compressed'
META_TOPIC = '/camera/meta'
INFO_TOPIC = '/camera/camera_info'
FRAME_ID = 'camera_optical'


def write_messages(bag: BagWriter, shot: Shot, shutter: Shutter) -> None:
    """Write the messages of one frame, with the time at which the next one begins as arrival."""
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
    """Camera info with the image size only: zeros mean uncalibrated, as no ROS model fits."""
    region = _type('sensor_msgs/msg/RegionOfInterest')(
        x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    return _type('sensor_msgs/msg/CameraInfo')(
        header=header, height=shape[0], width=shape[1], distortion_model='', d=np.zeros(0),
        k=np.zeros(9), r=np.zeros(9), p=np.zeros(12), binning_x=0, binning_y=0, roi=region)


def _controls(header: Any, shot: Shot, stamp_ns: int, shutter: Shutter) -> Any:
    """Exposure controls of one frame, under libcamera's names."""
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

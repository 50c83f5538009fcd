# SPDX-License-Identifier: Apache-2.0
"""`~/moving_points`: moving points as a PointCloud2; needs sensor_msgs_py."""

from __future__ import annotations

from importlib import import_module

import numpy as np
from jaxtyping import Float32
from sensor_msgs.msg import CameraInfo, PointCloud2, PointField

from ddfnet_ros.node.fused import Fused
from ddfnet_ros.results.moving import moving_points, rays

FIELDS = ('x', 'y', 'z', 'u', 'v', 'vu', 'vv')


class MissingPackageError(Exception):
    """A package that only this output needs is missing; the text says how to install it."""


def point_cloud(fused: Fused) -> PointCloud2:
    """Points that move against the background, under the header of the reference frame.

    Fields, all float32: x, y, z: place in the plane one metre in front of the camera [m], NaN
    without a calibrated camera_info; u, v: pixel; vu, vv: its velocity [pixels / s].

    Raises:
        MissingPackageError: sensor_msgs_py is not installed.
        ValueError: a camera_info with a wrong number of distortion coefficients.
    """
    try:
        create_cloud = import_module('sensor_msgs_py.point_cloud2').create_cloud
    except ImportError as error:
        raise MissingPackageError(
            f'expected sensor_msgs_py, got none ({error}); install the package sensor-msgs-py of '
            'your ROS distribution') from error
    found = moving_points(fused.deghosted, fused.settings.moving_threshold)
    info = fused.camera_info or CameraInfo()
    places = rays(_uncropped(found.pixels, info), info.k, info.d, info.distortion_model)
    points = np.column_stack([places, found.pixels, found.velocities])
    fields = [PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
              for i, name in enumerate(FIELDS)]
    cloud: PointCloud2 = create_cloud(fused.header, fields, points)
    cloud.is_dense = bool(np.isfinite(points).all())
    return cloud


def _uncropped(pixels: Float32[np.ndarray, 'k 2'], info: CameraInfo) -> Float32[np.ndarray, 'k 2']:
    """Undo binning and cropping: K refers to the full image, as image_geometry has it."""
    binning = np.array([max(info.binning_x, 1), max(info.binning_y, 1)], np.float32)
    return pixels * binning + np.array([info.roi.x_offset, info.roi.y_offset], np.float32)

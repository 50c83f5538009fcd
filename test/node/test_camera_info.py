# SPDX-License-Identifier: Apache-2.0
import numpy as np
from sensor_msgs.msg import CameraInfo

from ddfnet_ros.bracket import Frame
from ddfnet_ros.node.camera_info import CameraInfos

from .conftest import header


def frame(stamp_ns, stream=0):
    return Frame(pixels=np.zeros((2, 3), np.uint8), stamp_ns=stamp_ns, stream=stream)


def filled():
    infos = CameraInfos(streams=2, depth=3)
    for stamp_ns in (1, 2, 3, 4):
        infos.add(1, CameraInfo(header=header(stamp_ns), width=stamp_ns))
    return infos


def test_a_frame_gets_the_info_of_its_own_stamp():
    assert filled().of(frame(3, stream=1)).width == 3


def test_without_one_of_its_stamp_it_gets_the_latest():
    assert filled().of(frame(1, stream=1)).width == 4  # its own was too long ago
    assert filled().of(frame(9, stream=1)).width == 4


def test_infos_of_other_topics_are_none_of_its_own():
    assert filled().of(frame(3, stream=0)) is None

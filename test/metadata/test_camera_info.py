# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace as Message

import numpy as np
import pytest

from ddfnet_ros.bracket import Frame
from ddfnet_ros.metadata.camera_info import CameraInfos, camera_info_beside


def frame(stamp_ns, stream=0):
    return Frame(pixels=np.zeros((2, 3), np.uint8), stamp_ns=stamp_ns, stream=stream)


def info(stamp_ns):
    return Message(header=Message(stamp=Message(sec=0, nanosec=stamp_ns)), width=stamp_ns)


def filled(*topics):
    infos = CameraInfos(topics, depth=3)
    for stamp_ns in (1, 2, 3, 4):
        infos.add(topics[-1], info(stamp_ns))
    return infos


def test_a_frame_gets_the_info_of_its_own_stamp():
    assert filled('/a', '/b').match(frame(3, stream=1)).width == 3


def test_without_one_of_its_stamp_it_gets_the_latest():
    infos = filled('/a', '/b')
    assert infos.match(frame(1, stream=1)).width == 4  # its own was too long ago
    assert infos.match(frame(9, stream=1)).width == 4


def test_infos_of_other_topics_are_none_of_its_own():
    assert filled('/a', '/b').match(frame(3, stream=0)) is None


def test_streams_may_share_a_topic():
    infos = filled('/a', '/a')
    assert infos.topics == ('/a',)
    assert [infos.match(frame(3, stream)).width for stream in (0, 1)] == [3, 3]


def test_without_topics_there_are_none():
    assert CameraInfos((), depth=3).match(frame(3, stream=1)) is None


@pytest.mark.parametrize(('images', 'expected'), [
    ('/cam/image_raw', '/cam/camera_info'),
    ('/cam/image_raw/compressed', '/cam/camera_info'),
    ('/image', '/camera_info'),
])
def test_camera_info_lies_beside_the_images(images, expected):
    assert camera_info_beside(images) == expected

# SPDX-License-Identifier: Apache-2.0
"""Several cameras in one bag, triggered together: their stamps are equal."""

from pathlib import Path

import numpy as np
import pytest

from ddfnet_ros.bags.suggestion import suggestions
from ddfnet_ros.bags.survey import ImageTopic, MetadataTopic, Survey
from ddfnet_ros.metadata import FrameMetadata

from .conftest import unknown

FRONT, REAR = (0.001, 0.004, 0.016), (0.0005, 0.002, 0.008)
COUNT, PERIOD_NS = 12, 10**8


def images(name, frame_id='', offset_ns=0, period_ns=PERIOD_NS):
    stamps = [offset_ns + k * period_ns for k in range(COUNT)]
    return ImageTopic(name, 'sensor_msgs/msg/Image', COUNT, 'mono8', (8, 8), stamps,
                      [np.full((8, 8), 100, np.uint8)] * COUNT, frame_id=frame_id)


def tells(name, *exposures, frame_id='', topic=None):
    stamps = (topic or images('')).stamps_ns
    return MetadataTopic(name, 'flir', {
        (stamp, frame_id): FrameMetadata(exposures[k % len(exposures)])
        for k, stamp in enumerate(stamps)}, shared=bool(frame_id))


def found(topics, metadata):
    return suggestions(Survey(Path('x.mcap'), 1.0, (), tuple(topics), tuple(metadata)), unknown)


def test_each_camera_is_told_of_by_the_topic_beside_it():
    topics = images('/front/image_raw'), images('/rear/image_raw')
    metadata = tells('/front/meta', *FRONT), tells('/rear/meta', *REAR)
    assert [(s.settings['image_topics'], s.metadata_topic) for s in found(topics, metadata)] == [
        (('/front/image_raw',), '/front/meta'), (('/rear/image_raw',), '/rear/meta')]


def test_on_a_shared_topic_each_camera_is_told_of_by_its_frame_id():
    topics = images('/front/image_raw', 'front'), images('/rear/image_raw', 'rear')
    both = tells('/diagnostics', *FRONT, frame_id='front')
    both.samples.update(tells('/diagnostics', 0.004, frame_id='rear').samples)  # a fixed camera
    assert [s.settings['image_topics'] for s in found(topics, [both])] == [('/front/image_raw',)]


def test_a_beam_splitter_with_metadata_beside_each_topic_is_a_bracket():
    names = ('short', 'mid', 'long')
    topics = [images(f'/{name}/image') for name in names]
    metadata = [tells(f'/{name}/meta', t) for name, t in zip(names, FRONT, strict=True)]
    (only,) = found(topics, metadata)
    assert only.settings['image_topics'] == ('/short/image', '/mid/image', '/long/image')
    assert only.settings['metadata_topics'] == ('/short/meta', '/mid/meta', '/long/meta')


def test_two_cameras_with_a_topic_per_exposure_are_two_brackets():
    topics, metadata = [], []
    for side in ('left', 'right'):
        for name, exposure in zip(('short', 'mid', 'long'), FRONT, strict=True):
            topics.append(images(f'/{side}/{name}/image'))
            metadata.append(tells(f'/{side}/{name}/meta', exposure))
    assert [s.settings['image_topics'] for s in found(topics, metadata)] == [
        tuple(f'/{side}/{name}/image' for name in ('short', 'mid', 'long'))
        for side in ('left', 'right')]


@pytest.mark.parametrize(('offset', 'span'), [(0.01, None), (0.3, 0.9), (25.0, 60.0)])
def test_topics_whose_images_are_far_apart_get_room(offset, span):
    topics = [images(f'/{name}', offset_ns=round(k * offset * 1e9), period_ns=10**11)
              for k, name in enumerate(('short', 'mid', 'long'))]
    metadata = [tells(f'/meta_{t.name[1:]}', exposure, topic=t)
                for t, exposure in zip(topics, FRONT, strict=True)]
    (only,) = found(topics, metadata)
    assert only.settings.get('max_span') == pytest.approx(span)

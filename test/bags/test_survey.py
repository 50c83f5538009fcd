# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest

from ddfnet_ros.bags import TYPES, BagReader, BagWriter
from ddfnet_ros.bags.brackets import BracketFinder
from ddfnet_ros.bags.suggestion import suggestions
from ddfnet_ros.bags.survey import ImageTopic, survey
from ddfnet_ros.settings import NodeSettings

from .conftest import START, Maker, Recording
from .suggestion.conftest import unknown

TOPIC = '/cam/image_raw'


@pytest.mark.parametrize('kind', ['mcap', 'db3', 'folder', 'ros1'])
def test_the_survey_tells_type_encoding_size_rate_and_count(kind, record):
    found = survey(record(kind))
    (topic,) = found.images
    assert (topic.name, topic.msgtype, topic.encoding) == (TOPIC, 'sensor_msgs/msg/Image', 'rgb8')
    assert (topic.size, topic.count) == ((48, 32), 12)
    assert topic.rate == pytest.approx(1 / 0.033)
    assert found.seconds == pytest.approx(11 * 0.033, abs=1e-4)


def test_a_topic_of_an_unknown_type_is_told_and_the_others_are_looked_at(humble):
    found = survey(humble)
    assert [(topic.name, topic.size) for topic in found.images] == [(TOPIC, (48, 32))]
    assert [topic.name for topic in found.metadata] == ['/cam/meta']
    assert set(found.problems) == {'/odd'}
    assert 'expected a definition of flir_camera_msgs/msg/ImageMetaData, got none' in (
        found.problems['/odd'])


def test_a_topic_with_messages_of_two_types_is_told_and_fused_by_those_of_its_own(tmp_path):
    path = tmp_path / 'two.mcap'
    with BagWriter(path) as bag:
        bag.write(TOPIC, TYPES.types['std_msgs/msg/String']('hello'), START)
        for topic, message, stamp in Recording().messages(TYPES):
            bag.write(topic, message, stamp)
    (topic,) = survey(path).images
    assert f'expected sensor_msgs/msg/Image on {TOPIC}, got std_msgs/msg/String' in topic.problem
    settings = NodeSettings(image_topics=(TOPIC,), exposure_source='camera_ros')
    with BagReader(path) as bag:
        finder = BracketFinder(path, bag, settings)
        assert len(list(finder.find())) == 4
    assert finder.dropped == {'invalid': 1}


@pytest.mark.parametrize('size', [(1, 5000), (5000, 1), (1, 1)])
def test_a_picture_of_one_line_is_looked_at(size, record):
    (topic,) = survey(record(shot=lambda *_: np.full((*size, 3), 99, np.uint8))).images
    assert (topic.size, topic.problem) == (size[::-1], '')


def test_floats_beyond_white_are_told(tmp_path):
    path = tmp_path / 'floats.mcap'
    with BagWriter(path) as bag:
        image = Maker(TYPES).image(np.zeros((32, 48), np.uint8), START, compressed=False)
        floats = np.full((32, 48), 99, np.float32).view(np.uint8).ravel()
        bag.write(TOPIC, replace(image, encoding='32FC1', step=4 * 48, data=floats), START)
    (topic,) = survey(path).images
    assert topic.problem.startswith('expected float pixels of 0 to 1, got 99 to 99; divide')


@pytest.mark.parametrize('stamps', [1, 30])
def test_images_that_share_stamps_are_no_bracket_and_told(stamps, tmp_path):
    path = tmp_path / 'still.mcap'
    with BagWriter(path) as bag:
        for k in range(60):
            image = Maker(TYPES).image(np.full((32, 48, 3), (5, 40, 200)[k % 3], np.uint8),
                                       START + k % stamps, compressed=False)
            bag.write(TOPIC, image, START + k)
    found = survey(path)
    assert found.images[0].problem == (
        f'expected a stamp for each image, got {stamps} for 60; have the camera stamp its images')
    assert suggestions(found, unknown) == []


@pytest.mark.filterwarnings('error')
def test_floats_below_black_count_as_black():
    topic = ImageTopic(TOPIC, '', 1, thumbnails=[np.array([[-0.5, 1.0]], np.float32)])
    assert topic.brightness.tolist() == [0.5]

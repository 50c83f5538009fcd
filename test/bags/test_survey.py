# SPDX-License-Identifier: Apache-2.0
import pytest

from ddfnet_ros.bags.survey import survey

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

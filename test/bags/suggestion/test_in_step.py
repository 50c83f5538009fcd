# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest

from ddfnet_ros.bags.suggestion import suggestions
from ddfnet_ros.bags.survey import ImageTopic, Survey, survey
from ddfnet_ros.settings import NodeSettings

from .conftest import estimate, only, unknown


@pytest.mark.parametrize('metadata', [True, False])
def test_topics_in_step_and_of_different_brightness_are_a_bracket(metadata, record):
    topics = ('/b/image', '/a/image', '/c/image')  # short, middle, long
    suggestion = only(record(topics=topics, frames=60, metadata=metadata))
    assert suggestion.settings['image_topics'] == topics
    assert suggestion.complete == metadata
    NodeSettings(**suggestion.settings)


def test_metadata_on_a_topic_beside_each_image_topic_are_all_named(record):
    topics = ('/b/image', '/a/image', '/c/image')
    suggestion = only(record(topics=topics, frames=60, metadata='each'))
    assert suggestion.complete
    assert suggestion.metadata_topic == ''
    assert suggestion.settings['metadata_topics'] == ('/b/meta', '/a/meta', '/c/meta')
    assert 'metadata_topics:=[/b/meta, /a/meta, /c/meta]' in suggestion.launch_line('x')


def test_cameras_of_one_exposure_are_no_bracket(record):
    same = record(topics=('/left/image', '/right/image'), exposures=(0.004, 0.004), frames=40,
                  metadata=False)
    assert suggestions(survey(same), estimate) == []


@pytest.mark.parametrize(('slower', 'count'), [(1.0, 1), (1.05, 0)])
def test_topics_that_drift_apart_are_no_bracket(slower, count):
    topics = tuple(
        ImageTopic(name, 'sensor_msgs/msg/Image', 60, 'mono8', (8, 8),
                   [round(k * 1e8 * pace) for k in range(60)],
                   [np.full((8, 8), level, np.uint8)] * 60)
        for name, pace, level in (('/dark', 1.0, 40), ('/bright', slower, 120)))
    found = Survey(Path('x'), 6.0, (), topics, ())
    assert len(suggestions(found, unknown)) == count

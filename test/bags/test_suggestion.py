# SPDX-License-Identifier: Apache-2.0
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from ddfnet_ros.bags.fusing import BagJob, fuse_bag
from ddfnet_ros.bags.suggestion import cycle_of, suggestions
from ddfnet_ros.bags.survey import ImageTopic, MetadataTopic, Survey, survey
from ddfnet_ros.metadata import FrameMetadata
from ddfnet_ros.runtime.exposure_ratios import estimate_exposures
from ddfnet_ros.settings import NodeSettings, RadianceSettings

TOPIC = '/cam/image_raw'


def estimate(pictures):
    return estimate_exposures(pictures, RadianceSettings())[0]


def unknown(_pictures):
    raise ValueError('no idea')


def only(path, how=estimate):
    (suggestion,) = suggestions(survey(path), how)
    return suggestion


@pytest.mark.parametrize('kind', ['mcap', 'db3', 'folder', 'ros1'])
def test_the_survey_tells_type_encoding_size_rate_and_count(kind, record):
    found = survey(record(kind))
    (topic,) = found.images
    assert (topic.name, topic.msgtype, topic.encoding) == (TOPIC, 'sensor_msgs/msg/Image', 'rgb8')
    assert (topic.size, topic.count) == ((48, 32), 12)
    assert topic.rate == pytest.approx(1 / 0.033)
    assert found.seconds == pytest.approx(11 * 0.033, abs=1e-4)


def test_an_image_that_does_not_decode_is_told_not_fatal(record, monkeypatch):
    def broken(_message):
        raise ValueError('expected a whole image')

    monkeypatch.setattr('ddfnet_ros.bags.survey.pixels_of', broken)
    (topic,) = survey(record()).images
    assert (topic.problem, topic.size) == ('expected a whole image', (0, 0))
    assert suggestions(survey(record(name='b', metadata=False)), estimate) == []


def test_a_topic_of_an_unknown_type_is_told_and_the_others_are_looked_at(humble):
    found = survey(humble)
    assert [(topic.name, topic.size) for topic in found.images] == [(TOPIC, (48, 32))]
    assert [topic.name for topic in found.metadata] == ['/cam/meta']
    assert set(found.problems) == {'/odd'}
    assert 'expected a definition of flir_camera_msgs/msg/ImageMetaData, got none' in (
        found.problems['/odd'])


@pytest.mark.parametrize('topic', [TOPIC, '/cam/meta'])
def test_a_corrupt_message_is_told_and_the_others_are_looked_at(topic, record):
    path = record('db3')
    with sqlite3.connect(path) as database:
        database.execute("UPDATE messages SET data = x'00010000' WHERE id = (SELECT MIN(id) FROM "
                         'messages WHERE topic_id = (SELECT id FROM topics WHERE name = ?))',
                         [topic])
    found = survey(path)
    told = {image.name: image.problem for image in found.images} | found.problems
    assert [name for name, problem in told.items() if problem] == [topic]
    assert only(path).settings['bracket_size'] == 3


def test_ratios_are_such_that_the_node_takes_them(record):
    def far_apart(_pictures):
        return [1.0, 12.0, 144.0]

    suggestion = only(record(metadata=False, frames=18), far_apart)
    settings = NodeSettings(**suggestion.settings)
    assert settings.exposure_times == pytest.approx((0.001, 0.012, 0.144))


def told(gains):
    """Two turns of three exposures, each turn with its gain."""
    shots = [(k, gain, time) for k, (gain, time) in enumerate(
        (gain, time) for gain in gains for time in (0.0008, 0.0048, 0.0288))]
    images = ImageTopic('/cam', 'sensor_msgs/msg/Image', 6, stamps_ns=[k for k, _, _ in shots])
    source = MetadataTopic('/meta', 'camera_ros', {
        k: FrameMetadata(time, gain) for k, gain, time in shots})
    return suggestions(Survey(Path('x.mcap'), 1.0, (), (images,), (source,)), unknown)[0].why


@pytest.mark.parametrize(('gains', 'said'), [
    ((1.0, 1.0), '(0.8, 4.8, 28.8 ms, told by /meta)'),
    ((2.0, 2.0), '(0.8, 4.8, 28.8 ms at gain 2, told by /meta)'),
    ((2.0, 2.1), '(exposure x gain 1.64, 9.84, 59.04 ms, told by /meta)')])
def test_exposure_times_are_told_as_they_can_be_set(gains, said):
    assert said in told(gains)


@pytest.mark.parametrize('exposures', [(0.001, 0.004), (0.001, 0.004, 0.016),
                                       (0.0005, 0.001, 0.002, 0.004, 0.008),
                                       (0.0001, 0.0004, 0.0016, 0.0064, 0.0256)])
def test_exposures_that_metadata_tell_are_a_bracket(exposures, record):
    suggestion = only(record(exposures=exposures, frames=20))
    assert suggestion.complete
    assert suggestion.metadata_topic == '/cam/meta'
    assert suggestion.settings == {'image_topics': (TOPIC,), 'exposure_source': 'camera_ros',
                                   'bracket_size': len(exposures)}
    assert NodeSettings(**suggestion.settings).size == len(exposures)


def test_the_launch_line_says_it_all(record):
    line = only(record()).launch_line('drive.mcap')
    assert line == ('ros2 launch ddfnet_ros fuse.launch.py bag:=drive.mcap '
                    'image_topics:=/cam/image_raw exposure_source:=camera_ros bracket_size:=3 '
                    'metadata_topic:=/cam/meta')


def test_one_exposure_is_no_bracket(record):
    assert suggestions(survey(record(exposures=(0.004,), frames=30)), estimate) == []
    assert suggestions(survey(record(name='b', exposures=(0.004,), frames=30, metadata=False)),
                       estimate) == []


@pytest.mark.parametrize('lost', [(), (7,), (7, 20, 33)])
def test_brightness_that_repeats_is_a_bracket_whose_exposures_have_to_be_told(lost, record):
    suggestion = only(record(frames=48, metadata=False, lost=lost))
    assert not suggestion.complete
    settings = NodeSettings(**suggestion.settings)
    ratios = np.array(settings.exposure_times) / settings.exposure_times[0]
    np.testing.assert_allclose(ratios, [1, 4, 16], rtol=0.1)
    assert settings.cycle_period == pytest.approx(0.099, rel=0.1)


def test_the_place_in_the_cycle_is_that_of_the_darkest_frame(record):
    settings = NodeSettings(**only(record(frames=48, metadata=False)).settings)
    slots = (1_700_000_000_000_000_000 / 1e9 - settings.cycle_offset) / settings.cycle_period
    assert abs(slots - round(slots)) < 1e-3


def test_a_pause_after_each_turn_tells_the_turns(record):
    settings = NodeSettings(**only(
        record(frames=48, metadata=False, pause_ns=100_000_000)).settings)
    assert 0.033 < settings.cycle_gap < 0.133
    assert settings.cycle_period == 0


def test_exposures_that_cannot_be_estimated_are_left_to_the_user(record):
    suggestion = only(record(frames=48, metadata=False), unknown)
    assert 'set exposure_times' in suggestion.why
    assert suggestion.settings['bracket_size'] == 3


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


def test_brackets_slower_than_the_default_get_room(record):
    settings = NodeSettings(**only(record(interval_ns=400_000_000)).settings)
    assert settings.max_span > 0.8


def test_random_brightness_does_not_repeat():
    rng = np.random.default_rng(1)
    assert cycle_of(rng.uniform(0.01, 1, 90)) == 0
    assert cycle_of(np.full(90, 0.5)) == 0
    assert cycle_of(np.tile([0.01, 0.1, 0.4], 30) * rng.uniform(0.95, 1.05, 90)) == 3
    assert cycle_of(np.array([0.1])) == 0


@pytest.mark.parametrize('changes', [
    {}, {'metadata': False}, {'metadata': False, 'pause_ns': 100_000_000},
    {'metadata': False, 'lost': (7, 20)}, {'exposures': (0.001, 0.008), 'metadata': False},
    {'topics': ('/b/image', '/a/image', '/c/image')},
    {'topics': ('/b/image', '/a/image', '/c/image'), 'metadata': False},
    {'topics': ('/b/image', '/a/image', '/c/image'), 'metadata': 'each'},
    {'interval_ns': 300_000_000},
])
def test_what_is_suggested_does_fuse(changes, record, fuse, tmp_path):
    path = record(frames=60, info=False, **changes)
    suggestion = only(path)
    topics = (suggestion.metadata_topic,) if suggestion.metadata_topic else ()
    settings = NodeSettings(**{'metadata_topics': topics} | suggestion.settings)
    done = fuse_bag(BagJob(source=path, target=tmp_path / 'out.mcap', settings=settings), fuse)
    whole = 60 // settings.size - len(changes.get('lost', ()))
    assert whole - 7 <= done.brackets <= whole  # a rhythm takes six turns to learn


def test_exposures_that_come_once_each_are_no_bracket(record):
    drifting = record(exposures=(0.001, 0.002, 0.004, 0.008, 0.016), frames=5)
    assert suggestions(survey(drifting), estimate) == []


@pytest.mark.parametrize(('slower', 'count'), [(1.0, 1), (1.05, 0)])
def test_topics_that_drift_apart_are_no_bracket(slower, count):
    topics = tuple(
        ImageTopic(name, 'sensor_msgs/msg/Image', 60, 'mono8', (8, 8),
                   [round(k * 1e8 * pace) for k in range(60)],
                   [np.full((8, 8), level, np.uint8)] * 60)
        for name, pace, level in (('/dark', 1.0, 40), ('/bright', slower, 120)))
    found = Survey(Path('x'), 6.0, (), topics, ())
    assert len(suggestions(found, unknown)) == count

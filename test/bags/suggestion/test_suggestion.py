# SPDX-License-Identifier: Apache-2.0
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from ddfnet_ros.bags.fusing import BagJob, fuse_bag
from ddfnet_ros.bags.suggestion import suggestions
from ddfnet_ros.bags.survey import ImageTopic, MetadataTopic, Survey, survey
from ddfnet_ros.metadata import FrameMetadata
from ddfnet_ros.settings import NodeSettings

from .conftest import estimate, only, unknown

TOPIC = '/cam/image_raw'


def test_an_image_that_does_not_decode_is_told_not_fatal(record, monkeypatch):
    def broken(_message):
        raise ValueError('expected a whole image')

    monkeypatch.setattr('ddfnet_ros.bags.survey.pixels_of', broken)
    (topic,) = survey(record()).images
    assert (topic.problem, topic.size) == ('expected a whole image', (0, 0))
    assert suggestions(survey(record(name='b', metadata=False)), estimate) == []


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
        (k, ''): FrameMetadata(time, gain) for k, gain, time in shots})
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


def test_brackets_slower_than_the_default_get_room(record):
    settings = NodeSettings(**only(record(interval_ns=400_000_000)).settings)
    assert settings.max_span > 0.8


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

# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace as Message

import numpy as np
import pytest

from ddfnet_ros.bracket import Frame
from ddfnet_ros.metadata import MetadataJoiner, source_of
from ddfnet_ros.settings import NodeSettings

THREE = {'image_topics': ('short', 'mid', 'long')}
FIELD = {'exposure_source': 'field', 'metadata_type': 'my_msgs/msg/Shot', 'exposure_unit': 'ms',
         'exposure_field': 'exposure', 'counter_field': 'count'}


def joiner(**settings):
    settings = NodeSettings(**settings)
    return MetadataJoiner(settings, source_of(settings))


def frame(stamp_ns, stream=0, frame_id='camera', sequence_id=None):
    return Frame(pixels=np.zeros((2, 3), np.uint8), stamp_ns=stamp_ns, stream=stream,
                 frame_id=frame_id, sequence_id=sequence_id)


def header(stamp_ns, frame_id='camera'):
    sec, nanosec = divmod(stamp_ns, 10**9)
    return Message(stamp=Message(sec=sec, nanosec=nanosec), frame_id=frame_id)


def shot(stamp_ns, exposure=4.0, count=0):
    return Message(header=header(stamp_ns), exposure=exposure, count=count)


def camera_ros(stamp_ns, exposure_us, frame_id='camera', **controls):
    controls = {'ExposureTime': exposure_us} | controls
    values = [Message(key=key, value=f'{value}') for key, value in controls.items()]
    return Message(header=header(stamp_ns, frame_id), status=[Message(values=values)])


def told(frames):
    return [(f.stream, f.stamp_ns, f.exposure_time) for f in frames]


def test_one_topic_tells_of_the_frames_of_all_image_topics():
    joins = joiner(**FIELD, **THREE)
    for stream in range(3):
        joins.add_frame(frame(stream, stream))
    for stream in (2, 0, 1):
        assert told(joins.add_metadata(0, shot(stream, 4.0 + stream))) == [
            (stream, stream, pytest.approx((4 + stream) / 1000))]


def test_one_topic_may_run_ahead_by_all_that_is_remembered_of_every_image_topic():
    joins = joiner(**FIELD, **THREE, metadata_depth=1)
    for stream in range(3):
        joins.add_metadata(0, shot(stream))
    assert [len(joins.add_frame(frame(stream, stream))) for stream in range(3)] == [1, 1, 1]


def test_a_topic_of_its_own_tells_of_its_image_topic_only():
    joins = joiner(**FIELD, **THREE, metadata_topics=('a', 'b', 'c'))
    for stream in range(3):
        joins.add_frame(frame(5, stream))
    assert told(joins.add_metadata(1, shot(5))) == [(1, 5, 0.004)]


def test_cameras_with_equal_stamps_share_a_topic_for_diagnostics():
    joins = joiner(exposure_source='camera_ros')
    joins.add_frame(frame(5, frame_id='left'))
    assert joins.add_metadata(0, camera_ros(5, 9000, 'right')) == []
    assert told(joins.add_metadata(0, camera_ros(5, 4000, 'left'))) == [(0, 5, 0.004)]


def test_counters_match_though_stamps_differ():
    joins = joiner(**FIELD, image_counter_field='header.frame_id')
    joins.add_frame(frame(100, sequence_id=7))
    joins.add_frame(frame(200, sequence_id=8))
    assert told(joins.add_metadata(0, shot(260, count=8))) == [(0, 200, 0.004)]
    assert told(joins.add_metadata(0, shot(360, count=9))) == []
    assert told(joins.add_frame(frame(300, sequence_id=9))) == [(0, 300, 0.004)]


def test_metadata_without_the_counter_that_is_asked_for_are_refused():
    settings = {name: value for name, value in FIELD.items() if name != 'counter_field'}
    joins = joiner(**settings, image_counter_field='header.frame_id')
    with pytest.raises(ValueError, match=r'a frame counter.*counter_field'):
        joins.add_metadata(0, shot(1))


def test_invalid_metadata_without_a_counter_are_refused_each_time_and_let_no_frame_go():
    joins = joiner(exposure_source='camera_ros', image_counter_field='header.seq')
    joins.add_frame(frame(1, sequence_id=1))
    for _ in range(3):
        with pytest.raises(ValueError, match='ExposureTime: expected a positive number'):
            joins.add_metadata(0, camera_ros(1, 0))
    assert told(joins.add_metadata(0, camera_ros(1, 4000, sequence=1))) == [(0, 1, 0.004)]


def test_what_other_nodes_send_on_a_shared_topic_needs_no_counter():
    joins = joiner(exposure_source='camera_ros', counter_field='status.values.Count',
                   image_counter_field='header.seq')
    foreign = Message(header=header(1), status=[Message(values=[Message(key='cpu', value='9')])])
    assert joins.add_metadata(0, foreign) == []


@pytest.mark.parametrize('metadata_first', [False, True])
def test_cameras_that_share_a_topic_count_for_themselves(metadata_first):
    joins = joiner(exposure_source='camera_ros', image_counter_field='header.seq',
                   metadata_depth=30)
    frames = [frame(100 + i, frame_id='left', sequence_id=100 + i) for i in range(10)]
    found = []
    if not metadata_first:
        found += [f for one in frames for f in joins.add_frame(one)]
    for i in range(10):
        for camera, count in (('left', 100 + i), ('right', 50 + i)):
            found += joins.add_metadata(0, camera_ros(0, 4000, camera, sequence=count))
    if metadata_first:
        found += [f for one in frames for f in joins.add_frame(one)]
    assert told(found) == [(0, 100 + i, 0.004) for i in range(10)]


def test_a_camera_that_counts_in_its_frame_id_stays_the_same_camera():
    joins = joiner(exposure_source='camera_ros', image_counter_field='header.frame_id')
    for count in (7, 0):  # which starts anew
        joins.add_metadata(0, camera_ros(0, 4000, f'left_{count:06}', sequence=count))
    assert told(joins.add_frame(frame(1, frame_id='left_000000', sequence_id=0))) == [
        (0, 1, 0.004)]
    assert joins.add_frame(frame(2, frame_id='left_000007', sequence_id=7)) == []


@pytest.mark.parametrize('by_counter', [False, True])
def test_each_frame_is_counted_once_as_refused_or_as_without_metadata(by_counter):
    joins = joiner(**FIELD, image_counter_field='header.frame_id' if by_counter else '')
    joins.add_frame(frame(1, sequence_id=1))
    joins.add_frame(frame(2, sequence_id=2))
    with pytest.raises(ValueError, match='exposure: expected a positive number'):
        joins.add_metadata(0, shot(1, exposure=0.0, count=1))
    joins.reset()
    assert joins.dropped == {'no_metadata': 1, 'invalid': 1}


def test_other_cameras_on_a_shared_topic_are_not_judged_as_if_they_were_ours():
    joins = joiner(exposure_source='camera_ros', exposure_times=(0.001, 0.004, 0.016))
    joins.add_frame(frame(1, frame_id='left'))
    assert joins.add_metadata(0, camera_ros(1, 5, 'right')) == []  # as if in another unit
    assert joins.add_metadata(0, camera_ros(1, 0, 'right')) == []  # nor could it be
    assert told(joins.add_metadata(0, camera_ros(1, 4000, 'left'))) == [(0, 1, 0.004)]
    joins.add_frame(frame(2, frame_id='left'))
    with pytest.raises(ValueError, match='expected a positive number'):
        joins.add_metadata(0, camera_ros(2, 0, 'left'))


def test_units_are_told_apart_camera_by_camera():
    joins, found = joiner(exposure_source='camera_ros'), []
    for turn in range(60):
        for k, (ours, others) in enumerate(((1000, 5), (4000, 20), (16000, 80))):
            stamp = 3 * turn + k
            joins.add_frame(frame(stamp, frame_id='left'))
            joins.add_metadata(0, camera_ros(stamp, others, 'right'))
            found += joins.add_metadata(0, camera_ros(stamp, ours, 'left'))
    assert len(found) == 180


@pytest.mark.parametrize('lag', [0, 5, 9])
def test_each_camera_on_a_shared_topic_has_the_whole_depth(lag):
    joins, found = joiner(exposure_source='camera_ros'), []
    for stamp in range(60 + lag):
        for camera in ('left', 'right', 'front', 'rear'):
            joins.add_metadata(0, camera_ros(stamp, 4000, camera))
        if stamp >= lag:
            found += joins.add_frame(frame(stamp - lag, frame_id='left'))
    assert len(found) == 60


def test_cameras_that_never_come_again_do_not_pile_up():
    joins = joiner(exposure_source='camera_ros')
    for stamp in range(1000):
        joins.add_frame(frame(stamp, frame_id=f'camera_{stamp}'))
        joins.add_metadata(0, camera_ros(stamp + 1, 4000, f'other_{stamp}'))
    assert sum(len(cameras) for cameras in joins._cameras) <= 64
    joins.reset()
    assert joins.dropped == {'no_metadata': 1000}

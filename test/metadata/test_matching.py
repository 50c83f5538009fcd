# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.bracket import Frame
from ddfnet_ros.metadata import FrameMetadata
from ddfnet_ros.metadata.matching import Matcher

HALF = FrameMetadata(0.5, gain=2.0, sequence_id=7)
QUARTER = FrameMetadata(0.25)


def frame(stamp_ns=0, sequence_id=None):
    return Frame(pixels=np.zeros((2, 3), np.uint8), stamp_ns=stamp_ns, sequence_id=sequence_id)


def test_metadata_before_its_frame_and_after_it_both_match():
    matcher = Matcher(depth=2)
    assert matcher.add_frame(1, frame(1)) is None
    late = matcher.add_metadata(1, HALF)
    assert matcher.add_metadata(2, QUARTER) is None
    early = matcher.add_frame(2, frame(2))
    assert [(f.stamp_ns, f.exposure_time, f.gain, f.sequence_id) for f in (late, early)] == [
        (1, 0.5, 2.0, 7), (2, 0.25, 1.0, None)]
    assert not matcher.dropped


def test_a_frame_keeps_its_own_counter_where_metadata_has_none():
    matcher = Matcher(depth=2)
    matcher.add_metadata(1, QUARTER)
    assert matcher.add_frame(1, frame(1, sequence_id=3)).sequence_id == 3


def test_only_equal_keys_match():
    matcher = Matcher(depth=2)
    matcher.add_frame(1, frame(1))
    assert matcher.add_metadata(2, HALF) is None


def test_a_frame_whose_metadata_never_comes_is_dropped_and_counted():
    matcher = Matcher(depth=2)
    for stamp in (1, 2, 3):
        matcher.add_frame(stamp, frame(stamp))
    assert matcher.dropped == {'no_metadata': 1}
    assert matcher.add_metadata(1, HALF) is None
    assert matcher.add_metadata(3, HALF).stamp_ns == 3


def test_metadata_without_frames_do_not_pile_up():
    matcher = Matcher(depth=1, metadata_depth=2)
    for stamp in (1, 2, 3):
        matcher.add_metadata(stamp, HALF)
    assert matcher.add_frame(1, frame(1)) is None
    assert matcher.add_frame(2, frame(2)) is not None


def test_a_frame_that_came_twice_is_exposed_twice():
    matcher = Matcher(depth=2)
    matcher.add_metadata(1, HALF)
    assert matcher.add_frame(1, frame(1))
    assert matcher.add_frame(1, frame(1))


def test_reset_forgets_frames_and_metadata():
    matcher = Matcher(depth=4)
    matcher.add_frame(1, frame(1))
    matcher.add_metadata(2, HALF)
    matcher.reset()
    assert matcher.add_metadata(1, HALF) is None
    assert matcher.add_frame(2, frame(2)) is None
    assert matcher.dropped == {'no_metadata': 1}


def test_a_frame_whose_metadata_is_useless_is_let_go_whichever_comes_first():
    matcher = Matcher(depth=4)
    matcher.add_frame(1, frame(1))
    assert matcher.add_metadata(1, None) is None
    matcher.add_metadata(2, None)
    assert matcher.add_frame(2, frame(2)) is None
    matcher.reset()
    assert matcher.dropped == {'invalid': 2}


def test_metadata_that_come_after_their_frame_was_given_up_are_told():
    matcher = Matcher(depth=2)
    for number in range(3):
        matcher.add_frame(number, frame(number))
    assert matcher.dropped == {'no_metadata': 1}
    assert not matcher.complaint
    assert matcher.add_metadata(0, HALF) is None
    assert 'raise metadata_depth' in matcher.complaint


def test_images_of_one_stamp_or_a_counter_that_restarts_are_not_told_as_late_metadata():
    matcher = Matcher(depth=4)
    matcher.add_frame(5, frame(5))
    matcher.add_frame(5, frame(5))
    assert matcher.add_metadata(5, HALF)
    assert not matcher.complaint
    matcher = Matcher(depth=2, counts=True)
    for number in (0, 1, 2, 3, 4, 0):
        matcher.add_frame(number, frame(number))
    assert matcher.add_metadata(0, HALF)
    matcher.add_metadata(1, HALF)
    assert not matcher.complaint


@pytest.mark.parametrize('frame_first', [True, False])
def test_where_stamps_are_not_unique_the_first_exposure_alone_is_believed(frame_first):
    matcher, exposures = Matcher(depth=4), []
    for k in range(8):
        metadata = FrameMetadata(0.001 * (k + 1))
        found = [matcher.add_frame(0, frame(0))] if frame_first else []
        found.append(matcher.add_metadata(0, metadata))
        found += [] if frame_first else [matcher.add_frame(0, frame(0))]
        exposures += [one.exposure_time for one in found if one]
    assert set(exposures) <= {0.001}
    assert matcher.dropped['invalid'] >= 6
    assert 'expected one stamp or counter per image' in matcher.complaint


def test_a_single_stamp_that_came_twice_costs_some_frames_and_no_more():
    matcher = Matcher(depth=4)
    for metadata in (HALF, HALF, QUARTER):
        matcher.add_metadata(0, metadata)
    found = []
    for number in range(1, 10):
        matcher.add_metadata(number, HALF)
        found.append(bool(matcher.add_frame(number, frame(number))))
    assert found == 4 * [False] + 5 * [True]


def test_stamps_may_come_in_any_order():
    matcher = Matcher(depth=4)
    matcher.add_frame(2, frame(2))
    matcher.add_frame(1, frame(1))
    matcher.add_metadata(4, HALF)
    matcher.add_metadata(3, HALF)
    assert matcher.add_metadata(2, HALF)
    assert matcher.add_frame(4, frame(4))


def test_frames_from_before_a_counter_started_anew_are_dropped():
    matcher = Matcher(depth=20, counts=True)
    matcher.add_frame(8, frame(8))
    matcher.add_frame(0, frame(10))
    assert matcher.dropped == {'no_metadata': 1}
    assert matcher.add_metadata(8, HALF) is None


def test_a_counter_that_starts_anew_meets_nothing_of_before():
    matcher = Matcher(depth=20, counts=True)
    for count in (5, 6, 7):
        matcher.add_metadata(count, HALF)
    matcher.add_frame(8, frame(8))
    matcher.add_metadata(0, QUARTER)
    assert matcher.add_frame(0, frame(10)).exposure_time == 0.25
    assert matcher.add_frame(5, frame(15)) is None  # until its own metadata comes
    assert matcher.add_metadata(5, QUARTER).exposure_time == 0.25


@pytest.mark.parametrize('metadata_first', [False, True])
def test_a_camera_that_starts_again_and_again_never_meets_what_was_before(metadata_first):
    matcher = Matcher(depth=20, counts=True)
    for start in range(3):
        told = FrameMetadata(0.5 + start)
        for count in range(4):
            early = matcher.add_metadata(count, told) if metadata_first else None
            found = matcher.add_frame(count, frame(count))
            late = None if metadata_first else matcher.add_metadata(count, told)
            assert (found or late).exposure_time == 0.5 + start
            assert early is None
    assert not matcher.dropped


def test_frames_that_wait_are_not_of_a_start_that_only_metadata_had():
    matcher = Matcher(depth=20, counts=True)
    matcher.add_metadata(1, HALF)
    matcher.add_frame(2, frame(2))
    matcher.add_metadata(0, QUARTER)
    assert matcher.add_metadata(2, QUARTER) is None
    assert matcher.dropped == {'no_metadata': 1}
    assert matcher.add_frame(0, frame(10)).exposure_time == 0.25

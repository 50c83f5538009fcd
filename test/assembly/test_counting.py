# SPDX-License-Identifier: Apache-2.0
import pytest

from ddfnet_ros.assembly.counting import FrameCounter
from ddfnet_ros.assembly.sorting import FrameError


def read(counter, *readings):
    """Read (reading, stamp) pairs; give (epoch, number) pairs."""
    return [tuple(counter.read(*reading)) for reading in readings]


def run(counter, first, last, start_ns=0):
    """Count on by one every 10 ns."""
    return read(counter, *((n, start_ns + 10 * (n - first)) for n in range(first, last + 1)))


def test_counter_that_only_rises_stays_as_it_is():
    assert read(FrameCounter(3), (5, 0), (6, 10), (9, 40)) == [(0, 5), (0, 6), (0, 9)]


def test_late_frame_keeps_its_number():
    assert read(FrameCounter(3), (5, 0), (7, 20), (6, 10)) == [(0, 5), (0, 7), (0, 6)]


@pytest.mark.parametrize('bits', [8, 16, 32])
def test_wrap_around_counts_on(bits):
    counter = FrameCounter(3)
    run(counter, 2**bits - 10, 2**bits - 2)
    assert read(counter, (0, 100), (1, 110), (2**bits - 1, 90)) == [
        (0, 2**bits), (0, 2**bits + 1), (0, 2**bits - 1)]


def test_counter_that_wraps_twice_counts_on():
    counter = FrameCounter(3)
    numbers = read(counter, *((n % 256, 10 * n) for n in range(700)))
    assert numbers == [(0, n) for n in range(700)]


def gige(n):
    """The block of GigE Vision: of 16 bits, without 0."""
    return (n - 1) % (2**16 - 1) + 1


@pytest.mark.parametrize('lost', [(), (65536,), (65535, 65536, 65537)])
def test_a_counter_without_zero_counts_on_too(lost):
    counter = FrameCounter(3)
    shown = [n for n in range(65000, 3 * 65535) if n not in lost]
    numbers = read(counter, *((gige(n), 10 * n) for n in shown))
    assert numbers == [(0, n) for n in shown]


def test_a_counter_that_lost_its_zero_has_one_all_the_same():
    counter = FrameCounter(3)
    shown = [n for n in range(65000, 3 * 65536) if n != 65536]
    assert read(counter, *((n % 2**16, 10 * n) for n in shown)) == [(0, n) for n in shown]


@pytest.mark.parametrize('silence', [70, 190, 256, 300, 1000])
def test_wrap_arounds_that_nobody_saw_are_told_by_time(silence):
    counter = FrameCounter(3)
    read(counter, *((n % 256, 10 * n) for n in range(330)))
    after = 330 + silence
    assert read(counter, (after % 256, 10 * after), ((after + 1) % 256, 10 * after + 10)) == [
        (0, after), (0, after + 1)]


def test_a_counter_that_rested_goes_on():
    counter = FrameCounter(3)
    read(counter, *((n % 256, 10 * n) for n in range(330)))
    assert read(counter, (74, 10 * 330 + 1200)) == [(0, 330)]


def test_wider_counter_passes_the_narrower_widths_unharmed():
    assert run(FrameCounter(3), 250, 260)[-1] == (0, 260)


@pytest.mark.parametrize(('reading', 'stamp_ns'), [
    (0, 1100),  # the same step takes a wrap-around 60 ns
    (0, 1000),
    (3, 130),
    (100, 1000),
])
def test_step_back_that_is_no_wrap_around_is_a_restart(reading, stamp_ns):
    counter = FrameCounter(3)
    run(counter, 240, 250) if reading == 0 else run(counter, 190, 200)
    assert read(counter, (reading, stamp_ns), (reading + 1, stamp_ns + 10)) == [
        (1, reading), (1, reading + 1)]


def test_frame_from_before_a_restart_is_stale():
    counter = FrameCounter(3)
    run(counter, 100, 110)
    read(counter, (0, 500))
    with pytest.raises(FrameError, match='before a restart') as error:
        counter.read(111, 490)
    assert error.value.reason == 'stale'
    assert read(counter, (1, 510)) == [(1, 1)]


def test_frame_from_long_before_a_wrap_around_does_not_move_the_counter():
    counter = FrameCounter(3)
    run(counter, 2**16 - 40, 2**16 - 1)
    run(counter, 0, 5, start_ns=400)
    with pytest.raises(FrameError):
        counter.read(2**16 - 20, 200)
    assert read(counter, (6, 460)) == [(0, 2**16 + 6)]


def test_two_frames_of_one_stamp_are_counted_apart():
    assert read(FrameCounter(3), (5, 0), (6, 0), (7, 10)) == [(0, 5), (0, 6), (0, 7)]


def test_counter_of_several_topics_may_stand_still():
    assert read(FrameCounter(3), (5, 0), (5, 1), (5, 2), (6, 30)) == [
        (0, 5), (0, 5), (0, 5), (0, 6)]


def test_after_a_jump_of_time_the_wrap_around_still_counts():
    counter = FrameCounter(3)
    run(counter, 2**16 - 10, 2**16 - 1)
    run(counter, 0, 50, start_ns=100)
    counter.jump()
    assert read(counter, (60, 0)) == [(1, 2**16 + 60)]


def test_after_a_long_loop_the_counter_starts_as_it_did():
    # Of 8 bits, and back at a number near the last one.
    counter = FrameCounter(3)
    read(counter, *((n % 256, 10 * n) for n in range(40, 1000)))
    counter.jump()
    assert read(counter, (231, 400), (232, 410)) == [(1, 231), (1, 232)]


def test_after_a_loop_to_before_the_wrap_around_it_does_not():
    counter = FrameCounter(3)
    run(counter, 2**16 - 10, 2**16 - 1)
    run(counter, 0, 50, start_ns=100)
    counter.jump()
    assert read(counter, (2**16 - 10, 0)) == [(1, 2**16 - 10)]

# SPDX-License-Identifier: Apache-2.0
"""Clocks that jump, and bags that loop."""

import pytest
from builtin_interfaces.msg import Time
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock

from .conftest import EXPOSURES, header, image, scene

HDR = '/fuse_node/hdr'


def jump(bench, seconds):
    bench.send('/clock', Clock(clock=Time(sec=seconds)))
    bench.spin_until(lambda: bench.node.get_clock().now().nanoseconds == seconds * 10**9,
                     f'{seconds} s on the clock of the node')


@pytest.mark.parametrize('use_sim_time', [True, False])
def test_a_clock_before_all_time_ends_nothing(bench_with, use_sim_time):
    bench = bench_with(use_sim_time=use_sim_time)
    bench.node.set_parameters([Parameter('use_sim_time', value=True)])
    bench.send('/clock', Clock(clock=Time(sec=-5)))
    jump(bench, 100)
    bench.send_bracket(100 * 10**9)
    assert bench.next(HDR).header == header(100 * 10**9 + 10**7)


def test_after_the_clock_jumped_back_a_new_frame_meets_none_of_the_old_time(bench_with):
    bench = bench_with(use_sim_time=True)
    jump(bench, 100)
    for i in (0, 1):
        bench.send_frame(image(scene(EXPOSURES[i]), 100 * 10**9 + i * 10**7), EXPOSURES[i])
    jump(bench, 1)
    bench.send_bracket(10**9)
    assert bench.next(HDR).header == header(10**9 + 10**7)
    assert int(bench.counts()['dropped.incomplete']) == 2


@pytest.mark.parametrize('seconds', [101, 100 + 3600, 2 * 10**9])
def test_after_the_clock_jumped_ahead_a_new_frame_meets_none_of_the_old_time(bench_with, seconds):
    bench = bench_with(use_sim_time=True)
    jump(bench, 100)
    for i in (0, 1):
        bench.send_frame(image(scene(EXPOSURES[i]), 100 * 10**9 + i * 10**7), EXPOSURES[i])
    jump(bench, seconds)
    bench.send_bracket(seconds * 10**9)
    assert bench.next(HDR).header == header(seconds * 10**9 + 10**7)
    assert int(bench.counts()['dropped.incomplete']) == 2


def test_images_that_come_later_than_the_jump_of_their_clock_still_make_a_bracket(bench_with):
    bench = bench_with(use_sim_time=True)
    jump(bench, 100)
    for i in (0, 1):
        bench.send_frame(image(scene(EXPOSURES[i]), 100 * 10**9 + i * 10**7), EXPOSURES[i])
    jump(bench, 1)
    bench.send_frame(image(scene(EXPOSURES[2]), 100 * 10**9 + 2 * 10**7), EXPOSURES[2])
    assert bench.next(HDR).header.stamp.sec == 100
    bench.send_bracket(10**9)
    assert bench.next(HDR).header.stamp.sec == 1


def test_images_that_come_before_the_jump_of_their_clock_still_make_a_bracket(bench_with):
    bench = bench_with(use_sim_time=True)
    jump(bench, 100)
    bench.send_bracket(100 * 10**9)
    for i in (0, 1):
        bench.send_frame(image(scene(EXPOSURES[i]), 10**9 + i * 10**7), EXPOSURES[i])
    jump(bench, 1)
    assert bench.next(HDR).header.stamp.sec == 100
    bench.send_frame(image(scene(EXPOSURES[2]), 10**9 + 2 * 10**7), EXPOSURES[2])
    assert bench.next(HDR).header.stamp.sec == 1


def test_a_bag_of_two_brackets_may_loop_though_all_its_frames_were_here_before(bench_with):
    bench = bench_with(use_sim_time=True)
    jump(bench, 100)
    for _ in range(2):
        bench.restart_camera()
        for start_ns in (100 * 10**9, 100 * 10**9 + 10**8):
            bench.send_bracket(start_ns)
            bench.next(HDR)
        jump(bench, 101)
        jump(bench, 100)
    assert bench.counts()['brackets_fused'] == '4'

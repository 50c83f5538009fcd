# SPDX-License-Identifier: Apache-2.0
"""The synchronizer of message_filters itself, where there is one."""

import random
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from benchmark.camera import Camera, Channel, Mode, judge, names_of
from ddfnet_ros.bracket import Frame
from ddfnet_ros.node.approximate import ApproximateAssembler
from ddfnet_ros.settings import NodeSettings

from .conftest import EXPOSURES, header, image, scene

CAMERA = Camera()  # 3 exposures, 11 ms apart, every 33 ms
SETTINGS = NodeSettings(exposure_times=CAMERA.exposures, image_topics=('short', 'mid', 'long'),
                        sync='approximate', sync_slop=0.03)
installed = pytest.mark.skipif(not find_spec('message_filters'), reason='needs message_filters')


def test_without_message_filters_the_remedies_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'message_filters', None)
    with pytest.raises(ValueError, match='expected the package message_filters') as error:
        ApproximateAssembler(SETTINGS)
    remedy = 'apt install ros-$ROS_DISTRO-message-filters, or set sync to bracket'
    assert remedy in str(error.value)


def test_one_topic_has_nothing_to_synchronize():
    with pytest.raises(ValueError, match='sync: expected bracket with 1 image topic'):
        NodeSettings(sync='approximate')


ROADS = {
    'no drops': Channel(), '1 % lost': Channel(lost=0.01), '30 % lost': Channel(lost=0.3),
    'joins after 1 frame': Channel(joined=1), 'joins after 2 frames': Channel(joined=2),
    'reordered': Channel(reordered=0.2), 'very late': Channel(delayed=0.01),
    'doubled': Channel(doubled=0.1), 'bag played 5 times': Channel(rounds=5),
    'all of it': Channel(lost=0.05, reordered=0.05, delayed=0.01, doubled=0.05, joined=1,
                         rounds=3),
}


def assembled(channel, brackets=200, seed=0):
    rng = random.Random(seed)
    arrived = channel.travel(CAMERA.shoot(brackets, rng), CAMERA.size, rng)
    mode = Mode(settings=SETTINGS, topics=True)
    assembler = ApproximateAssembler(SETTINGS)
    brackets = [b for shot in arrived for b in assembler.add(mode.frame(shot, CAMERA))]
    return assembler, arrived, brackets


@installed
@pytest.mark.parametrize('channel', ROADS)
@pytest.mark.parametrize('seed', [0, 1])
def test_no_bracket_is_mixed_and_every_frame_is_accounted_for(channel, seed):
    assembler, arrived, brackets = assembled(ROADS[channel], seed=seed)
    verdict = judge(map(names_of, brackets), arrived, CAMERA.size)
    assert verdict.mixed == 0
    assert verdict.share > 0.8  # late frames cost their bracket, lost ones not the next
    assembler.reset()
    assert len(arrived) == 3 * len(brackets) + assembler.dropped.total()


@installed
def test_all_brackets_come_out_where_none_is_touched():
    assembler, _, brackets = assembled(ROADS['no drops'])
    assert (len(brackets), assembler.dropped.total()) == (200, 0)
    assert brackets[0].exposures == CAMERA.exposures


@installed
def test_a_looping_bag_costs_little():
    _, _, brackets = assembled(ROADS['bag played 5 times'])
    assert len(brackets) > 5 * 200 - 5 * 2


@installed
def test_a_set_that_is_no_bracket_is_complained_about_and_the_next_one_comes_out():
    assembler = ApproximateAssembler(SETTINGS)

    def frame(stream, stamp_ns, width=3):
        return Frame(pixels=np.zeros((2, width), np.uint8), stream=stream, stamp_ns=stamp_ns)

    for stream in range(3):
        assert assembler.add(frame(stream, 10**9 + stream, width=3 + stream)) == []
    assert 'expected frames alike' in assembler.take_complaint()
    assert assembler.dropped == {'invalid': 3}
    brackets = [assembler.add(frame(stream, 2 * 10**9 + stream)) for stream in range(3)]
    assert [bool(bracket) for bracket in brackets] == [False, False, True]


@installed
def test_over_dds_a_lost_frame_costs_its_bracket_and_no_other(bench_with):
    topics = ['/short', '/mid', '/long']
    bench = bench_with(sync='approximate', sync_slop=0.03, image_topics=topics,
                       exposure_source='parameters')

    def send(second, places=(0, 1, 2)):
        for place in places:
            stamp_ns = second * 10**9 + place * 10**7
            bench.send(topics[place], image(scene(EXPOSURES[place]), stamp_ns))

    for second, places in ((1, (0, 1, 2)), (2, (0, 2)), (3, (0, 1, 2))):
        send(second, places)
        if len(places) == 3:
            assert bench.next('/fuse_node/hdr').header == header(second * 10**9 + 10**7)
    for second in range(4, 13):  # until the synchronizer forgets what waits in vain
        send(second)
        bench.next('/fuse_node/hdr')
    counts = bench.counts()
    assert (counts['brackets_fused'], counts['dropped.incomplete']) == ('11', '2')

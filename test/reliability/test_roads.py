# SPDX-License-Identifier: Apache-2.0
"""Roads between camera and node that lose, double and turn around frames, over real DDS."""

import random
from types import SimpleNamespace

import pytest
from diagnostic_msgs.msg import DiagnosticArray

from benchmark.soak_load import disturb_frames, uncounted

from .conftest import node_bench

EXPOSURES, TOPIC = node_bench.EXPOSURES, node_bench.TOPIC
INFO = '/fuse_node/bracket_info'
START_NS, TURN_NS, STEP_NS = 3 * 10**9, 3 * 10**7, 10**7  # phase 0
ROADS = {
    '30 % lost': SimpleNamespace(lost=0.3, doubled=0.0, reordered=0.0),
    'doubled and in any order': SimpleNamespace(lost=0.0, doubled=0.3, reordered=0.3),
    'all of it': SimpleNamespace(lost=0.1, doubled=0.1, reordered=0.2),
}


def received(bench):
    """Images that the node has taken."""
    fusion = bench.node._fusion
    return fusion.statistics.snapshot(fusion.inputs.dropped).received


def send(bench, turn, place):
    """One frame, with its metadata where the node listens to that, and wait until it is taken."""
    stamp_ns, before = START_NS + turn * TURN_NS + place * STEP_NS, received(bench)
    if any(subscription.topic_name.endswith('/meta') for subscription in bench.node.subscriptions):
        bench.send('/fuse_node/meta', node_bench.metadata(
            EXPOSURES[place], 3 * turn + place, stamp_ns))
    bench.send(TOPIC, node_bench.image(node_bench.scene(EXPOSURES[place]), stamp_ns))
    bench.spin_until(lambda: received(bench) > before, 'image')


def turns_of(told):
    """Which turns the frames of a result are of."""
    stamps = [value.value.replace('.', '') for value in told.status[0].values
              if value.key.endswith('.stamp')]
    assert len(stamps) == len(EXPOSURES)
    return {(int(stamp) - START_NS) // TURN_NS for stamp in stamps}


@pytest.mark.parametrize('source', ['camera_ros', 'parameters'])
@pytest.mark.parametrize('road', ROADS)
def test_over_a_bad_road_every_whole_turn_is_fused_at_once_and_every_frame_counted(
        bench_with, road, source):
    bench = bench_with(exposure_source=source, cycle_period=TURN_NS * 1e-9,
                       views={'bracket_info': DiagnosticArray})
    rng, whole = random.Random(7), 0
    for turn in range(25):
        places = [place for place, _ in disturb_frames([0, 1, 2], rng, ROADS[road])]
        for place in places:
            send(bench, turn, place)
        if set(places) == {0, 1, 2}:  # whatever the turns before were like
            whole += 1
            assert turns_of(bench.next(INFO)) == {turn}
    bench.node.trigger_deactivate()  # what waited for others is counted
    assert uncounted(counts := bench.counts()) == 0
    assert (counts['brackets_fused'], bench.received[INFO]) == (f'{whole}', [])
    assert whole > 5


def test_one_dead_camera_of_three_gives_no_brackets_until_it_is_back(bench_with):
    topics = ['/short/image_raw', '/middle/image_raw', '/long/image_raw']
    bench = bench_with(image_topics=topics, exposure_source='parameters',
                       cycle_period=TURN_NS * 1e-9,
                       views={'bracket_info': DiagnosticArray})
    dead, back, fusion = 3, 15, bench.node._fusion
    for turn in range(18):
        for place, topic in enumerate(topics):
            if topic == topics[1] and dead <= turn < back:
                continue
            before = received(bench)
            bench.send(topic, node_bench.image(node_bench.scene(EXPOSURES[place]),
                                               START_NS + turn * TURN_NS + place * STEP_NS))
            bench.spin_until(lambda before=before: received(bench) > before, 'image')
        assert fusion.inputs._assembler.held <= 2 * 3 * 2  # a dead camera piles nothing up
        if turn < dead or turn >= back:
            assert turns_of(bench.next(INFO)) == {turn}
    bench.node.trigger_deactivate()
    counts = bench.counts()
    assert (counts['brackets_fused'], counts['dropped.incomplete']) == ('6', '24')
    assert bench.received[INFO] == []

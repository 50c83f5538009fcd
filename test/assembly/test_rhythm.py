# SPDX-License-Identifier: Apache-2.0
import pytest

from ddfnet_ros.assembly.rhythm import EVIDENCE, Beat, Rhythm


def rhythm_of(offsets, turns, *, period=30, lost=(), counted=False, shutters=None):
    rhythm = Rhythm(len(offsets))
    beats = [Beat(0, period * t + offset, label, (shutters or [0] * len(offsets))[label],
                  t if counted else None)
             for t in range(turns) for label, offset in enumerate(offsets)]
    for k, beat in enumerate(sorted(beats)):
        if k not in lost:
            rhythm.note(beat)
    return rhythm


def template_of(offsets, turns=20, **more):
    rhythm = rhythm_of(offsets, turns, **more)
    return rhythm.template(rhythm.period_ns(), None)


def test_period_needs_evidence_without_a_counter():
    enough = EVIDENCE // 3 + 1
    assert rhythm_of((0, 10, 20), enough - 1).period_ns() is None
    assert rhythm_of((0, 10, 20), enough).period_ns() == 30


def test_period_by_a_counter_needs_two_turns():
    assert rhythm_of((0, 10, 20), 1, counted=True).period_ns() is None
    assert rhythm_of((0, 10, 20), 2, counted=True).period_ns() == 30


def test_lost_frames_do_not_lengthen_the_period():
    # Every third frame is lost, in all places.
    assert rhythm_of((0, 10, 20), 20, lost=range(0, 60, 4)).period_ns() == 30


def test_shortest_fifth_of_the_intervals_tells_the_period():
    # Of ten turns the second, fourth, sixth and eighth are lost: two thirds are double.
    lost = [3 * turn + k for turn in range(40) if turn % 10 in (1, 3, 5, 7) for k in range(3)]
    assert rhythm_of((0, 10, 20), 40, lost=lost).period_ns() == 30


def test_exposure_that_hops_within_the_turn_gives_no_template():
    rhythm = Rhythm(2)
    for turn in range(20):
        rhythm.note(Beat(0, 30 * turn, 0))
        rhythm.note(Beat(0, 30 * turn + (10 if turn % 5 < 3 else 25), 1))
    assert rhythm.template(30) is None


def test_counted_period_bridges_lost_turns():
    assert rhythm_of((0, 10, 20), 3, counted=True, lost=range(3, 6)).period_ns() == 30


def test_period_is_unknown_while_the_camera_changes():
    rhythm = rhythm_of((0, 10, 20), 20)
    rhythm.note(Beat(0, 600, 0))
    assert rhythm.period_ns() == 30
    rhythm.note(Beat(0, 612, 0))
    assert rhythm.period_ns() is None


def test_beats_of_two_segments_are_not_compared():
    rhythm = Rhythm(2)
    for segment in range(40):
        rhythm.note(Beat(segment, 1000 - segment, 0))
    assert rhythm.period_ns() is None


@pytest.mark.parametrize(('offsets', 'first'), [
    ((0, 10, 20), 0),  # rises
    ((20, 10, 0), 2),  # falls
    ((10, 20, 0), 0),  # rises, if one begins with label 0
    ((5, 10, 0), 2),  # a pause of 20 after 5 and 5
    ((0, 15), 0),
    ((0, 5), 0),
    ((5, 0), 1),
])
def test_turn_begins_after_a_pause_or_at_the_end_of_the_scale(offsets, first):
    template = template_of(offsets)
    assert template.order[0] == first
    assert template.offsets_ns[first] == 0
    for label, offset in enumerate(offsets):
        assert template.offsets_ns[label] == pytest.approx((offset - offsets[first]) % 30)


def test_turn_of_a_cycle_up_and_down_begins_nowhere():
    assert template_of((0, 20, 30, 10), period=40) is None


def test_first_label_can_be_given():
    rhythm = rhythm_of((5, 10, 0), 20)
    assert rhythm.template(30, first=0).offsets_ns == pytest.approx((0, 5, 25))


def test_long_exposure_is_no_pause():
    # The stamps are of the end of the exposures: 1, 1 and 20 long, read out in 5.
    assert template_of((0, 5, 25), shutters=(1, 1, 20)).order[0] == 0
    assert template_of((0, 5, 25)).order[0] == 2


def test_pause_against_the_scale_takes_more_evidence():
    turns = next(n for n in range(2, 30) if (r := rhythm_of((5, 10, 0), n)).period_ns()
                 and r.template(30))
    usual = next(n for n in range(2, 30) if (r := rhythm_of((0, 10, 20), n)).period_ns()
                 and r.template(30))
    assert turns > usual


def test_doubtful_pause_takes_more_than_two_turns():
    # 18 between labels 1 and 2, else 10: no clear pause, but no clear begin either.
    assert rhythm_of((0, 10, 28), 2, period=38, counted=True).template(38) is None
    assert rhythm_of((0, 10, 28), 20, period=38, counted=True).template(38).order[0] == 0


def test_far_frames_do_not_tell_offsets():
    # The period is 5 % off; label 0 comes in the first turns alone.
    lost = [3 * turn for turn in range(3, 12)]
    template = rhythm_of((0, 10, 20), 12, lost=lost).template(31.5)
    assert template.offsets_ns == pytest.approx((0, 10, 20), abs=1.5)


def test_wrong_period_gives_no_template():
    assert rhythm_of((0, 10, 20), 20).template(30) is not None
    assert rhythm_of((0, 10, 20), 20).template(50) is None


def test_memory_is_bounded():
    rhythm = rhythm_of((0, 10, 20), 1000)
    assert rhythm.full
    assert len(rhythm._beats) <= 40

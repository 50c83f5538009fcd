# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json
import re
from pathlib import Path

import pytest

from ddfnet_ros.evaluation.detection import report, study
from ddfnet_ros.evaluation.detection.scores import Score
from ddfnet_ros.evaluation.detection.sources import FRAMES, FUSED

RECORD = Path(__file__).resolve().parents[3] / 'benchmark/records/detection.json'


def scores(**hits):
    return {name.replace('_', ' '): {'day': dataclasses.asdict(Score.of(count, 100))}
            for name, count in hits.items()}


def test_what_is_better_than_fused_comes_first_and_is_marked_where_it_is_sure():
    line = report.losses(scores(well_exposed=100, short=95, middle=72, long=3, fused=70))
    assert line == ('Where `fused` loses (* the intervals do not overlap): day: short 95 %*, '
                    'middle 72 %, fused 70 %.')


def test_who_loses_nowhere_may_say_so():
    assert report.losses(scores(well_exposed=100, short=70, fused=70)) == '`fused` loses nowhere.'


def test_a_cell_tells_share_interval_and_counts():
    part = {'scores': scores(fused=70), 'scenes': 100, 'panoramas': ['a'], 'trained_on': ['b'],
            'detector': 'a network', 'model': 'fast', 'sha256': '0' * 64, 'tone_map': 'mu',
            'seed': 1, 'hardware': 'h', 'device': 'cpu', 'precision': 'float32', 'opencv': '5',
            'commit': 'c', 'date': 'd'}
    table = report.signals_table({'signals': part})
    assert '| **fused** | 70 % (60 to 78), 70 of 100 | 70 % |' in table
    assert 'trained in 1 other places' in table


def test_names_are_those_of_the_study():
    assert (report.FUSED, report.WELL_EXPOSED) == (FUSED, study.WELL_EXPOSED)


@pytest.mark.parametrize('name', ['signals', 'people'])
def test_the_record_tells_how_to_get_it_again(name):
    part = json.loads(RECORD.read_text())[name]
    assert re.fullmatch(r'[0-9a-f]{7,}(-dirty)?', part['commit'])
    assert re.fullmatch(r'[0-9a-f]{64}', part['sha256'])
    assert part['hardware']
    assert part['panoramas']
    assert not set(part['panoramas']) & set(part['trained_on'])
    assert {*FRAMES, 'mertens', 'static_merge', FUSED} <= set(part['scores'])
    for found in part['scores'].values():
        for score in found.values():
            assert score == dataclasses.asdict(Score.of(score['hits'], score['count']))


def test_a_detector_that_fails_on_well_exposed_frames_is_not_taken_for_a_judge():
    assert 'half of the people at least' in report.too_hard(scores(well_exposed=50, fused=9))
    assert 'less than half of the people, so that little follows from its figures: day (49 %).' \
        in report.too_hard(scores(well_exposed=49, fused=99))


def test_the_summary_of_the_page_holds():
    found = json.loads(RECORD.read_text())['signals']['scores']
    behind = [found['middle'][situation]['hits'] > ours['hits']
              for situation, ours in found[FUSED].items()]
    assert behind == [False, False, True, True]  # by day, against the sun, at night, pulsed
    worst = {name: min(score['hits'] for score in by.values()) for name, by in found.items()
             if name != study.WELL_EXPOSED}
    assert max(worst, key=worst.get) == f'{FUSED}, {study.RE_EXPOSED}'
    assert found['short']['night']['hits'] > found[f'{FUSED}, {study.RE_EXPOSED}']['night']['hits']

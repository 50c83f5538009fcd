# SPDX-License-Identifier: Apache-2.0
"""Tables of doc/results.md, made from the record of the detection study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ddfnet_ros.evaluation.plan import FUSED
from ddfnet_ros.evaluation.record import Record

Score = Mapping[str, Any]
Scores = Mapping[str, Mapping[str, Score]]

WELL_EXPOSED = 'well exposed'

_TITLES = {'day': 'day', 'backlight': 'against the sun', 'night': 'night',
           'pulsed': 'pulsed, dark in the short frame'}


def signals_table(record: Record) -> str:
    """Accuracy of traffic-light states: one row per source, one column per situation."""
    part = record['signals']
    return '\n'.join([*_table(part['scores']), '', _provenance(
        part, f'Lights: {part["scenes"]} in each situation, in {len(part["panoramas"])} places; '
        f'{part["detector"]}, trained in {len(part["trained_on"])} other places')])


def people_table(record: Record) -> str:
    """Recall of people: one row per source, one column per situation."""
    part = record['people']
    people = next(iter(part['scores'][FUSED].values()))['count']
    return '\n'.join([too_hard(part['scores']), '', *_table(part['scores']), '', _provenance(
        part, f'People: {people} in each situation, on {part["scenes"]} pictures of '
        f'{len(part["panoramas"])} places, at most {part["false_alarms"]:g} false alarms per '
        f'picture; {part["detector"]}')])


def losses(scores: Scores) -> str:
    """One line that names the sources of others that beat `fused`, by situation."""
    lost = []
    for situation, ours in scores[FUSED].items():
        better = {name: found[situation] for name, found in scores.items()
                  if not name.startswith((FUSED, WELL_EXPOSED))
                  and found[situation]['hits'] > ours['hits']}
        if better:
            ahead = ', '.join(
                f'{name.replace(", ", " ")} {_share(score)}{_significance_mark(score, ours)}'
                for name, score in better.items())
            lost.append(f'{_TITLES[situation]}: {ahead}, {FUSED} {_share(ours)}')
    if not lost:
        return f'`{FUSED}` loses nowhere.'
    return f'Where `{FUSED}` loses (* the intervals do not overlap): {"; ".join(lost)}.'


def too_hard(scores: Scores) -> str:
    """One line that names the situations in which the detector itself fails."""
    hard = [f'{_TITLES[situation]} ({_share(score)})'
            for situation, score in scores[WELL_EXPOSED].items()
            if 2 * score['hits'] < score['count']]
    if not hard:
        return 'On well-exposed frames the detector finds half of the people at least.'
    return ('Even on well-exposed frames the detector finds less than half of the people, so that '
            f'little follows from its figures: {", ".join(hard)}.')


def _table(scores: Scores) -> list[str]:
    situations = list(scores[FUSED])
    lines = [losses(scores), '',
             f'| | {" | ".join(_TITLES[name] for name in situations)} | worst of these |',
             '|---|' + '---|' * (len(situations) + 1)]
    for name, found in scores.items():
        shown = f'**{name}**' if name == FUSED else name
        worst = min(found.values(), key=lambda score: score['hits'] / score['count'])
        lines.append(f'| {shown} | {" | ".join(_cell(found[one]) for one in situations)} '
                     f'| {_share(worst)} |')
    return lines


def _cell(score: Score) -> str:
    return (f'{_share(score)} ({100 * score["low"]:.0f} to {100 * score["high"]:.0f}), '
            f'{score["hits"]} of {score["count"]}')


def _share(score: Score) -> str:
    return f'{100 * score["hits"] / score["count"]:.0f} %'


def _significance_mark(better: Score, worse: Score) -> str:
    return '*' if better['low'] > worse['high'] else ''


def _provenance(part: Record, what: str) -> str:
    return (f'{what}. 95 % intervals (Wilson). `{FUSED}` is {part["model"]} (sha256 of the '
            f'tensors: {part["sha256"][:12]}), tone map {part["tone_map"]}; seed {part["seed"]}; '
            f'{part["hardware"]}, {part["device"]}, {part["precision"]}, OpenCV {part["opencv"]}; '
            f'commit {part["commit"]}, {part["date"]}.')

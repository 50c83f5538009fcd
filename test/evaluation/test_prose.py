# SPDX-License-Identifier: Apache-2.0
"""Figures in sentences, outside the tables that `make tables` writes, are those of the records."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITUATIONS = ('day', 'backlight', 'night', 'pulsed')


def record(name):
    return json.loads((ROOT / f'benchmark/records/{name}.json').read_text())


def read_rightly(source, situation):
    """Lamps in a hundred."""
    score = record('detection')['signals']['scores'][source][situation]
    return round(100 * score['hits'] / score['count'])


def situations(source):
    """Of the four situations, as a sentence has them."""
    *first, last = (str(read_rightly(source, situation)) for situation in SITUATIONS)
    return f'{", ".join(first)} and {last}'


def cameras(layout, digits):
    """Results per second of a camera, from the least to the most."""
    rates = record('cameras')['layouts'][layout]['results_per_second']
    lowest, highest = (f'{rate:.{digits}f}' for rate in (min(rates), max(rates)))
    return lowest if lowest == highest else f'{lowest} to {highest}'


def sentences():
    night = [read_rightly(source, 'night')
             for source in ('fused', 'middle', 'fused, mu_colour', 'fused, exposed anew')]
    one, each = (record('cameras')['layouts'][name] for name in ('one process', 'a process each'))
    yield 'README.md', (
        'worse ({} % against {} %; `tone_map: mu_colour` {} %). Read them from a crop of `~/hdr`, '
        'exposed for itself: {} %').format(*night)
    yield 'doc/detection.md', (
        '({2} % where `mu` has {0} %), and stays below the middle frame ({1} %)').format(*night)
    yield 'doc/integration.md', f'{situations("fused, drago")} of 100'
    yield 'doc/integration.md', f'alone in {situations("middle")}.'
    yield 'doc/integration.md', f'gives {situations("fused, mu_colour")}.'
    yield 'doc/integration.md', f'everywhere: {situations("fused, exposed anew")} '
    yield 'doc/howto-cameras.md', (
        f'one process gave {cameras("one process", 1)} results per second and camera, '
        f'{max(one["age_ms"]) / 1e3:.1f} s old, in {one["memory_mb"] / 1e3:.1f} GB; a process '
        f'each gave {cameras("a process each", 1)}, {max(each["age_ms"]) / 1e3:.1f} s old, in '
        f'{each["memory_mb"] / 1e3:.1f} GB')


@pytest.mark.parametrize(('page', 'sentence'), list(sentences()))
def test_a_sentence_says_what_the_record_says(page, sentence):
    assert sentence in ' '.join((ROOT / page).read_text(encoding='utf-8').split())

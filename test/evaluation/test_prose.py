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


def trained_alike(study, variant):
    """PSNR-mu of a network of an ablation, mean over the seeds."""
    found = record(study)
    each = [found['evaluation']['methods'][f'{variant}_{seed}']['psnr_mu']['mean']
            for seed in found['training']['seeds']]
    return f'{sum(each) / len(each):.2f} dB'


def sentences():
    fused, middle, mu, anew, reinhard = (read_rightly(source, 'night') for source in (
        'fused', 'middle', 'fused, mu', 'fused, exposed anew', 'fused, reinhard'))
    one, each = (record('cameras')['layouts'][name] for name in ('one process', 'a process each'))
    yield 'README.md', (
        f'a little worse ({fused} % against {middle} %). Read them from a crop of `~/hdr`, '
        f'exposed for itself: {anew} %')
    yield 'doc/detection.md', (
        f'at night ({fused} % against {middle} %), within the intervals: what is clipped in every '
        'frame stays white. The paper\'s mu-law of each channel (`tone_map: mu`) pales colours '
        f'besides ({mu} %)')
    yield 'config/ghent.yaml', f'shows {fused} % of them rightly, reinhard {reinhard} %'
    yield 'doc/integration.md', f'{situations("fused, drago")} of 100'
    yield 'doc/integration.md', f'alone in {situations("middle")}.'
    yield 'doc/integration.md', f'gives {situations("fused")}.'
    yield 'doc/integration.md', f'everywhere: {situations("fused, exposed anew")} '
    untrained = record('ablation')['evaluation']['methods']
    reference, merge = (f'{untrained[name]["psnr_mu"]["mean"]:.2f} dB'
                        for name in ('reference', 'static_merge'))
    ahdrnet, deephdr, kalantari17 = (
        trained_alike('ablation', name) for name in ('ahdrnet', 'deephdr', 'kalantari17'))
    yield 'doc/results.md', f'plain merge ({merge})'
    yield 'doc/results.md', (
        f'AHDRNet ({ahdrnet}) and DeepHDR ({deephdr}) stay below the plain merge')
    yield 'doc/results.md', (
        f'Kalantari17 ({kalantari17}) has learned to take the reference alone ({reference})')
    ahdrnet, deephdr, kalantari17 = (
        record('evaluation_peers')['methods'][name]['psnr_mu']['mean']
        for name in ('ahdrnet', 'deephdr', 'kalantari17'))
    yield 'doc/results.md', (
        f'AHDRNet ({ahdrnet:.2f} dB) and DeepHDR ({deephdr:.2f} dB) were trained as the first run')
    yield 'doc/results.md', f'Kalantari17 ({kalantari17:.2f} dB) mixes colours'
    yield 'doc/howto-cameras.md', (
        f'one process gave {cameras("one process", 1)} results per second and camera, '
        f'{max(one["age_ms"]) / 1e3:.1f} s old, in {one["memory_mb"] / 1e3:.1f} GB; a process '
        f'each gave {cameras("a process each", 1)}, {max(each["age_ms"]) / 1e3:.1f} s old, in '
        f'{each["memory_mb"] / 1e3:.1f} GB')


@pytest.mark.parametrize(('page', 'sentence'), list(sentences()))
def test_a_sentence_says_what_the_record_says(page, sentence):
    assert sentence in ' '.join((ROOT / page).read_text(encoding='utf-8').split())

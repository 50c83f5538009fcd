# SPDX-License-Identifier: Apache-2.0
import re
import xml.etree.ElementTree as ET

import pytest

from ddfnet_ros.demo.chart import latency_chart


def parts(svg, kind, css):
    return [e for e in ET.fromstring(svg).iter(kind) if e.get('class') == css]


@pytest.mark.parametrize('latencies', [
    [80.0], [3.0, 4.0], [0.1] * 7, [50.0 + k for k in range(96)], [1234.5] * 1000])
def test_every_bracket_is_a_dot_inside_of_the_chart(latencies):
    svg = latency_chart(latencies, {'median': latencies[0], 'p95': latencies[-1]})
    dots = parts(svg, 'circle', 'dot')
    assert len(dots) == len(latencies)
    _, _, width, height = map(float, re.search(r'viewBox="([^"]*)"', svg)[1].split())
    for dot in dots:
        assert 0 < float(dot.get('cx')) < width
        assert 0 < float(dot.get('cy')) < height


def test_slower_brackets_are_higher_up_and_in_order():
    dots = parts(latency_chart([10.0, 30.0, 20.0], {'median': 20.0}), 'circle', 'dot')
    y = [float(dot.get('cy')) for dot in dots]
    assert y[1] < y[2] < y[0]
    assert [float(dot.get('cx')) for dot in dots] == sorted(float(d.get('cx')) for d in dots)


def test_line_is_drawn_at_its_height():
    svg = latency_chart([10.0, 30.0], {'median': 30.0})
    line, dot = parts(svg, 'line', 'median')[0], parts(svg, 'circle', 'dot')[1]
    assert float(line.get('y1')) == pytest.approx(float(dot.get('cy')))


def test_labels_of_close_lines_do_not_overlap():
    svg = latency_chart([90.0, 92.0], {'median': 91.0, 'p95': 92.0})
    y = [float(parts(svg, 'text', f'{name}-text')[0].get('y')) for name in ('median', 'p95')]
    assert y[0] - y[1] >= 12


def test_figures_are_told_to_screen_readers():
    assert 'aria-label="Latency of 2 brackets: median 15.0 ms."' in latency_chart(
        [10.0, 20.0], {'median': 15.0})

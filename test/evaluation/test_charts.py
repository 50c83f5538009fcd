# SPDX-License-Identifier: Apache-2.0
import re
from xml.etree import ElementTree

import pytest

from ddfnet_ros.evaluation.charts import Curve, Panel, boxes, curves

SVG = '{http://www.w3.org/2000/svg}'


def heights(line):
    return [float(point.split(',')[1]) for point in line.get('points').split()]


@pytest.fixture
def chart():
    panels = [
        Panel('noise', ['0', '0.1', '0.2'],
              [Curve('alone', [30.0, 20.0, None]), Curve('ours <1>', [40.0, 25.0, 18.0])], [2]),
        Panel('ratio', ['2', '4'],
              [Curve('alone', [30.0, 31.0]), Curve('ours <1>', [40.0, 41.0])])]
    return ElementTree.fromstring(curves(panels, 'dB'))


def test_higher_values_are_drawn_higher_on_one_scale(chart):
    alone, ours, _, other = chart.iter(f'{SVG}polyline')
    assert heights(ours)[0] < heights(alone)[0] < heights(ours)[2]
    assert heights(other)[0] == heights(ours)[0]  # both 40, in two panels


def test_missing_values_are_left_out(chart):
    assert [len(heights(line)) for line in chart.iter(f'{SVG}polyline')] == [2, 3, 2, 2]


def test_failure_is_marked_at_its_place(chart):
    dashed = [line for line in chart.iter(f'{SVG}line') if line.get('stroke-dasharray')]
    last = list(chart.iter(f'{SVG}polyline'))[1].get('points').split()[-1]
    assert [line.get('x1') for line in dashed] == [last.split(',')[0]]


def test_names_are_in_the_legend(chart):
    assert {'alone', 'ours <1>', 'dB', 'noise', '0.1'} <= {
        text.text for text in chart.iter(f'{SVG}text')}


def test_a_box_reaches_from_quartile_to_quartile():
    drawn = boxes({'ours': (20.0, 30.0, 35.0, 40.0, 50.0),
                   'alone': (10.0, 20.0, 25.0, 30.0, 40.0)}, 'dB')
    box, other = (e for e in ElementTree.fromstring(drawn).iter(f'{SVG}rect') if e.get('stroke'))
    right = float(other.get('x')) + float(other.get('width'))
    assert right == pytest.approx(float(box.get('x')), abs=0.2)  # 30 is where both boxes end
    assert float(box.get('width')) == pytest.approx(float(other.get('width')), abs=0.2)


def test_equal_values_still_make_a_chart():
    drawn = curves([Panel('a', ['1'], [Curve('x', [5.0])])], 'dB')
    assert not re.search('nan|inf', drawn)

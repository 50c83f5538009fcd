# SPDX-License-Identifier: Apache-2.0
from xml.etree import ElementTree

import pytest

from ddfnet_ros.evaluation.roofline import device_table, roofline_chart

ROW = {'run': 'base, bfloat16', 'width': 1920, 'height': 1080, 'frames': 3, 'upload_ms': 1.0,
       'flow_ms': 2.0, 'compute_ms': 20.0, 'download_ms': 1.5, 'total_ms': 24.5,
       'overlapping_ms': 20.4, 'tflops': 488.2, 'floor_ratio': 1.53, 'peak_mib': 1234.4}


@pytest.fixture
def record():
    layers = [{'name': 'encoder.layers.0', 'ms': 2.0, 'gflop': 10.0, 'mb': 1000.0},
              {'name': 'decoder.tail.1', 'ms': 1.0, 'gflop': 400.0, 'mb': 1000.0}]
    return {'device': 'a card', 'commit': 'abc', 'date': '2026-11-30', 'memory_gb_per_s': 4000.0,
            'matrix_tflops': {'bfloat16': 800.0, 'float32': 400.0}, 'rows': [ROW],
            'profile': {'width': 1920, 'height': 1080, 'layers': layers}}


def test_a_device_that_was_not_measured_is_told_with_the_command():
    assert '`make gpu-bench`' in device_table({})


def test_the_table_has_a_row_for_each_way_and_names_the_device(record):
    table = device_table(record)
    assert ('| base, bfloat16 | 3 of 1920x1080 | 1.0 ms | 2.0 ms | 20.0 ms | 1.5 ms | 24.5 ms | '
            '20.4 ms | 488 | 1.53 | 1234 MiB |') in table
    assert table.endswith('a card: 800 TFLOP/s in bfloat16 and 400 in float32 by a large matrix '
                          'product, 4000 GB/s by a large copy; medians; commit abc, 2026-11-30.')


def test_memory_that_is_not_known_is_a_dash(record):
    record['rows'] = [ROW | {'peak_mib': None}]
    assert '| 1.53 | - |' in device_table(record)


def _circles(chart):
    found = ElementTree.fromstring(chart).iter('{http://www.w3.org/2000/svg}circle')
    return {circle[0].text: circle for circle in found if len(circle)}


def test_each_layer_stands_under_the_roof_at_what_it_reaches(record):
    chart = roofline_chart(record)
    circles = _circles(chart)
    assert list(circles) == ['encoder.layers.0', 'decoder.tail.1']
    low, high = circles.values()
    # 10 and 400 operations per byte, 5 and 400 TFLOP/s; axes from 10 and from 1 to 1000.
    left, right, top, bottom = 56, 720 - 150, 26, 380 - 40
    assert float(low.get('cx')) == left
    assert float(high.get('cy')) == pytest.approx(bottom - (bottom - top) * 2.602 / 3, abs=0.2)
    roof = ElementTree.fromstring(chart).find('.//{http://www.w3.org/2000/svg}polyline')
    corner = [point.split(',') for point in roof.get('points').split()][1]
    assert float(corner[0]) == pytest.approx(left + (right - left) * 1.301 / 2, abs=0.2)
    assert float(corner[1]) == pytest.approx(bottom - (bottom - top) * 2.903 / 3, abs=0.2)


def test_parts_of_the_network_have_colours_and_names(record):
    chart = roofline_chart(record)
    assert '>encoder<' in chart
    assert '>decoder<' in chart
    assert len({circle.get('fill') for circle in _circles(chart).values()}) == 2

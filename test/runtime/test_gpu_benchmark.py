# SPDX-License-Identifier: Apache-2.0
import json

import pytest
import torch

from benchmark.gpu import flop_per_pixel, main
from ddfnet_ros.evaluation.roofline import device_table, roofline_chart


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures('one_thread')
def test_the_script_measures_all_runs_and_writes_its_record(tmp_path):
    written = tmp_path / 'records/gpu.json'
    main(['--device', 'cpu', '--sizes', '32x24', '--repeats', '1', '--warm-ups', '1',
          '--output', str(written)])
    record = json.loads(written.read_text())
    assert {'date', 'commit', 'device', 'torch', 'matrix_tflops', 'rows', 'profile'} <= set(record)
    assert len(record['rows']) == 6
    for row in record['rows']:
        assert (row['width'], row['height'], row['frames']) == (32, 24, 3)
        stages = [row[f'{name}_ms'] for name in ('upload', 'flow', 'compute', 'download')]
        assert min(stages) > 0
        assert sum(stages) <= row['total_ms'] * 1.5
        assert row['floor_ratio'] > 0
    assert record['memory_gb_per_s'] > 0
    assert roofline_chart(record).count('<title>') == len(record['profile']['layers'])
    assert '3 of 32x24' in device_table(record)
    profile = record['profile']
    layers = {layer['name']: layer for layer in profile['layers']}
    assert {'encoder.layers.0', 'weight_predictor.entry'} <= set(layers)
    assert not any(name.endswith('entry.conv') for name in layers)
    assert sum(layer['ms'] for layer in layers.values()) + profile['between_ms'] == pytest.approx(
        profile['total_ms'], abs=0.05)
    counted = flop_per_pixel('base') * 32 * 24 * 1e-9
    assert sum(layer['gflop'] for layer in layers.values()) == pytest.approx(counted, rel=0.01)
    first = 3 * 32 * 24 * (6 * 4 + 64 * 2) + 64 * 6 * 9 * 2  # a stack in float32, all else in half
    assert layers['encoder.layers.0']['mb'] == pytest.approx(first * 1e-6, abs=1e-3)


def test_arithmetic_is_counted_as_for_an_export():
    assert flop_per_pixel('base') / 2e3 == pytest.approx(2355, rel=0.01)


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_without_a_gpu_it_measures_nothing_and_says_so(tmp_path, capsys):
    main(['--output', str(tmp_path / 'gpu.json')])
    assert capsys.readouterr().out == 'no GPU here: nothing is measured\n'
    assert not list(tmp_path.iterdir())

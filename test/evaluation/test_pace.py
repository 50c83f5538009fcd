# SPDX-License-Identifier: Apache-2.0
from ddfnet_ros.evaluation import pace


def test_the_demo_tells_pace_latency_and_who_is_best():
    methods = {'reference': 31.0, 'static_merge': 36.0, 'fused': 40.0}
    table = pace.demo_table({
        'brackets_fused': 83, 'brackets_played': 84, 'brackets_per_second': 5.17, 'rate': 0.5,
        'model': 'fast', 'device': 'cpu', 'latency_ms': {'median': 131.6, 'p95': 151.7},
        'psnr_mu': methods, 'psnr_mu_clipped': methods,
        'psnr_mu_moving': methods | {'reference': 41.0},
        'ghost_score': {'reference': 0.012, 'static_merge': 0.03, 'fused': 0.011}})
    assert '83 of 84 brackets, played at 0.50 times the recorded speed (5.2 a second)' in table
    assert '132 ms in the median, 152 ms' in table
    assert '| PSNR-µ [dB] | 31.00 | 36.00 | **40.00** |' in table
    assert '| PSNR-µ, moving | 41.00 | 36.00 | 40.00 |' in table
    assert '| 0.0120 | 0.0300 | **0.0110** |' in table


def test_the_node_is_judged_by_its_limit_output_by_output():
    def row(to_dds, to_python, publishing, lost):
        return {'to_dds': {'median': to_dds, 'iqr': [to_dds - 1, to_dds + 2]}, 'lost': lost,
                'to_python': {'median': to_python}, 'publishing': {'median': publishing}}

    table = pace.node_table({
        'limit_ms': 25.0, 'brackets': 30, 'machine': '2 cores', 'load': 0.1,
        'overhead_ms': {'image': row(9.91, 24.9, 2.0, 0), 'hdr': row(26.64, 66.0, 12.0, 1)}})
    assert table.startswith('Beyond 25 ms: hdr.')
    assert '| `~/image` | 9.9 ms (8.9 to 11.9) | 24.9 ms | 2.0 ms | 0 of 30 |' in table
    assert '| `~/hdr` | 26.6 ms (25.6 to 28.6) | 66.0 ms | 12.0 ms | 1 of 30 |' in table
    assert table.endswith('2 cores; load 0.1 before it began.')


def test_a_stream_that_was_not_measured_is_told_with_the_command():
    assert 'python -m benchmark.stream' in pace.stream_table({})


def test_a_stream_is_told_with_its_pace():
    table = pace.stream_table({
        'brackets_sent': 600, 'results': 597, 'results_per_second': 29.85, 'mixed': 1,
        'age_ms': {'p50': 12.4, 'p95': 14.6, 'p99': 20.1}, 'rate': 90.0, 'size': '1080p',
        'seconds': 20.0, 'model': 'fast', 'device': 'a card', 'load': 0.1})
    assert '| 600 | 597, 29.9 per second | 1 | 12 ms | 15 ms | 20 ms |' in table
    assert table.endswith('90 frames per second of 1080p for 20 s, by `fast`; a card, load 0.1 '
                          'before it began.')


def test_cameras_that_were_not_measured_are_told_with_the_command():
    assert 'python -m benchmark.cameras' in pace.cameras_table({})


def test_cameras_are_told_layout_by_layout():
    table = pace.cameras_table({
        'cores': 2, 'load': 0.1,
        'options': {'cameras': 2, 'size': '720p', 'period': 0.1, 'model': 'fast'},
        'layouts': {
            'one process': {'results_per_second': [1.25, 1.2], 'age_ms': [800.4, 812.0],
                            'memory_mb': 900},
            'a process each': {'results_per_second': [1.0, 0.0], 'age_ms': [1200.0, None],
                               'memory_mb': 1500}}})
    assert '| one process | 1.25, 1.20 | 800, 812 ms | 900 MiB |' in table
    assert '| a process each | 1.00, 0.00 | 1200, none ms | 1500 MiB |' in table
    assert table.endswith('2 cameras of 720p, 10 brackets per second each, by `fast`; 2 cores, '
                          'load 0.1 before it began.')

# SPDX-License-Identifier: Apache-2.0
import os

from benchmark.install import downloaded, on_disk


def test_what_pip_fetched_and_what_it_took_from_a_folder_is_added_up(tmp_path):
    wheel = tmp_path / 'torch-2.13.0-cp311.whl'
    wheel.write_bytes(b'x' * 1000)
    log = f"""
$ pip install torch numpy
Processing {wheel} (from torch==2.13.0)
Collecting numpy
  Downloading numpy-2.4.6.whl.metadata (61 kB)
Using cached numpy-2.4.6-cp311.whl (16.5 MB)
Downloading tiny-1.0.whl (900 bytes)
$ pip install torch
Processing {wheel}
Requirement already satisfied: numpy
"""
    assert downloaded(log) == 1000 + 61_000 + 16_500_000 + 900


def test_a_file_with_two_names_counts_once(tmp_path):
    file = tmp_path / 'deep' / 'file'
    file.parent.mkdir()
    file.write_bytes(b'x' * 50_000)
    once = on_disk(tmp_path)
    assert once >= 50_000
    os.link(file, tmp_path / 'other')
    assert on_disk(tmp_path) == once

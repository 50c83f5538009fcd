# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.node import environment
from benchmark.stream import mixed, stamp_of, summary

ROOT = Path(__file__).parents[2]


def test_the_environment_is_put_back_after_a_failure_too():
    before = dict(os.environ)
    with pytest.raises(ChildProcessError), environment():
        raise ChildProcessError
    after = dict(os.environ)
    os.environ.clear()
    os.environ.update(before)
    assert after == before


def test_a_stream_is_fused_and_nothing_of_it_mixed(tmp_path):
    pace = ['--size', 'small', '--rate', '15', '--seconds', '2', '--warm-up', '1']
    subprocess.run(
        [sys.executable, '-m', 'benchmark.stream', *pace, '--busy', '--records', tmp_path],
        check=True, cwd=ROOT, timeout=120)
    record = json.loads((tmp_path / 'stream.json').read_text())
    assert record['brackets_sent'] == 10
    assert 0 < record['results'] <= 10
    assert record['mixed'] == 0
    assert sum(record['age_ms']['histogram'].values()) == record['results']


def test_frames_of_two_turns_are_mixed_and_so_is_one_that_comes_twice():
    def stamps(*numbers):
        return [stamp_of(number, 90.0) for number in numbers]

    assert not mixed(stamps(3, 4, 5), 90.0)
    assert mixed(stamps(2, 3, 4), 90.0)
    assert mixed(stamps(3, 4, 4), 90.0)


def test_ages_are_told_in_bins_by_their_upper_end():
    told = summary([1.0, 4.9, 5.0, 12.0])
    assert told['histogram'] == {'5': 2, '10': 1, '15': 1}
    assert told['p50'] == pytest.approx(5.0, abs=0.1)

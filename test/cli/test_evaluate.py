# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from ddfnet_ros.cli import main
from ddfnet_ros.images import write_exr

pytestmark = pytest.mark.usefixtures('chosen')


@pytest.fixture(scope='module')
def panoramas(tmp_path_factory):
    """One of coloured blots, five stops deep."""
    folder = tmp_path_factory.mktemp('panoramas')
    blots = np.exp2(np.random.default_rng(0).uniform(-3, 2, (32, 64, 3)))
    write_exr(folder / 'blots.exr', cv2.resize(blots, (1024, 512)).astype(np.float32))
    return folder


def test_table_and_json_hold_every_method(panoramas, capsys, tmp_path):
    words = ['--panoramas', str(panoramas), '--scenes', '2', '--size', '64', '--device', 'cpu']
    words += ['--json', str(tmp_path / 'found.json'), '--pictures', str(tmp_path / 'sheets')]
    assert main(['evaluate', *words]) == 0
    found = json.loads((tmp_path / 'found.json').read_text())
    assert found['model'] == 'fast'
    assert found['panoramas'] == ['blots.exr']
    assert list(found['methods']) == ['reference', 'static_merge', 'fused']
    psnr = found['methods']['reference']['psnr_mu']
    assert psnr['count'] == 2
    table = capsys.readouterr().out
    assert [path.name for path in sorted((tmp_path / 'sheets').iterdir())] == [
        'scene_0.png', 'scene_1.png']
    assert f'{psnr["mean"]:.2f} ± {psnr["spread"]:.2f}' in table
    assert 'ghost_score' in table


def test_what_was_measured_is_shown_though_the_disk_is_full(panoramas, capsys):
    words = ['--panoramas', str(panoramas), '--scenes', '1', '--size', '64', '--device', 'cpu']
    assert main(['evaluate', *words, '--json', '/dev/full']) == 2
    told = capsys.readouterr()
    assert 'ghost_score' in told.out
    assert 'expected room to write, got a full disk' in told.err


def test_a_record_stays_where_the_disk_has_no_room_for_the_new_one(
        panoramas, monkeypatch, tmp_path):
    def run_out_of_space(path, *_, **__):
        path.write_bytes(b'{')
        raise OSError(28, 'No space left on device')

    (tmp_path / 'record.json').write_text('before')
    monkeypatch.setattr(Path, 'write_text', run_out_of_space)
    words = ['--panoramas', str(panoramas), '--scenes', '1', '--size', '64', '--device', 'cpu']
    assert main(['evaluate', *words, '--json', str(tmp_path / 'record.json')]) == 2
    assert (tmp_path / 'record.json').read_text() == 'before'
    assert [path.name for path in tmp_path.iterdir()] == ['record.json']


def test_equal_seeds_give_equal_numbers(panoramas, capsys):
    words = ['--panoramas', str(panoramas), '--scenes', '1', '--size', '64', '--device', 'cpu']
    tables = []
    for seed in (3, 3, 4):
        assert main(['evaluate', *words, '--seed', str(seed)]) == 0
        tables.append(capsys.readouterr().out)
    assert tables[0] == tables[1] != tables[2]


@pytest.mark.parametrize(('change', 'said'), [
    ({'--panoramas': 'nowhere'}, 'expected .exr panoramas in nowhere'),
    ({'--model': 'nothing'}, "got 'nothing'"),
    ({'--json': 'nowhere/found.json'}, 'create it'),
    ({'--cutouts': 'nowhere'}, '--cutouts: expected a folder with .png files'),
    ({'--peers': 'photomatix'}, 'lee14, got \'photomatix\' (A commercial program; what it does'
     ' is not published); choose'),
    ({'--peers': 'nobody'}, 'expected all or some of reference, static_merge, debevec'),
    ({'--dataset': 'kalantari'}, '--root: expected the folder of the data set'),
    ({'--frames': '1'}, '--frames: expected 2 to 9, got 1'),
])
def test_bad_input_gets_one_line_and_status_2(panoramas, capsys, change, said):
    options = {'--panoramas': str(panoramas), '--scenes': '1', '--device': 'cpu', **change}
    assert main(['evaluate', *(word for option in options.items() for word in option)]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count('\n') == 1

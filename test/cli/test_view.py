# SPDX-License-Identifier: Apache-2.0
import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ddfnet_ros.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / 'demo'))  # small_street

from small_street import write_street

rerun_is_there = pytest.mark.skipif(
    importlib.util.find_spec('rerun') is None,
    # 170 MB, for one verb only: not among the requirements of the tests.
    reason='needs ddfnet_ros[view]')


@pytest.fixture
def street(tmp_path):
    return str(write_street(tmp_path / 'in', brackets=3))


@pytest.fixture
def files(tmp_path):
    """Three exposures of a grey wedge."""
    wedge = np.tile(np.linspace(0.01, 0.3, 48), (40, 1))
    paths = [str(tmp_path / f'{name}.png') for name in ('short', 'middle', 'long')]
    for path, ratio in zip(paths, (1, 4, 16), strict=True):
        cv2.imwrite(path, np.rint((wedge * ratio).clip(0, 1) ** (1 / 2.2) * 255))
    return paths


def told(path):
    """Brackets on the time line of a recording, and the exposures of the first of them."""
    reader = importlib.import_module('rerun.chunk').RrdReader(path)
    brackets, exposures = [], {}
    for chunk in reader.store().stream():
        batch = chunk.to_record_batch()
        if chunk.entity_path == '/fused/image':
            brackets += batch.column('bracket').to_pylist()
        if chunk.entity_path.startswith('/exposures/'):
            place = int(chunk.entity_path.rpartition('/')[2])
            exposures[place] = batch.column('Scalars:scalars').to_pylist()[0][0]
    return brackets, [exposures[place] for place in sorted(exposures)]


@rerun_is_there
def test_all_brackets_of_a_bag_are_recorded(street, model, tmp_path, capsys):
    target = tmp_path / 'inside.rrd'
    assert main(['view', street, '--save', str(target), *model]) == 0
    assert '3 brackets, model fast on cpu' in capsys.readouterr().out
    assert told(target)[0] == [1, 2, 3]


@rerun_is_there
def test_no_more_brackets_than_asked_for(street, model, tmp_path, capsys):
    target = tmp_path / 'inside.rrd'
    assert main(['view', street, '--save', str(target), '--brackets', '2', '--json', *model]) == 0
    assert told(target)[0] == [1, 2]
    assert json.loads(capsys.readouterr().out) == {
        'recording': str(target), 'brackets': 2, 'model': 'fast', 'device': 'cpu'}


@rerun_is_there
@pytest.mark.parametrize('times', ['0.001 0.004 0.016', '1/1000 1/250 2/125'])
def test_files_are_one_bracket_with_the_exposures_given(files, model, tmp_path, times):
    target = tmp_path / 'inside.rrd'
    assert main(['view', *files, '--exposure-times', *times.split(), '--save', str(target),
                 *model]) == 0
    brackets, exposures = told(target)
    assert brackets == [1]
    assert exposures == pytest.approx([0.001, 0.004, 0.016])


@rerun_is_there
def test_a_failure_leaves_nothing_behind(files, model, tmp_path, capsys):
    target = tmp_path / 'out' / 'inside.rrd'
    target.parent.mkdir()
    line = ['view', *files, '--exposure-times', '1', '1', '1', '--save', str(target), *model]
    assert main(line) == 2
    assert 'expected different exposures' in capsys.readouterr().err
    assert not list(target.parent.iterdir())


@rerun_is_there
@pytest.mark.parametrize(('line', 'said'), [
    ('{street} --save x.mcap', 'ends in .rrd'),
    ('{street} --exposure-times auto', 'leave it out'),
    ('{street} --json', '--json: expected --save as well, got none'),
    ('{street} --brackets 0', '--brackets: expected at least 1, got 0'),
    ('missing.rrd', 'missing.rrd: expected a recording, got no such file'),
    ('missing.mcap', 'missing.mcap'),
    ('', 'expected a bag or image files, got none'),
])
def test_what_cannot_be_shown_is_one_line(street, line, said, capsys):
    assert main(['view', *line.format(street=street).split()]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count('\n') == 1


@pytest.mark.parametrize('more', [
    '--save other.rrd', '--brackets 2', '--params-file fuse.yaml', '--exposure-times 1 4',
    '--save=other.rrd --json', '--gamma 2', 'other.rrd'])
def test_nothing_is_said_beside_a_recording_that_would_be_ignored(more, capsys):
    assert main(['view', 'inside.rrd', *more.split()]) == 2
    error = capsys.readouterr().err
    assert error.startswith('ddfnet: inside.rrd: expected no more words beside a recording, got '
                            f'{more.split()[0]}; leave that out')
    assert error.count('\n') == 1


@pytest.mark.parametrize(('more', 'said'), [
    ('--params-file gone.yaml', '--params-file: expected none with image files, where it changes'),
    ('--brackets 3', '--brackets: expected none with image files'),
    ('--image-topics /nope', '--image-topics: expected none with image files'),
    ('--cycle-gap 0.5', '--cycle-gap: expected none with image files'),
    ('street.mcap', 'got street.mcap among '),
])
def test_nothing_is_said_beside_image_files_that_would_be_ignored(files, more, said, capsys):
    assert main(['view', *files, *more.split()]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count('\n') == 1


def test_files_behind_the_times_are_asked_for_before_them(files, capsys):
    assert main(['view', '--exposure-times', '1', '4', '16', *files]) == 2
    assert 'put the files before it, or -- between' in capsys.readouterr().err


class Recording:
    """In the place of rerun's, which need not be installed."""

    def __init__(self, path, settings):
        path.write_bytes(b'recorded')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def add(self, deghosted):
        pass


@pytest.fixture
def without_rerun(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name, *rest: (
        name if name == 'rerun' else find(name, *rest)))
    monkeypatch.setitem(sys.modules, 'ddfnet_ros.results.inside',
                        SimpleNamespace(InsideRecording=Recording))


def test_the_command_that_shows_a_recording_can_be_typed(
        files, model, without_rerun, tmp_path, capsys):
    target = tmp_path / 'v w.rrd'
    assert main(['view', *files, '--exposure-times', '1', '4', '16', '--moving-threshold', '0.2',
                 '--save', str(target), *model]) == 0
    assert capsys.readouterr().out.endswith(f"look at it: ddfnet view '{target}'\n")
    assert target.read_bytes() == b'recorded'


def test_files_whose_times_do_not_fit_are_told_as_by_fuse(
        files, model, without_rerun, tmp_path, capsys):
    assert main(['view', *files, '--exposure-times', '16', '4', '1', '--save',
                 str(tmp_path / 'a.rrd'), *model]) == 0
    assert 'ddfnet: warning: expected ' in capsys.readouterr().err


def test_a_recording_that_a_full_disk_cut_is_not_left(
        files, model, without_rerun, tmp_path, monkeypatch, capsys):
    def fill(path, content):
        raise OSError(28, 'No space left on device')

    before = Path.write_bytes
    monkeypatch.setattr(Path, 'write_bytes', lambda path, content: (
        fill if path.name == 'room' else before)(path, content))
    assert main(['view', *files, '--exposure-times', '1', '4', '16', '--save',
                 str(tmp_path / 'a.rrd'), *model]) == 2
    assert 'expected room to write, got a full disk' in capsys.readouterr().err
    assert not (tmp_path / 'a.rrd').exists()


def test_without_rerun_the_remedy_is_named(street, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    assert main(['view', street]) == 2
    remedy = 'pip install "ddfnet_ros[view]" (Python 3.11 or newer)'
    assert capsys.readouterr().err == f'ddfnet: expected rerun, got none; {remedy}\n'


@rerun_is_there
def test_a_viewer_without_a_screen_says_so_and_has_kept_to_itself(
    files, model, tmp_path, monkeypatch, capfd
):
    for name in ('DISPLAY', 'WAYLAND_DISPLAY', 'WAYLAND_SOCKET', 'CI', 'XDG_CONFIG_HOME',
                 'XDG_DATA_HOME', 'XDG_RUNTIME_DIR'):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / 'home'
    home.mkdir()
    monkeypatch.setenv('HOME', str(home))
    assert main(['view', *files, '--exposure-times', '1', '4', '16', *model]) == 2
    assert 'expected the viewer to open a window' in capfd.readouterr().err
    # It would have an identity for its analytics here.
    assert not [path for path in home.rglob('*') if 'rerun' in path.parts]

# SPDX-License-Identifier: Apache-2.0
import json
import sys
from pathlib import Path

import pytest

from ddfnet_ros.bags import BagReader
from ddfnet_ros.bags.many import fuse_here
from ddfnet_ros.cli import main
from ddfnet_ros.metadata.frames import stamp_ns

sys.path.insert(0, str(Path(__file__).parents[1] / 'demo'))  # small_street

from small_street import IMAGE_TOPIC, write_street


@pytest.fixture
def street(tmp_path):
    return write_street(tmp_path / 'in', brackets=3)


def count(path, topic='/fuse_node/image'):
    with BagReader(path) as bag:
        return bag.count([topic])


def test_a_bag_is_fused_by_what_it_tells_itself(street, model, tmp_path, capsys):
    assert main(['bag', str(street), str(tmp_path / 'out.mcap'), *model]) == 0
    assert '3 brackets fused, frames dropped: none, model fast on cpu' in capsys.readouterr().out
    with BagReader(street) as before, BagReader(tmp_path / 'out.mcap') as after:
        assert set(before.topics) < set(after.topics)
        fused = list(map(after.deserialise, after.messages(['/fuse_node/hdr'])))
        taken = {stamp_ns(before.deserialise(m)) for m in before.messages([IMAGE_TOPIC])}
    assert {stamp_ns(message) for message in fused} <= taken
    assert fused[0].encoding == '32FC3'


def test_results_go_under_the_names_that_are_asked_for(street, model, tmp_path):
    assert main(['bag', str(street), str(tmp_path / 'out.mcap'), '--node', 'night/fusion',
                 '--outputs', 'image/compressed', '--no-keep-exposures', *model]) == 0
    with BagReader(tmp_path / 'out.mcap') as bag:
        assert set(bag.topics) == {'/camera/meta', '/night/fusion/image/compressed'}


def test_a_result_is_not_overwritten_unasked(street, model, tmp_path, capsys):
    out = tmp_path / 'out.mcap'
    out.write_text('precious')
    assert main(['bag', str(street), str(out), *model]) == 2
    assert '--overwrite' in capsys.readouterr().err
    assert out.read_text() == 'precious'
    assert main(['bag', str(street), str(out), '--overwrite', *model]) == 0
    assert count(out) == 3


def test_an_interruption_says_how_to_go_on(street, model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr('ddfnet_ros.bags.parts.PART_SIZE', 1)
    from ddfnet_ros.runtime.deghoster import Deghoster  # noqa: PLC0415

    fuse, calls = Deghoster.submit, []

    def impatient(self, bracket):
        calls.append(bracket)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return fuse(self, bracket)

    monkeypatch.setattr(Deghoster, 'submit', impatient)
    out = str(tmp_path / 'out.mcap')
    assert main(['bag', str(street), out, *model]) == 130
    assert 'the same command goes on where it was' in capsys.readouterr().err
    assert not Path(out).exists()
    assert main(['bag', str(street), out, *model]) == 0
    assert '3 brackets fused (2 by an earlier run)' in capsys.readouterr().out
    assert len(calls) == 4


def test_several_bags_go_into_a_folder_and_a_bad_one_does_not_hinder_them(
        model, tmp_path, capsys):
    good = [write_street(tmp_path / name, brackets=2) for name in 'ab']
    good = [path.rename(path.with_name(f'{path.parent.name}.mcap')) for path in good]
    bad = tmp_path / 'bad.mcap'
    bad.write_text('no bag')
    out = tmp_path / 'out'
    words = ['bag', *map(str, [*good, bad]), str(out), *model, '--image-topics', IMAGE_TOPIC,
             '--exposure-source', 'camera_ros']
    assert main(words) == 1
    assert sorted(path.name for path in out.iterdir()) == ['a.mcap', 'b.mcap']
    said = capsys.readouterr()
    assert said.err.count('bad.mcap') == 1
    assert main(words) == 1
    assert capsys.readouterr().out.count('done earlier') == 2
    (out / 'b.mcap').unlink()
    assert main([*words, '--json']) == 1
    told = capsys.readouterr()
    assert told.err == ''
    states = {Path(one.pop('source')).name: one
              for one in map(json.loads, told.out.splitlines())}
    assert states == {
        'a.mcap': {'target': str(out / 'a.mcap'), 'state': 'done earlier'},
        'bad.mcap': {'target': str(out / 'bad.mcap'), 'state': 'failed',
                     'error': states['bad.mcap']['error']},
        'b.mcap': {'target': str(out / 'b.mcap'), 'state': 'fused', 'brackets': 2, 'earlier': 0,
                   'dropped': {}, 'complaints': {}, 'out_of_memory': {}}}
    assert states['bad.mcap']['error'].startswith('expected')


def test_json_of_one_bag_is_one_object(street, model, tmp_path, capsys):
    out = tmp_path / 'out.mcap'
    assert main(['bag', str(street), str(out), '--json', *model]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told['state'], told['brackets'], told['target']) == ('fused', 3, str(out))


@pytest.mark.parametrize(('words', 'said'), [
    (['a.mcap'], 'expected a bag and a name for the result'),
    (['a.mcap', 'b.mcap', '--jobs', '0'], '--jobs 1 or more'),
    (['/nowhere.mcap', 'b.mcap'], 'expected a bag, got no such file'),
    (['a/x.mcap', 'b/x.mcap', 'out'], 'expected bags of different names'),
    (['a.mcap', 'b.mcap', '--cycle-source', 'moon'], '--cycle-source: expected one of'),
])
def test_bad_words_are_one_line_and_status_2(words, said, capsys):
    assert main(['bag', *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count('\n') == 1


@pytest.mark.parametrize('overwrite', [[], ['--overwrite']])
def test_bags_are_not_their_own_results(overwrite, street, capsys):
    assert main(['bag', str(street), str(street.parent), *overwrite]) == 2
    said = capsys.readouterr()
    assert f'expected a folder for results apart from the bags, got {street.parent}' in said.err
    assert said.out == ''


def test_a_bag_or_a_file_is_no_folder_for_results(street, tmp_path, capsys):
    (tmp_path / 'bag').mkdir()
    (tmp_path / 'bag/metadata.yaml').touch()
    (tmp_path / 'file.mcap').touch()
    for last, got in (('bag', 'a bag'), ('file.mcap', 'a file')):
        assert main(['bag', str(street), str(tmp_path / 'b.mcap'), str(tmp_path / last)]) == 2
        assert capsys.readouterr().err.endswith(
            f'{last}: expected a folder for the results, got {got}; name OUT last\n')
    assert main(['bag', str(street), str(tmp_path / 'bag')]) == 2
    assert [path.name for path in (tmp_path / 'bag').iterdir()] == ['metadata.yaml']


def test_folders_give_their_results_their_whole_names(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('run.1', 'run.2'):
        (tmp_path / name).mkdir()
    assert main(['bag', 'run.1', 'run.2', 'out', '--json']) == 1
    told = map(json.loads, capsys.readouterr().out.splitlines())
    assert [one['target'] for one in told] == ['out/run.1.mcap', 'out/run.2.mcap']


def test_ray_that_is_not_installed_is_one_line(street, model, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'ray', None)
    assert main(['bag', str(street), str(tmp_path / 'out'), '--ray', *model]) == 2
    assert 'ddfnet_ros[ray]' in capsys.readouterr().err


@pytest.mark.parametrize('several', [False, True])
def test_what_memory_does_not_suffice_for_is_fused_otherwise_and_told(
        several, street, model, tmp_path, capsys, monkeypatch):
    def refuse(*_):
        raise MemoryError

    monkeypatch.setattr('ddfnet_ros.runtime.deghoster.Deghoster.submit', refuse)
    if several:  # in this process, which a spawned one would know nothing of
        monkeypatch.setattr('ddfnet_ros.cli.bag._make_pool', lambda *_: Here())
        (tmp_path / 'out').mkdir()
    target = tmp_path / ('out' if several else 'out.mcap')
    assert main(['bag', str(street), str(target), *model]) == 0
    assert '3 brackets fused, frames dropped: none, out of memory: reference 3' in (
        capsys.readouterr().out)


class Here:
    """A pool of one worker, which is this process."""

    size = 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def start(self, job):
        self.done = fuse_here(job)
        return 0

    def wait_for_any(self, running):
        return next(iter(running))

    def result(self, _handle):
        return self.done

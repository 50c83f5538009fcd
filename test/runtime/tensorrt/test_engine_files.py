# SPDX-License-Identifier: Apache-2.0
import logging

import pytest

from ddfnet_ros.runtime.tensorrt import engine_files
from ddfnet_ros.runtime.tensorrt.engine_files import load, path_of, store

ENGINE = bytes(range(256)) * 9
ABOUT = ('NVIDIA RTX A6000', 'sm86', 'driver13000', 'tensorrt11.4.0.106', 'bfloat16')


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The user's cache folder."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    return tmp_path


def test_the_name_tells_what_an_engine_depends_on(cache):
    path = path_of('ab12', *ABOUT)
    assert path.parent == cache / 'ddfnet_ros' / 'tensorrt'
    begin = 'NVIDIA_RTX_A6000-sm86-driver13000-tensorrt11.4.0.106-bfloat16-'
    assert path.name.startswith(begin)
    assert path == path_of('ab12', *ABOUT)


def test_another_weight_word_or_line_of_code_is_another_file(monkeypatch):
    path = path_of('ab12', *ABOUT)
    others = [path_of('ab13', *ABOUT)]
    others += [path_of('ab12', *ABOUT[:k], ABOUT[k] + '1', *ABOUT[k + 1:])
               for k in range(len(ABOUT))]
    monkeypatch.setattr(engine_files, '_sources', lambda: 'changed')
    others.append(path_of('ab12', *ABOUT))
    assert len({path, *others}) == len(others) + 1


def test_a_card_with_any_name_stays_in_the_folder(cache):
    assert path_of('ab12', '../../x/y z').parent == cache / 'ddfnet_ros' / 'tensorrt'


def test_without_the_variable_it_lies_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.delenv('XDG_CACHE_HOME')
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    assert path_of('ab12').is_relative_to(tmp_path / 'home' / '.cache')


def test_what_is_kept_comes_back_and_nothing_else_is_left():
    path = path_of('ab12')
    assert load(path) is None
    store(path, b'older')
    store(path, ENGINE)
    assert load(path) == ENGINE
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize('damage', [
    lambda content: content[:-1],
    lambda content: content[:20],
    lambda content: b'',
    lambda content: content[:100] + b'?' + content[101:],
])
def test_a_damaged_file_is_none_and_one_line_says_so(damage, caplog):
    path = path_of('ab12')
    store(path, ENGINE)
    path.write_bytes(damage(path.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert load(path) is None
    (record,) = caplog.records
    assert 'got a damaged file; it is built again' in record.getMessage()
    assert str(path) in record.getMessage()


def test_where_nothing_can_be_written_a_line_says_so(cache, caplog):
    (cache / 'ddfnet_ros').write_text('in the way')
    with caplog.at_level(logging.WARNING):
        store(path_of('ab12'), ENGINE)
    (record,) = caplog.records
    assert 'set XDG_CACHE_HOME' in record.getMessage()


def test_where_the_disk_is_full_the_older_engine_stays_and_nothing_else(monkeypatch, caplog):
    path = path_of('ab12')
    store(path, ENGINE)

    def full(self, target):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(engine_files.Path, 'replace', full)
    with caplog.at_level(logging.WARNING):
        store(path, b'newer')
    assert 'No space left' in caplog.text
    assert load(path) == ENGINE
    assert list(path.parent.iterdir()) == [path]

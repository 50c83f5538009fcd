# SPDX-License-Identifier: Apache-2.0
import os
import threading

import pytest

from ddfnet_ros.whole_files import replacing, write_whole


def test_a_file_is_there_whole_in_a_folder_that_is_made(tmp_path):
    write_whole(tmp_path / 'new/file', b'content')
    assert (tmp_path / 'new/file').read_bytes() == b'content'
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['file']


def test_what_cannot_be_replaced_stays_and_nothing_is_left_of_the_new_one(tmp_path):
    (tmp_path / 'file/inside').mkdir(parents=True)
    with pytest.raises(OSError, match='file'):
        write_whole(tmp_path / 'file', b'content')
    assert [path.name for path in tmp_path.iterdir()] == ['file']


def test_what_another_process_or_thread_is_writing_is_left_to_it(tmp_path):
    def write_at_once():
        with replacing(tmp_path / 'file') as partial:
            partial.write_bytes(b'content')
            barrier.wait(10)

    barrier = threading.Barrier(2)
    other = threading.Thread(target=write_at_once)
    with replacing(tmp_path / 'file') as mine:
        mine.write_bytes(b'half')
        other.start()
        barrier.wait(10)
        other.join(10)
        assert (tmp_path / 'file').read_bytes() == b'content'
        assert f'{os.getpid()}' in mine.name
        mine.write_bytes(b'last')
    assert (tmp_path / 'file').read_bytes() == b'last'
    assert [path.name for path in tmp_path.iterdir()] == ['file']


@pytest.mark.parametrize('there', [True, False])
def test_a_link_stays_and_what_it_points_to_is_written(tmp_path, there):
    (tmp_path / 'far').mkdir()
    if there:
        (tmp_path / 'far/file').write_bytes(b'before')
    (tmp_path / 'link').symlink_to('far/file')
    write_whole(tmp_path / 'link', b'content')
    assert (tmp_path / 'link').is_symlink()
    assert (tmp_path / 'far/file').read_bytes() == b'content'
    assert len([*tmp_path.rglob('*')]) == 3


@pytest.mark.parametrize('name', ['x' * 255, os.fsdecode(b'caf\xe9')])
def test_any_name_that_the_disk_takes_may_be_written(tmp_path, name):
    write_whole(tmp_path / name, b'content')
    assert (tmp_path / name).read_bytes() == b'content'

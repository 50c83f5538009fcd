# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from ddfnet_ros.whole_files import write_whole


def test_a_file_is_there_whole_in_a_folder_that_is_made(tmp_path):
    write_whole(tmp_path / 'new/file', b'content')
    assert (tmp_path / 'new/file').read_bytes() == b'content'
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['file']


def test_what_cannot_be_replaced_stays_and_nothing_is_left_of_the_new_one(tmp_path):
    (tmp_path / 'file/inside').mkdir(parents=True)
    with pytest.raises(OSError, match='file'):
        write_whole(tmp_path / 'file', b'content')
    assert [path.name for path in tmp_path.iterdir()] == ['file']


def test_what_another_process_is_writing_is_left_to_it(tmp_path):
    theirs = tmp_path / f'.file.{os.getpid() + 1}.partial'
    theirs.write_bytes(b'half')
    write_whole(tmp_path / 'file', b'content')
    assert theirs.read_bytes() == b'half'

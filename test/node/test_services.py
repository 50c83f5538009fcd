# SPDX-License-Identifier: Apache-2.0
import json
import resource
import threading

import numpy as np
import pytest
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from ddfnet_ros.images import read_exr, read_ldr
from ddfnet_ros.node import saver

from .conftest import EXPOSURES, image, scene, started

HDR = '/fuse_node/hdr'


@pytest.fixture(scope='module')
def shared(ros, model):
    bench = started(model=str(model))
    yield bench
    bench.close()


def fuse(bench, second):
    """Send a bracket and wait for what becomes of it."""
    frames = bench.send_bracket(second * 10**9)
    while (message := bench.next(HDR)).header.stamp.sec != second:
        pass
    return frames, message


def save_to(bench, folder):
    bench.node.set_parameters([Parameter('save_folder', value=str(folder))])
    return bench.call('save_bracket', Trigger)


def test_what_is_not_there_or_not_asked_for_is_refused_in_words(shared):
    early = save_to(shared, '/nowhere')
    assert (early.success, early.message) == (
        False, 'expected a bracket to save, got none yet; try again later')
    fuse(shared, 1)
    nowhere = save_to(shared, '')
    assert not nowhere.success
    assert 'set save_folder' in nowhere.message


def test_the_latest_bracket_is_saved_with_its_frames_and_all_settings(shared, tmp_path):
    frames, message = fuse(shared, 2)
    answer = save_to(shared, tmp_path / 'brackets')
    (saved,) = (tmp_path / 'brackets').iterdir()
    assert (answer.success, answer.message) == (True, f'saved {saved}')
    hdr = np.frombuffer(message.data, np.float32).reshape(message.height, message.width, 3)
    np.testing.assert_array_equal(read_exr(saved / 'radiance.exr'), hdr[..., ::-1])
    metadata = json.loads((saved / 'metadata.json').read_text())
    assert (metadata['model'], metadata['settings']['mu']) == ('tiny', 5000.0)
    for member, pixels in zip(metadata['frames'], frames, strict=True):
        np.testing.assert_array_equal(read_ldr(saved / member['file']), pixels)


def test_nothing_is_stored_unless_asked_for(shared, tmp_path):
    shared.node.set_parameters([Parameter('save_folder', value=str(tmp_path))])
    fuse(shared, 3)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_an_answer_and_the_node_lives_on(shared, tmp_path):
    fuse(shared, 4)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256, before[1]))  # bytes of any file
    try:
        answer = save_to(shared, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not answer.success
    assert answer.message.startswith('cannot save: ')
    assert not list(tmp_path.iterdir())
    fuse(shared, 5)


def test_a_folder_of_nobody_is_an_answer(shared):
    fuse(shared, 6)
    answer = save_to(shared, '~nobody_at_all/here')
    assert answer.message == ('cannot save: expected a folder, got ~nobody_at_all/here of a user '
                              'who is not there; set save_folder')


@pytest.mark.parametrize('error', [PermissionError('no\npermission'), RuntimeError('broken')])
def test_whatever_fails_is_an_answer(shared, tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(saver, 'save', fail)
    answer = save_to(shared, tmp_path)
    assert not answer.success
    assert answer.message.startswith('cannot save: ')
    assert '\n' not in answer.message


def test_brackets_are_fused_while_another_is_written(shared, tmp_path, monkeypatch):
    let_go, write = threading.Event(), saver.save

    def slowly(*arguments):
        let_go.wait(20)
        return write(*arguments)

    monkeypatch.setattr(saver, 'save', slowly)
    fuse(shared, 7)
    client = shared.peer.create_client(Trigger, '/fuse_node/save_bracket')
    shared.node.set_parameters([Parameter('save_folder', value=str(tmp_path))])
    shared.spin_until(client.service_is_ready, 'service')
    future = client.call_async(Trigger.Request())
    for second in (8, 9):
        fuse(shared, second)
    assert not future.done()
    let_go.set()
    shared.spin_until(future.done, 'answer')
    assert future.result().success
    assert [path.name for path in tmp_path.iterdir()] == [f'{7 * 10**9 + 10**7}']


def test_a_reset_forgets_what_is_half_assembled(shared):
    before = int(shared.counts().get('dropped.incomplete', 0))
    for i in (0, 1):
        shared.send_frame(image(scene(EXPOSURES[i]), 10 * 10**9 + i * 10**7), EXPOSURES[i])
    shared.spin(0.2)
    assert shared.call('reset', Trigger).success
    assert int(shared.counts()['dropped.incomplete']) == before + 2
    fuse(shared, 11)


def test_an_inactive_node_refuses_in_words(shared):
    shared.node.trigger_deactivate()
    for service in ('reset', 'save_bracket'):
        answer = shared.call(service, Trigger)
        assert (answer.success, answer.message) == (
            False, 'expected an active node, got one that is not; activate it')
    shared.node.trigger_activate()

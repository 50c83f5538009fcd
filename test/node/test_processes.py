# SPDX-License-Identifier: Apache-2.0
"""The node as users start it: a process of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import rclpy
from lifecycle_msgs.srv import GetState

ROOT = Path(__file__).resolve().parents[2]
# Two cameras, of which the first has a defect that shows after its start.
DEFECT = """
import sys
from ddfnet_ros.node import fuse_cameras

class Defective(fuse_cameras.FuseNode):
    def start(self):
        super().start()
        if self.get_namespace() == '/west':
            self.create_timer(0.1, lambda: {}['as expected'])

fuse_cameras.FuseNode = Defective
sys.exit(fuse_cameras.main(['fuse_cameras', 'west', 'east', *sys.argv[1:]]))
"""


def start(*arguments, command=('fuse_node',), **environment):
    executable, *names = command
    return subprocess.Popen(
        [sys.executable, '-m', f'ddfnet_ros.node.{executable}', *names, '--ros-args', *arguments],
        cwd=ROOT, env=os.environ | environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )


@pytest.fixture(params=[(signal.SIGINT, signal.SIGINT), (signal.SIGTERM,)],
                ids=['twice SIGINT, as under ros2 launch', 'SIGTERM'])
def signals(request):
    return request.param


def state_of(ros_node, name):
    client = ros_node.create_client(GetState, f'{name}/get_state')
    assert client.wait_for_service(60)
    future = client.call_async(GetState.Request())
    rclpy.spin_until_future_complete(ros_node, future, timeout_sec=30)
    return future.result().current_state.label


def test_it_starts_without_launch_from_our_parameter_file_and_leaves_quietly(
        ros, model, signals):
    profile = str(ROOT / 'config' / 'fastdds_shm.xml')  # UDP beside it reaches this process
    process = start('--params-file', str(ROOT / 'config' / 'fuse.yaml'), '-p', f'model:={model}',
                    '-r', '__ns:=/street', FASTRTPS_DEFAULT_PROFILES_FILE=profile,
                    FASTDDS_DEFAULT_PROFILES_FILE=profile)
    peer = rclpy.create_node('asking')
    try:
        assert state_of(peer, '/street/fuse_node') == 'active'
        for number in signals:
            process.send_signal(number)
            time.sleep(0.02)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        peer.destroy_node()
    assert process.returncode == 0
    assert 'fusing /street/image_raw with tiny on cpu' in output
    assert 'Traceback' not in output


@pytest.mark.parametrize('command', [
    [str(ROOT / 'resource' / 'fuse_node')],
    ['-c', 'import sys; from ddfnet_ros.node.executables import fuse_node; sys.exit(fuse_node())'],
], ids=['of ros2 run', 'of pip'])
def test_an_interrupt_while_it_still_imports_ends_it_without_a_traceback(command):
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT,
                               text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    maps = Path(f'/proc/{process.pid}/maps')
    try:
        while 'libtorch' not in maps.read_text():  # of which there is more to import than that
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert 'Traceback' not in output


def test_cameras_of_one_process_run_beside_one_that_cannot_and_leave_quietly(ros, model, tmp_path):
    # Names of no other test: rclpy keeps some services of a node for a while after its end.
    for name, exposures in (('north', '[0.1, 1.0]'), ('south', '[0.1, 1.0]'), ('none', '[1, 4]')):
        (tmp_path / f'{name}.yaml').write_text(
            f'/**: {{ros__parameters: {{exposure_times: {exposures}, model: "{model}"}}}}')
    process = start('--params-file', str(tmp_path / '{camera}.yaml'), '-p', 'device:=cpu',
                    command=('fuse_cameras', 'north', 'none', 'south'))
    peer = rclpy.create_node('asking_cameras')
    try:
        for name in ('north', 'south'):
            assert state_of(peer, f'/{name}/fuse_node') == 'active'
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        peer.destroy_node()
    assert process.returncode == 2  # because of the one that could not
    assert 'fusing /north/image_raw with tiny on cpu' in output
    assert 'fusing /south/image_raw with tiny on cpu' in output
    (line,) = [line for line in output.splitlines() if 'FATAL' in line]
    assert 'none: ' in line
    assert '1.0, not 1' in line
    assert 'Traceback' not in output


def test_an_error_in_one_camera_ends_the_process_in_order_and_with_a_status(model):
    process = subprocess.Popen(
        [sys.executable, '-c', DEFECT, '--ros-args', '-p', f'model:={model}', '-p', 'device:=cpu',
         '-p', 'exposure_times:=[0.1, 1.0]'],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1
    (line,) = [line for line in output.splitlines() if 'FATAL' in line]
    assert "[west.fuse_node]: ended by KeyError: 'as expected'" in line
    assert output.count('Traceback') == 1  # where it was, as that of one camera alone


def test_bad_parameters_are_one_line_and_exit_code_2():
    process = start('-p', 'exposure_times:=[1, 4, 16]')
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    (line,) = [line for line in output.splitlines() if 'FATAL' in line]
    assert '1.0, not 1' in line
    assert 'Traceback' not in output


BUSY = """
import hashlib
from ddfnet_ros.node import process

process._GRACE = 0.5
with process.ros_process(['busy']):
    print('begun', flush=True)
    # Minutes in one call of C, as where a model is compiled: no handler of Python runs meanwhile.
    hashlib.pbkdf2_hmac('sha256', b'password', b'salt', 2**30)
"""


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_what_takes_minutes_is_not_waited_for_after_a_signal(number):
    process = subprocess.Popen([sys.executable, '-c', BUSY], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert process.stdout.readline() == 'begun\n'
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert 'ended without waiting' in output


def test_logs_that_cannot_be_written_are_one_line():
    process = start(HOME='/proc/nobody', ROS_HOME='', ROS_LOG_DIR='')
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert 'expected ROS to start, got: ' in output
    assert 'set ROS_LOG_DIR' in output
    assert 'Traceback' not in output

# SPDX-License-Identifier: Apache-2.0
"""Two cameras in one process: each as if it were alone, with one model and one thread for both."""

import threading

import pytest
import torch
import yaml
from rclpy.parameter import Parameter

from ddfnet_ros.node import fuse_cameras, models
from ddfnet_ros.runtime.deghoster import Deghoster

from .conftest import (
    DEFAULTS,
    EXPOSURES,
    SIZE,
    TOPIC,
    Bench,
    assert_fused_by_hand,
    header,
    image,
    mirrored,
    scene,
)

FRONT, LEFT = '/front', '/left'
OTHER_SIZE = (40, 48)  # of the left camera, where it matters who is fused


@pytest.fixture
def command(model, tmp_path):
    """Makes the command line of two cameras, whose parameter files say what differs."""
    def make(*options, **own):
        for name in ('front', 'left'):
            values = DEFAULTS | {'model': str(model)} | own.get(name, {})
            values['image_topics'] = [f'/{name}{TOPIC}']
            (tmp_path / f'{name}.yaml').write_text(
                yaml.safe_dump({'/**': {'ros__parameters': values}}))
        return ['fuse_cameras', 'front', 'left', '--ros-args', '--params-file',
                str(tmp_path / '{camera}.yaml'), *options]

    return make


@pytest.fixture
def nodes_with(ros, command):
    """Makes the nodes of two cameras."""
    made = []

    def make(*options, **own):
        made.extend(fuse_cameras.camera_nodes(('front', 'left'), command(*options, **own)))
        return made

    yield make
    for node in made:
        node.destroy_node()


@pytest.fixture
def bench(nodes_with):
    """Both cameras, active."""
    bench = Bench(*nodes_with())
    for node in bench.nodes:
        node.start()
    bench.settle()
    yield bench
    bench.close()


@pytest.fixture
def loads(monkeypatch):
    """Names of the models that were loaded."""
    load, names = models._load, []

    def noted(settings, bracket):
        names.append(settings.model)
        return load(settings, bracket)

    monkeypatch.setattr(models, '_load', noted)
    return names


class Gate:
    """Holds up every fusion until it is told to let one go on; notes whose it was, by its size."""

    def __init__(self, monkeypatch):
        self.order, self.go_on, fuse = [], threading.Semaphore(0), Deghoster.submit

        def slowly(deghoster, request):
            width, height = request.bracket.reference.size
            self.order.append({SIZE: FRONT, OTHER_SIZE: LEFT}[height, width])
            assert self.go_on.acquire(timeout=60)
            return fuse(deghoster, request)

        monkeypatch.setattr(Deghoster, 'submit', slowly)


@pytest.fixture
def gate(bench, monkeypatch):
    gate = Gate(monkeypatch)
    yield gate
    gate.go_on.release(100)


def images_received(node):
    return node._fusion.statistics.snapshot(node._fusion.inputs.dropped).received


def taken(bench, front, left):
    """Wait until the cameras' nodes have received so many images."""
    bench.spin_until(lambda: [images_received(node) for node in bench.nodes] == [front, left],
                     f'{front} and {left} images')


def test_each_camera_has_its_own_results_under_its_own_topics(bench, model):
    looks = {FRONT: scene, LEFT: mirrored}
    for place, exposure in enumerate(EXPOSURES):
        for camera, look in looks.items():
            bench.send_frame(image(look(exposure), 10**9 + place * 10**7), exposure, camera)
    for camera, look in looks.items():
        hdr = bench.next(f'{camera}/fuse_node/hdr')
        assert hdr.header == header(10**9 + 10**7)
        assert_fused_by_hand(hdr, [look(exposure) for exposure in EXPOSURES], model)
        assert bench.counts(camera)['brackets_fused'] == '1'
        assert not bench.received[f'{camera}/fuse_node/hdr']


def test_frames_of_two_cameras_make_no_bracket_together(bench):
    for place, exposure in enumerate(EXPOSURES):
        camera = (FRONT, LEFT, FRONT)[place]
        bench.send_frame(image(scene(exposure), 10**9 + place * 10**7), exposure, camera)
    for camera in (FRONT, LEFT):
        bench.send_bracket(2 * 10**9, camera=camera)
        assert bench.next(f'{camera}/fuse_node/hdr').header == header(2 * 10**9 + 10**7)
        assert bench.counts(camera)['brackets_fused'] == '1'


def test_a_model_is_loaded_once_for_all_who_ask_for_it(loads, bench, model, tmp_path):
    front = bench.nodes[0]
    assert loads == [str(model)]
    other = tmp_path / 'other.safetensors'
    other.write_bytes(model.read_bytes())
    for second, wanted in enumerate((other, model), 1):
        (result,) = front.set_parameters([Parameter('model', value=str(wanted))])
        assert result.successful
        front._fusion.engine._loader.submit(int).result(60)  # behind what was asked for
        bench.send_bracket(second * 10**9, camera=FRONT)
        bench.next('/front/fuse_node/hdr')
        assert bench.counts(FRONT)['model'] == wanted.stem
        assert bench.counts(LEFT)['model'] == 'tiny'
    assert loads == [str(model), str(other)]


def test_a_camera_that_floods_leaves_the_other_every_second_turn(bench, gate):
    front = left = 0
    for turn in range(1, 5):
        for second in range(3):
            bench.send_bracket((3 * turn + second) * 10**9, camera=FRONT)
            front += 3
            taken(bench, front, left)
        bench.send_bracket(turn * 10**9, size=OTHER_SIZE, camera=LEFT)
        left += 3
        taken(bench, front, left)
        for _ in range(2):
            begun = len(gate.order)
            gate.go_on.release()
            bench.spin_until(lambda begun=begun: len(gate.order) > begun, 'next fusion')
    gate.go_on.release(100)
    for _ in range(4):
        bench.next('/left/fuse_node/hdr')
    assert gate.order[:8] == [FRONT, LEFT] * 4
    assert not any(key.startswith('dropped.') for key in bench.counts(LEFT))
    assert int(bench.counts(FRONT)['dropped.superseded']) > 0


def test_a_camera_whose_fusion_fails_leaves_the_other(bench, monkeypatch):
    fuse = Deghoster.submit

    def fail_for_front(deghoster, request):
        if request.bracket.reference.size == SIZE[::-1]:
            raise RuntimeError('as expected')
        return fuse(deghoster, request)

    monkeypatch.setattr(Deghoster, 'submit', fail_for_front)
    for second in (1, 2):
        bench.send_bracket(second * 10**9, camera=FRONT)
        bench.send_bracket(second * 10**9, size=OTHER_SIZE, camera=LEFT)
        bench.next('/left/fuse_node/hdr')
    assert bench.counts(FRONT)['dropped.failed'] == '2'
    assert bench.counts(LEFT)['brackets_fused'] == '2'


def test_what_is_done_for_lack_of_memory_is_told_and_counted_by_the_camera_it_was_done_for(
        bench, monkeypatch, capfd):
    fuse, scarce = Deghoster.submit, [True]

    def starving(deghoster, request):
        if scarce.pop() if scarce else False:
            raise torch.OutOfMemoryError('as expected')
        return fuse(deghoster, request)

    monkeypatch.setattr(Deghoster, 'submit', starving)
    for camera in (FRONT, LEFT):
        bench.send_bracket(10**9, camera=camera)
        bench.next(f'{camera}/fuse_node/hdr')
    assert [bench.counts(camera)['out_of_memory.caches'] for camera in (FRONT, LEFT)] == ['1'] * 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if '(as expected)' in line]
    assert '[front.fuse_node]: out of memory: freed caches' in line


def test_a_camera_can_be_cleaned_up_and_configured_while_the_other_goes_on(bench, loads):
    front = bench.nodes[0]
    for second, transitions in enumerate((
            ('deactivate', 'cleanup'), ('configure', 'activate'), ('deactivate', 'cleanup')), 1):
        for transition in transitions:
            getattr(front, f'trigger_{transition}')()
        bench.send_bracket(second * 10**9, camera=LEFT)
        assert bench.next('/left/fuse_node/hdr').header.stamp.sec == second
        if transitions[-1] == 'activate':
            bench.settle()
            bench.send_bracket(second * 10**9, camera=FRONT)
            assert bench.next('/front/fuse_node/hdr').header.stamp.sec == second
    assert bench.counts(LEFT)['brackets_fused'] == '3'
    assert loads == []  # since both were configured at first


def test_one_thread_fuses_for_all_and_ends_with_the_last(bench):
    def at_work():
        return [thread for thread in threading.enumerate() if thread.name == 'worker']

    assert len(at_work()) == 1
    for node in bench.nodes:
        assert at_work()
        node.trigger_deactivate()
    assert not at_work()


def test_a_camera_whose_parameters_are_no_good_is_a_line_and_the_other_is_there(
        nodes_with, capfd):
    (node,) = nodes_with(front={'exposure_times': [-1.0, 1.0]})
    assert node.get_fully_qualified_name() == '/left/fuse_node'
    (line,) = [line for line in capfd.readouterr().err.splitlines() if 'FATAL' in line]
    assert 'front: exposure_times: expected' in line
    bench = Bench(node)
    bench.spin_until(
        lambda: ('fuse_node', '/front') not in node.get_node_names_and_namespaces(), 'end of it')
    bench.close()


def test_cameras_that_would_share_a_name_are_told_so(nodes_with, capfd):
    (node,) = nodes_with('-r', '__ns:=/both')
    assert node.get_fully_qualified_name() == '/both/fuse_node'
    assert 'left: expected a namespace of its own, got that of front' in capfd.readouterr().err


def test_the_namespace_and_remaps_may_have_the_name_of_the_camera(nodes_with):
    front, left = nodes_with('-r', '__ns:=/sensing/{camera}', '-r', '~/hdr:=/{camera}_hdr')
    assert front.get_fully_qualified_name() == '/sensing/front/fuse_node'
    assert left.resolve_topic_name('~/hdr') == '/left_hdr'


@pytest.mark.parametrize('names', [[], ['front', 'front']])
def test_names_that_are_missing_or_the_same_are_one_line(names, capfd):
    assert fuse_cameras.main(['fuse_cameras', *names, '--ros-args']) == 2
    assert capfd.readouterr().err.count('expected different names of cameras') == 1


def test_a_name_that_ros_does_not_allow_is_a_line_and_the_other_camera_is_there(
        ros, command, tmp_path, capfd):
    (tmp_path / 'in-front.yaml').write_text('')
    nodes = list(fuse_cameras.camera_nodes(('in-front', 'left'), command()))
    assert [node.get_fully_qualified_name() for node in nodes] == ['/left/fuse_node']
    nodes[0].destroy_node()
    (line,) = [line for line in capfd.readouterr().err.splitlines() if 'FATAL' in line]
    assert 'in-front: Invalid namespace' in line


def test_a_parameter_file_that_is_not_there_is_a_line(ros, command, capfd):
    assert not list(fuse_cameras.camera_nodes(('absent',), command()))
    (line,) = [line for line in capfd.readouterr().err.splitlines() if 'FATAL' in line]
    assert 'absent: expected a parameter file that can be read, got --params-file ' in line

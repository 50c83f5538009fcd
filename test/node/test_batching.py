# SPDX-License-Identifier: Apache-2.0
"""Cameras of one process whose brackets are fused together, as on a GPU."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo

from ddfnet_ros.node import fuse_cameras
from ddfnet_ros.runtime import ways
from ddfnet_ros.runtime.stack_pipeline import StackPipeline

from .conftest import (
    DEFAULTS,
    EXPOSURES,
    TOPIC,
    Bench,
    assert_fused_by_hand,
    header,
    mirrored,
    scene,
)

CAMERAS = FRONT, LEFT, RIGHT = '/front', '/left', '/right'
OTHER_SIZE = (40, 48)
LONG, SHORT = 1000, 50  # milliseconds


@pytest.fixture
def bench_of(ros, model, tmp_path):
    """Makes active cameras that wait so long for each other."""
    benches = []

    def make(wait_ms, *cameras):
        values = DEFAULTS | {'model': str(model), 'backend': 'torch', 'batch_wait_ms': wait_ms}
        file = tmp_path / 'all.yaml'
        file.write_text(yaml.safe_dump({'/**': {'ros__parameters': values}}))
        names = [camera.strip('/') for camera in cameras]
        nodes = fuse_cameras.camera_nodes(names, [
            'fuse_cameras', *names, '--ros-args', '--params-file', str(file),
            '-p', f'image_topics:=[/{{camera}}{TOPIC}]'])
        benches.append(Bench(*nodes))
        for node in benches[-1].nodes:
            node.start()
        benches[-1].settle()
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


def together(bench, *cameras):
    """How many brackets the latest of each camera was fused with, itself among them."""
    return [bench.counts(camera)['fused_together'] for camera in cameras]


def test_brackets_of_two_cameras_are_fused_together_and_each_has_its_own_result(bench_of, model):
    bench, looks = bench_of(LONG, FRONT, LEFT), {FRONT: scene, LEFT: mirrored}
    sent = {camera: bench.send_bracket(10**9, camera=camera, look=look)
            for camera, look in looks.items()}
    for camera, frames in sent.items():
        hdr = bench.next(f'{camera}/fuse_node/hdr')
        assert hdr.header == header(10**9 + 10**7)
        assert_fused_by_hand(hdr, frames, model)
    assert together(bench, FRONT, LEFT) == ['2', '2']
    assert bench.counts(LEFT)['brackets_fused'] == '1'
    assert float(bench.counts(FRONT)['stage_ms.others']) > 0


def test_each_camera_has_its_own_settings_and_what_does_not_agree_is_fused_beside(bench_of):
    bench = bench_of(LONG, *CAMERAS)
    (result,) = bench.nodes[1].set_parameters([Parameter('tone_map', value='drago')])
    assert result.successful
    for camera, size in ((FRONT, scene(1e-3).shape[:2]), (LEFT, scene(1e-3).shape[:2]),
                         (RIGHT, OTHER_SIZE)):
        bench.send_bracket(10**9, size=size, camera=camera)
    pictures = [bench.next(f'{camera}/fuse_node/image') for camera in CAMERAS]
    assert pictures[0].data != pictures[1].data
    assert [picture.height for picture in pictures] == [24, 24, 40]
    assert together(bench, *CAMERAS) == ['2', '2', '1']


def test_a_camera_that_sends_nothing_holds_another_up_no_longer_than_the_deadline(bench_of):
    bench = bench_of(SHORT, FRONT, LEFT)
    for second in (1, 2):
        bench.send_bracket(second * 10**9, camera=FRONT)
        assert bench.next('/front/fuse_node/hdr').header.stamp.sec == second
    counts = bench.counts(FRONT)
    assert counts['fused_together'] == '1'
    assert float(counts['stage_ms.wait']) >= SHORT


def test_a_camera_that_is_not_active_is_not_waited_for(bench_of):
    bench = bench_of(LONG, FRONT, LEFT)
    bench.nodes[1].trigger_deactivate()
    bench.send_bracket(10**9, camera=FRONT)
    bench.next('/front/fuse_node/hdr')
    assert float(bench.counts(FRONT)['stage_ms.wait']) < LONG


def test_a_bracket_that_fails_costs_no_other_and_nothing_is_sent_twice(bench_of, monkeypatch):
    bench, prepare = bench_of(LONG, FRONT, LEFT), StackPipeline.prepare
    spoiled = mirrored(EXPOSURES[1])

    def fail_for_front(pipeline, bracket, *others):
        if np.array_equal(bracket.reference.pixels, spoiled):
            raise RuntimeError('as expected')
        return prepare(pipeline, bracket, *others)

    monkeypatch.setattr(StackPipeline, 'prepare', fail_for_front)
    bench.send(f'/left{TOPIC.removesuffix("image_raw")}camera_info', CameraInfo(header=header(0)))
    for second in (1, 2):
        bench.send_bracket(second * 10**9, camera=FRONT, look=mirrored)
        bench.send_bracket(second * 10**9, camera=LEFT)
        assert bench.next('/left/fuse_node/hdr').header.stamp.sec == second
    assert bench.counts(FRONT)['dropped.failed'] == '2'
    assert bench.counts(LEFT)['brackets_fused'] == '2'
    assert not any(key.startswith('dropped') for key in bench.counts(LEFT))
    relayed = bench.received['/left/fuse_node/camera_info']
    assert [info.header.stamp.sec for info in relayed] == [1, 2]


def test_brackets_that_memory_is_too_short_for_are_fused_one_by_one(
        bench_of, monkeypatch, capfd):
    bench, radiances = bench_of(LONG, FRONT, LEFT), StackPipeline.radiances

    def starving(pipeline, given, *others):
        if len(given) > 1:
            raise torch.OutOfMemoryError('as expected')
        return radiances(pipeline, given, *others)

    monkeypatch.setattr(StackPipeline, 'radiances', starving)
    for second in (1, 2):
        for camera in (FRONT, LEFT):
            bench.send_bracket(second * 10**9, camera=camera)
        for camera in (FRONT, LEFT):
            assert bench.next(f'{camera}/fuse_node/hdr').header.stamp.sec == second
    for camera in (FRONT, LEFT):
        counts = bench.counts(camera)
        assert counts['out_of_memory.single'] == '2'
        assert counts['fused_together'] == '1'
        assert counts['message'] == 'out of memory: fusing brackets one by one'
    assert capfd.readouterr().err.count('fusing brackets one by one') == 1


@pytest.mark.parametrize('name', ['batch_wait_ms', 'model'])
def test_a_camera_with_another_model_or_without_a_deadline_is_fused_by_itself(
        bench_of, model, tmp_path, name):
    bench, other = bench_of(LONG, *CAMERAS), tmp_path / 'other.safetensors'
    other.write_bytes(model.read_bytes())
    left = bench.nodes[1]
    value = {'batch_wait_ms': 0, 'model': str(other)}[name]
    (result,) = left.set_parameters([Parameter(name, value=value)])
    assert result.successful
    left._fusion.engine._loader.submit(int).result(60)  # behind what was asked for
    for second in (1, 2):  # with the first, the other model takes over
        for camera in CAMERAS:
            bench.send_bracket(second * 10**9, camera=camera)
        for camera in CAMERAS:
            bench.next(f'{camera}/fuse_node/hdr')
    assert together(bench, *CAMERAS) == ['2', '1', '2']


def test_by_default_a_gpu_waits_two_milliseconds_and_a_cpu_not_at_all(bench_of, monkeypatch):
    fusion = bench_of('auto', FRONT, LEFT).node._fusion
    settings = replace(fusion.inputs._settings, batch_wait_ms='auto')
    assert fusion.batch_group(settings) is None
    monkeypatch.setattr(fusion.engine._deghoster._first, 'device', 'cuda:0')
    assert fusion.batch_group(settings) == (fusion.engine._deghoster, 2e-3)
    monkeypatch.setattr(fusion.engine._deghoster.ladder, 'now', ways.SINGLE)
    assert fusion.batch_group(settings) is None

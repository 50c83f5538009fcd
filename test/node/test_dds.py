# SPDX-License-Identifier: Apache-2.0
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from ddfnet_ros.node import dds

from .conftest import EXPOSURES, TOPIC, header, image, metadata, scene

CONFIG = Path(__file__).resolve().parents[2] / 'config'
LARGE, SMALL = 1920 * 1080 * 3, 320 * 240 * 3


@pytest.fixture
def space(monkeypatch, tmp_path):
    """Sets how much room /dev/shm has."""
    monkeypatch.chdir(tmp_path)  # no profiles beside the checkout

    def has(megabytes):
        usage = type('usage', (), {'free': megabytes * 2**20})
        monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage)

    return has


@pytest.mark.parametrize('variable', [
    'FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'])
def test_shared_memory_that_is_too_small_for_the_profile_is_one_line(space, variable):
    environment = {variable: str(CONFIG / 'fastdds_shm.xml')}
    space(64)
    warning = dds.shared_memory_warning(environment)
    assert warning.startswith('expected 512 MB or more in /dev/shm for the DDS profile, got 64 MB')
    assert '--shm-size' in warning
    space(512)
    assert dds.shared_memory_warning(environment) == ''


def test_a_profile_for_containers_is_content_with_their_shared_memory(space):
    space(64)
    assert dds.shared_memory_warning(
        {'FASTRTPS_DEFAULT_PROFILES_FILE': str(CONFIG / 'fastdds_local.xml')}) == ''


def test_without_a_profile_no_shared_memory_is_asked_for(space):
    space(0)
    assert dds.shared_memory_warning({}) == ''
    assert dds.shared_memory_warning({'FASTRTPS_DEFAULT_PROFILES_FILE': 'nothing.xml'}) == ''


@pytest.fixture
def graph(ros, monkeypatch):
    """A node with a camera's images and a viewer's, each best effort or reliable."""
    monkeypatch.setattr(dds, 'is_default', lambda *_: True)
    nodes = []

    def make(camera, viewer):
        node = Node('large_images')
        nodes.append(node)
        qos = {kind: QoSProfile(depth=1, reliability=kind) for kind in (camera, viewer)}
        node.create_subscription(Image, '/camera', print, qos[camera])
        node.create_subscription(Image, '/picture', print, qos[viewer])
        return node

    yield make
    for node in nodes:
        node.destroy_node()


RELIABLE, BEST_EFFORT = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT


@pytest.mark.parametrize(('camera', 'viewer', 'size', 'expected'), [
    (BEST_EFFORT, RELIABLE, LARGE, '/camera: images of 6.2 MB come best effort'),
    (RELIABLE, BEST_EFFORT, LARGE, '/picture: images of 6.2 MB go to large_images best effort'),
    (RELIABLE, RELIABLE, LARGE, ''),
    (BEST_EFFORT, BEST_EFFORT, SMALL, ''),
])
def test_large_best_effort_images_are_warned_of(graph, camera, viewer, size, expected):
    warning = dds.large_image_warning(graph(camera, viewer), {'/camera': size},
                                      {'/picture': size})
    assert warning.startswith(expected)
    assert bool(warning) is bool(expected)


def test_the_node_warns_once_of_what_its_profile_will_lose(bench_with, monkeypatch, capfd):
    monkeypatch.setattr(dds, 'DEFAULT_SEGMENT', 1000)
    monkeypatch.setattr(dds, 'is_default', lambda *_: True)
    bench = bench_with(**{f'qos_overrides.{TOPIC}.subscription.reliability': 'best_effort'})
    bench.send_bracket(10**9)
    bench.next('/fuse_node/hdr')
    for _ in range(3):
        bench.counts()
    assert capfd.readouterr().err.count('through Fast DDS as it comes, which loses them') == 1


def test_images_too_large_are_warned_of_before_a_bracket_is_whole(bench_with, monkeypatch, capfd):
    monkeypatch.setattr(dds, 'DEFAULT_SEGMENT', 1000)
    monkeypatch.setattr(dds, 'is_default', lambda *_: True)
    bench = bench_with(**{f'qos_overrides.{TOPIC}.subscription.reliability': 'best_effort'})
    bench.send(TOPIC, image(scene(EXPOSURES[0]), 10**9))
    bench.spin_until(lambda: bench.counts()['images_received'] == '1', 'image')
    bench.spin_until(lambda: bench.counts() and bench.node._adviser.warning, 'warning')
    assert f'{TOPIC}: images of 0.0 MB come best effort' in capfd.readouterr().err


def test_compressed_images_count_by_what_is_sent_of_them(bench_with, monkeypatch, capfd):
    topic = f'{TOPIC}/compressed'
    jpeg = cv2.imencode('.jpg', np.full((64, 64, 3), 90, np.uint8))[1].tobytes()
    monkeypatch.setattr(dds, 'DEFAULT_SEGMENT', 2 * len(jpeg))
    monkeypatch.setattr(dds, 'is_default', lambda *_: True)
    bench = bench_with(views={}, image_topics=[topic],
                       **{f'qos_overrides.{topic}.subscription.reliability': 'best_effort'})
    assert 2 * len(jpeg) < 64 * 64 * 3
    for k, exposure in enumerate(EXPOSURES):
        stamp_ns = 10**9 + k * 10**7
        bench.send('/fuse_node/meta', metadata(exposure, k, stamp_ns))
        bench.send(topic, CompressedImage(header=header(stamp_ns), format='jpeg', data=jpeg))
    bench.spin_until(lambda: bench.counts()['brackets_nobody_wanted'] == '1', 'bracket')
    bench.counts()
    assert 'best effort' not in capfd.readouterr().err

# SPDX-License-Identifier: Apache-2.0
"""From frames sent to results received."""

import threading

import cv2
import numpy as np
import pytest
from rclpy.parameter import Parameter
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage

from ddfnet_ros.node.outputs import Outputs
from ddfnet_ros.runtime.deghoster import Deghoster

from .conftest import EXPOSURES, TOPIC, array_of, assert_fused_by_hand, header, image, scene

HDR, IMAGE, INFO = '/fuse_node/hdr', '/fuse_node/image', '/fuse_node/camera_info'


def test_a_bracket_becomes_radiance_and_picture_under_the_header_of_its_reference(bench, model):
    frames = bench.send_bracket(10**9)
    hdr, picture = bench.next(HDR), bench.next(IMAGE)
    assert hdr.header == picture.header == header(10**9 + 10**7)
    assert (hdr.encoding, picture.encoding) == ('32FC3', 'bgr8')
    by_hand = assert_fused_by_hand(hdr, frames, model)
    np.testing.assert_allclose(
        array_of(picture, np.uint8).astype(int), by_hand.image.astype(int), atol=1)


def test_a_bracket_is_fused_while_the_one_before_is_published(bench, monkeypatch):
    publish, fuse, let_go, begun = Outputs.publish, Deghoster.submit, threading.Event(), []

    def slowly(self, fused):
        begun.append('publishing')
        assert let_go.wait(60)
        publish(self, fused)

    def noted(self, bracket):
        begun.append('fusing')
        return fuse(self, bracket)

    monkeypatch.setattr(Outputs, 'publish', slowly)
    monkeypatch.setattr(Deghoster, 'submit', noted)
    bench.send_bracket(10**9)
    bench.spin_until(lambda: begun == ['fusing', 'publishing'], 'first bracket')
    bench.send_bracket(2 * 10**9)
    bench.spin_until(lambda: begun == ['fusing', 'publishing', 'fusing'], 'second')
    assert bench.received[HDR] == []
    let_go.set()
    assert [bench.next(HDR).header.stamp.sec for _ in range(2)] == [1, 2]


def test_grey_stays_grey(bench):
    bench.send_bracket(10**9, channels=1)
    assert (bench.next(HDR).encoding, bench.next(IMAGE).encoding) == ('32FC1', 'mono8')


def test_compressed_images_are_understood_by_the_name_of_their_topic(bench_with):
    bench = bench_with(image_topics=[f'{TOPIC}/compressed'], exposure_source='parameters',
                       cycle_period=0.03)
    for i, exposure in enumerate(EXPOSURES):
        _, png = cv2.imencode('.png', scene(exposure))
        stamp = header(3 * 10**9 + i * 10**7)
        bench.send(f'{TOPIC}/compressed',
                   CompressedImage(header=stamp, format='png', data=png.tobytes()))
    assert bench.next(HDR).header == header(3 * 10**9 + 10**7)


def test_compressed_images_are_understood_by_their_publisher(bench_with):
    bench = bench_with(start=False)
    bench.peer.create_publisher(CompressedImage, TOPIC, 10)
    bench.spin_until(lambda: bench.node.count_publishers(TOPIC), 'publisher')
    bench.node.start()
    (subscription,) = [s for s in bench.node.subscriptions if s.topic == TOPIC]
    assert subscription.msg_type is CompressedImage


def test_each_exposure_may_have_a_topic_of_its_own(bench_with):
    topics = ['/short', '/mid', '/long']
    bench = bench_with(image_topics=topics, exposure_source='parameters',
                       transport='raw')
    for start_ns in range(10**9, 2 * 10**9, 10**8):  # a few turns tell the rhythm
        for i in (2, 0, 1):
            bench.send(topics[i], image(scene(EXPOSURES[i]), start_ns + i * 10**7))
            bench.spin(0.02)
    reference = bench.next(HDR).header.stamp.nanosec
    assert reference % 10**8 == 10**7


def test_camera_info_is_relayed_under_the_header_of_the_reference(bench):
    bench.send('/camera/camera_info', CameraInfo(width=32, distortion_model='plumb_bob'))
    bench.spin(0.3)
    bench.send_bracket(10**9)
    info = bench.next(INFO)
    assert (info.header, info.width) == (header(10**9 + 10**7), 32)
    assert info.distortion_model == 'plumb_bob'


@pytest.mark.parametrize('wanted', [True, False])
def test_camera_info_waits_for_the_bracket_before_as_its_image_does(bench, monkeypatch, wanted):
    publish, let_go, publishing = Outputs.publish, threading.Event(), threading.Event()

    def slowly(self, fused):
        publishing.set()
        assert let_go.wait(60)
        publish(self, fused)

    monkeypatch.setattr(Outputs, 'publish', slowly)
    bench.send('/camera/camera_info', CameraInfo(width=32))
    bench.spin(0.3)
    bench.send_bracket(10**9)
    bench.spin_until(publishing.is_set, 'first bracket')
    if not wanted:  # those who listened have left
        monkeypatch.setattr(Outputs, 'wanted', property(lambda _: False))
    bench.send_bracket(2 * 10**9)
    bench.spin_until(lambda: bench.node._worker._unfinished == 2, 'second')
    bench.spin(0.3)
    assert bench.received[INFO] == bench.received[IMAGE] == []
    let_go.set()
    assert [bench.next(INFO).header.stamp.sec for _ in range(2)] == [1, 2]


def test_a_live_parameter_changes_the_next_picture(bench):
    bench.send_bracket(10**9)
    before = bench.next(IMAGE)
    (result,) = bench.node.set_parameters([Parameter('mu', value=10.0)])
    assert result.successful
    bench.send_bracket(2 * 10**9)
    assert np.mean(bench.next(IMAGE).data) < np.mean(before.data)


def test_reliability_can_be_asked_for_per_topic(bench_with):
    bench = bench_with(**{f'qos_overrides.{TOPIC}.subscription.reliability': 'best_effort'})
    for topic, reliability in ((TOPIC, ReliabilityPolicy.BEST_EFFORT),
                               ('/fuse_node/meta', ReliabilityPolicy.RELIABLE)):
        (subscription,) = bench.node.get_subscriptions_info_by_topic(topic)
        assert subscription.qos_profile.reliability == reliability


def test_a_mistyped_parameter_is_told_at_the_start(bench_with, capfd):
    bench_with(start=False, image_topic=['/a'])
    (line,) = [line for line in capfd.readouterr().err.splitlines() if 'expected' in line]
    assert 'such as image_topics, got image_topic; ignored' in line

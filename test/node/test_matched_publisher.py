# SPDX-License-Identifier: Apache-2.0
"""Nobody listens, nothing is made."""

import numpy as np
import pytest
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2, RegionOfInterest

from ddfnet_ros.node import matched_publisher, outputs
from ddfnet_ros.node.diagnostics import IDLE
from ddfnet_ros.node.matched_publisher import MatchedPublisher
from ddfnet_ros.node.point_cloud import _uncropped
from ddfnet_ros.runtime.deghoster import Deghoster

from .conftest import header


def test_moving_points_are_a_point_cloud(bench_with):
    point_cloud2 = pytest.importorskip('sensor_msgs_py.point_cloud2')
    bench = bench_with(views={'moving_points': PointCloud2}, moving_threshold=0.1)
    bench.send_bracket(10**9)
    cloud = bench.next('/fuse_node/moving_points')
    assert cloud.header == header(10**9 + 10**7)
    assert [field.name for field in cloud.fields] == ['x', 'y', 'z', 'u', 'v', 'vu', 'vv']
    assert set(point_cloud2.read_points(cloud)['u']) <= set(range(2, 32, 4))


def test_pixels_of_a_cropped_and_binned_picture_are_found_on_the_sensor():
    info = CameraInfo(binning_x=2, binning_y=2, roi=RegionOfInterest(x_offset=400, y_offset=200))
    pixels = np.array([[120, 80]], np.float32)
    assert _uncropped(pixels, info).tolist() == [[640, 360]]
    assert _uncropped(pixels, CameraInfo()).tolist() == [[120, 80]]


def test_what_nobody_listens_to_is_not_fused(bench_with, monkeypatch):
    bench = bench_with(views={'camera_info': CameraInfo})
    fuse, fused = Deghoster.submit, []
    monkeypatch.setattr(Deghoster, 'submit', lambda self, bracket: (
        fused.append(bracket), fuse(self, bracket))[1])
    bench.send('/camera/camera_info', CameraInfo(width=32))
    bench.spin(0.2)
    bench.send_bracket(10**9)
    assert bench.next('/fuse_node/camera_info').width == 32
    told = bench.received['/diagnostics']  # once: the next one has no news of idle brackets
    bench.spin_until(lambda: IDLE in [array.status[0].message for array in told], IDLE)
    counts = bench.counts()
    assert (counts['brackets_nobody_wanted'], counts['brackets_fused'], fused) == ('1', '0', [])
    bench.listen('/fuse_node/image', Image)
    bench.settle()
    bench.send_bracket(2 * 10**9)
    bench.next('/fuse_node/image')
    assert len(fused) == 1


def test_of_one_result_only_what_is_listened_to_is_made(bench_with, monkeypatch):
    made = []
    for maker in ('image_cdr', 'jpeg_message', 'flow_picture'):
        make = getattr(outputs, maker)
        monkeypatch.setattr(outputs, maker, lambda *given, maker=maker, make=make: (
            made.append(maker), make(*given))[1])
    bench = bench_with(views={'image/compressed': CompressedImage})
    bench.send_bracket(10**9)
    bench.next('/fuse_node/image/compressed')
    assert made == ['jpeg_message']


@pytest.fixture
def lifecycle_node(ros):
    node = LifecycleNode('speaker')
    yield node
    node.destroy_node()


@pytest.mark.parametrize('told', [True, False], ids=['matched events', 'Humble'])
def test_an_audience_comes_and_goes(ros, lifecycle_node, bench_with, monkeypatch, told):
    if not told:
        monkeypatch.setattr(matched_publisher, 'PublisherEventCallbacks', lambda: None)
    bench = bench_with(start=False)
    bench.executor.add_node(lifecycle_node)
    heard = MatchedPublisher(lifecycle_node, Image, '/speech', qos_profile=1)
    assert not heard
    subscription = bench.peer.create_subscription(Image, '/speech', print, 1)
    bench.spin_until(lambda: heard, 'listener')
    bench.peer.destroy_subscription(subscription)
    bench.spin_until(lambda: not heard, 'end')

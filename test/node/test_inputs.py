# SPDX-License-Identifier: Apache-2.0
"""From messages over real DDS to complete brackets, without the fusion."""

import time

import cv2
import numpy as np
import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, JointState

from ddfnet_ros.node.diagnostics import Statistics
from ddfnet_ros.node.inputs import Inputs
from ddfnet_ros.node.messages import frame_from
from ddfnet_ros.settings import NodeSettings

from .conftest import EXPOSURES, header, image

TOPIC, META = '/camera/image_raw', '/fuse_node/meta'
RGB = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
# JointState has a header, names and lists of numbers: enough for exposure, gain and counter.
FIELD = {'exposure_source': 'field', 'metadata_type': 'sensor_msgs/msg/JointState',
         'exposure_field': 'position.0', 'exposure_unit': 'ms', 'gain_field': 'velocity.0',
         'gain_unit': 'db', 'counter_field': 'name.0'}


class Bench:
    """Inputs that are subscribed, and a camera."""

    def __init__(self, **settings):
        self.jobs = []
        self.statistics = Statistics()
        self._nodes = Node('fuse_node'), Node('camera')
        self.node, self._camera = self._nodes
        settings = {'image_topics': (TOPIC,), 'exposure_times': EXPOSURES} | settings
        self.inputs = Inputs(self.node, NodeSettings(**settings), self.statistics,
                             self.jobs.append)
        self.inputs.subscribe()
        self._executor = SingleThreadedExecutor()
        for node in self._nodes:
            self._executor.add_node(node)
        self._publishers = {}

    def send(self, topic, message):
        """Send a message, and have it taken."""
        if topic not in self._publishers:
            self._publishers[topic] = self._camera.create_publisher(type(message), topic, 10)
        publisher = self._publishers[topic]
        self.spin_until(publisher.get_subscription_count, f'a subscriber of {topic}')
        publisher.publish(message)
        self.spin(0.05)

    def shoot(self, start_ns, exposures=(1.0, 4.0, 16.0), topics=(TOPIC,) * 3, **changes):
        """Send a bracket with its metadata [ms]."""
        for k, exposure in enumerate(exposures):
            stamp_ns = start_ns + k * 10**7
            self.send(META, JointState(header=header(stamp_ns), position=[exposure],
                                       velocity=[20.0], name=[f'frame {stamp_ns // 10**7}']))
            self.send(topics[k], image(RGB, stamp_ns, **changes))

    def spin(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.01)

    def spin_until(self, condition, what, timeout=30.0):
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f'no {what} within {timeout} s'
            self._executor.spin_once(timeout_sec=0.05)

    def next(self):
        """The next bracket."""
        self.spin_until(lambda: self.jobs, 'bracket')
        return self.jobs.pop(0)

    @property
    def drops(self):
        """Drops by reason, of frames and of messages."""
        return dict(self.statistics.snapshot(self.inputs.dropped).dropped)

    def close(self):
        self.inputs.unsubscribe()
        self._executor.shutdown()
        for node in self._nodes:
            node.destroy_node()


@pytest.fixture
def bench_with(ros):
    benches = []

    def make(**settings):
        benches.append(Bench(**settings))
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


def test_any_field_of_any_message_may_tell_exposures_gains_and_counters(bench_with):
    bench = bench_with(**FIELD, exposure_times=())
    for start_ns in range(10**9, 3 * 10**9, 3 * 10**7)[:8]:  # enough turns to know the levels
        bench.shoot(start_ns)
    frames = bench.next().bracket.frames
    assert [frame.exposure_time for frame in frames] == pytest.approx([0.001, 0.004, 0.016])
    assert [frame.gain for frame in frames] == pytest.approx([10, 10, 10])
    assert [frame.sequence_id - frames[0].sequence_id for frame in frames] == [0, 1, 2]
    np.testing.assert_array_equal(frames[0].pixels, RGB)


def test_metadata_and_images_may_match_by_counter(bench_with):
    bench = bench_with(**FIELD, image_counter_field='header.frame_id')
    for k, exposure in enumerate((1.0, 4.0, 16.0)):
        late = header(10**9 + k * 10**7 + 3 * 10**6)  # stamped when it was sent
        bench.send(META, JointState(header=late, position=[exposure], velocity=[0.0],
                                    name=[f'frame {6 + k}']))
        message = image(RGB, 10**9 + k * 10**7)
        message.header.frame_id = f'camera_{6 + k}'
        bench.send(TOPIC, message)
    assert bench.next().bracket.exposures == pytest.approx((0.001, 0.004, 0.016))
    assert not bench.drops


def test_each_image_topic_may_have_metadata_of_its_own(bench_with):
    topics, metas = ('/short', '/mid', '/long'), ('/short/meta', '/mid/meta', '/long/meta')
    bench = bench_with(**FIELD, image_topics=topics, metadata_topics=metas, cycle_period=0.1)
    for k, exposure in enumerate((1.0, 4.0, 16.0)):
        stamp = header(10**9 + k * 10**7)
        bench.send(metas[k], JointState(header=stamp, position=[exposure], velocity=[0.0],
                                        name=['0']))
        bench.send(topics[k], image(RGB, 10**9 + k * 10**7))
    assert bench.next().bracket.exposures == pytest.approx((0.001, 0.004, 0.016))


def test_a_unit_that_changes_is_refused_with_one_line_and_the_node_lives_on(bench_with, capfd):
    bench = bench_with(**FIELD)
    bench.shoot(10**9)
    bench.shoot(2 * 10**9, exposures=(1.0, 4.0, 16000.0))  # as if in microseconds
    bench.shoot(3 * 10**9)
    stamps = [bench.next().bracket.reference.stamp_ns for _ in range(2)]
    assert stamps == [10**9 + 10**7, 3 * 10**9 + 10**7]
    assert bench.drops['invalid'] == 1
    lines = [line for line in capfd.readouterr().err.splitlines()
             if 'as if in another unit' in line]
    assert len(lines) == 1
    assert 'check exposure_unit' in lines[0]


def test_metadata_without_a_counter_cost_their_images_and_not_the_node(bench_with):
    counted = {name: value for name, value in FIELD.items() if name != 'counter_field'}
    bench = bench_with(**counted, image_counter_field='header.frame_id')
    for k, exposure in enumerate((0.0, 0.0, 1.0)):  # twice not even a time
        bench.send(META, JointState(header=header(10**9 + k), position=[exposure],
                                    velocity=[0.0]))
    bench.spin_until(lambda: bench.drops.get('invalid') == 3, 'three refusals')


def test_a_bracket_was_received_before_its_last_frame_was_decoded(bench_with, monkeypatch):
    def slow(*arguments):
        time.sleep(0.1)
        return frame_from(*arguments)

    monkeypatch.setattr('ddfnet_ros.node.inputs.frame_from', slow)
    bench = bench_with(cycle_period=0.03)
    for k in range(3):
        bench.send(TOPIC, image(RGB, 3 * 10**9 + k * 10**7))
    job = bench.next()
    assert job.delivered_at - job.received_at >= 0.1


def test_metadata_without_the_field_is_refused_with_what_it_has(bench_with, capfd):
    bench = bench_with(**FIELD)
    bench.send(META, JointState(header=header(10**9), position=[]))
    bench.spin(0.1)
    assert '~/meta: expected position.0, got 0 elements' in capfd.readouterr().err
    assert bench.drops == {'invalid': 1}


@pytest.mark.parametrize(('source', 'package'), [
    ('flir', 'flir_camera_msgs'), ('realsense', 'realsense2_camera_msgs'),
])
def test_a_source_that_is_not_installed_is_said_before_anything_is_subscribed(
        ros, source, package):
    node = Node('fuse_node')
    try:
        with pytest.raises(ValueError, match=f'expected the package {package} to be installed'):
            Inputs(node, NodeSettings(exposure_source=source), Statistics(), print)
    finally:
        node.destroy_node()


def test_the_camera_info_is_that_of_the_reference_frame(bench_with):
    bench = bench_with(cycle_period=0.03)
    for k in range(3):
        stamp_ns = 3 * 10**9 + k * 10**7
        bench.send('/camera/camera_info', CameraInfo(header=header(stamp_ns), width=100 + k))
        bench.send(TOPIC, image(RGB, stamp_ns))
    job = bench.next()
    assert job.camera_info.width == 101
    assert job.camera_info.header == header(job.bracket.reference.stamp_ns)


COLOUR = (40, 90, 200)  # of a wall; red, green, blue
DEEP = np.arange(72, dtype=np.uint16).reshape(4, 6, 3) * 56  # of 12 bits


def widened(deep):
    """12 bits in 16."""
    return (deep << 4) | (deep >> 8)


def mosaic(order, scale=1):
    """A wall of one colour behind a Bayer filter; the order is that of its rows, left to right."""
    tile = np.array([COLOUR['rgb'.index(letter)] for letter in order]).reshape(2, 2) * scale
    return np.tile(tile, (2, 3)).astype(np.uint8 if scale == 1 else np.uint16)


def sent(encoding):
    """The picture as another encoding, what should come of it, and fields of the message."""
    flat = np.full((4, 6, 3), 128, np.uint8)
    wall = flat * 0 + np.array(COLOUR, np.uint8)
    luma_first = np.full((4, 6, 2), 128, np.uint8)
    luma_first[..., 0] = 100
    grey = flat * 0 + round(1.164 * (100 - 16))
    return {
        'bgr8': (RGB[..., ::-1], RGB, {}),
        'rgba8': (np.dstack([RGB, RGB[..., :1]]), RGB, {}),
        'bgra8': (np.dstack([RGB[..., ::-1], RGB[..., :1]]), RGB, {}),
        'mono16': (DEEP[..., 0], widened(DEEP[..., 0]), {}),
        'rgb16': (DEEP, widened(DEEP), {}),
        'bgr16': (DEEP[..., ::-1], widened(DEEP), {}),
        'rgb16, big-endian': (DEEP.byteswap(), widened(DEEP), {'is_bigendian': 1}),
        'bayer_rggb8': (mosaic('rggb'), wall, {}),
        'bayer_grbg8': (mosaic('grbg'), wall, {}),
        'bayer_bggr8': (mosaic('bggr'), wall, {}),
        'bayer_gbrg16': (mosaic('gbrg', 16), widened(wall.astype(np.uint16) * 16), {}),
        'yuyv': (luma_first, grey, {}),
        'uyvy': (luma_first[..., ::-1], grey, {}),
        'nv12': (np.full((6, 6), 128, np.uint8), flat + 2, {'height': 4}),
    }[encoding]


@pytest.mark.parametrize('encoding', [
    'bgr8', 'rgba8', 'bgra8', 'mono16', 'rgb16', 'bgr16', 'rgb16, big-endian', 'bayer_rggb8',
    'bayer_grbg8', 'bayer_bggr8', 'bayer_gbrg16', 'yuyv', 'uyvy', 'nv12'])
def test_encodings_arrive_as_what_they_show(bench_with, encoding):
    bench = bench_with(cycle_period=0.03, significant_bits=12)
    pixels, expected, fields = sent(encoding)
    pixels = np.ascontiguousarray(pixels)
    for k in range(3):
        bench.send(TOPIC, image(pixels, 3 * 10**9 + k * 10**7,
                                encoding=encoding.partition(',')[0], **fields))
    for frame in bench.next().bracket.frames:
        assert frame.pixels.dtype == expected.dtype
        np.testing.assert_allclose(frame.pixels.astype(int), expected.astype(int), atol=2)


def test_a_jpeg_arrives_as_what_it_shows(bench_with):
    topic = f'{TOPIC}/compressed'
    bench = bench_with(image_topics=(topic,), cycle_period=0.03)
    wall = np.full((16, 16, 3), COLOUR, np.uint8)
    jpeg = cv2.imencode('.jpg', wall[..., ::-1])[1].tobytes()
    for k in range(3):
        bench.send(topic, CompressedImage(header=header(3 * 10**9 + k * 10**7), data=jpeg,
                                          format='rgb8; jpeg compressed bgr8'))
    for frame in bench.next().bracket.frames:
        np.testing.assert_allclose(frame.pixels.astype(int), wall.astype(int), atol=3)


def test_a_compressed_mosaic_arrives_in_colours(bench_with):
    topic = f'{TOPIC}/compressed'
    bench = bench_with(image_topics=(topic,), cycle_period=0.03)
    png = cv2.imencode('.png', np.full((4, 6), 128, np.uint8))[1].tobytes()
    for k in range(3):
        bench.send(topic, CompressedImage(header=header(3 * 10**9 + k * 10**7), data=png,
                                          format='bayer_rggb8; png compressed '))
    assert bench.next().bracket.reference.pixels.shape == (4, 6, 3)


def test_an_encoding_that_nobody_knows_costs_the_image_and_is_said(bench_with, capfd):
    bench = bench_with(cycle_period=0.03)
    bench.send(TOPIC, image(RGB, 10**9, encoding='yuv444'))
    bench.spin_until(lambda: bench.drops, 'drop')
    assert bench.drops == {'invalid': 1}
    assert f'{TOPIC}: expected mono, rgb, bgr, rgba, bgra or bayer' in capfd.readouterr().err


def test_message_filters_may_join_topics(bench_with):
    pytest.importorskip('message_filters')
    topics = ('/short', '/mid', '/long')
    bench = bench_with(image_topics=topics, sync='approximate', sync_slop=0.05)
    for start_ns in (10**9, 2 * 10**9):
        for k in range(3):
            bench.send(topics[k], image(RGB, start_ns + k * 10**7))
    brackets = [bench.next().bracket for _ in range(2)]
    assert [bracket.reference.stamp_ns for bracket in brackets] == [
        10**9 + 10**7, 2 * 10**9 + 10**7]
    assert brackets[0].exposures == EXPOSURES
    assert not bench.drops

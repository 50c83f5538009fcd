# SPDX-License-Identifier: Apache-2.0
"""A real node and a peer that is its camera and its viewer, in one process, over real DDS."""

import time
from collections import Counter

import numpy as np
import pytest
import rclpy
import torch
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from ddfnet_ros import weights
from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.node.fuse_node import FuseNode
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.settings import DeghosterSettings

EXPOSURES = (0.001, 0.004, 0.016)
TOPIC = '/camera/image_raw'
SIZE = (24, 32)
VIEWS = {'hdr': Image, 'image': Image, 'camera_info': CameraInfo}


@pytest.fixture(scope='session')
def ros():
    """A real rclpy context, for all tests in this process, of whatever folder."""
    if not rclpy.ok():
        rclpy.init(args=[])
    yield
    rclpy.try_shutdown()


@pytest.fixture(scope='session')
def model(tmp_path_factory):
    """Path of a tiny untrained model, whose heads are zero: it merges what does not move."""
    path = tmp_path_factory.mktemp('models') / 'tiny.safetensors'
    torch.manual_seed(1)
    weights.save(FastFusion(FastConfig(channels=8, blocks=1)), path, {})
    return path


def header(stamp_ns):
    message = Header(frame_id='camera')
    message.stamp.sec, message.stamp.nanosec = divmod(stamp_ns, 10**9)
    return message


def image(pixels, stamp_ns, **changes):
    """An rgb8 or mono8 message, or one with any field spoiled."""
    fields = {
        'height': pixels.shape[0], 'width': pixels.shape[1], 'step': pixels[0].nbytes,
        'encoding': 'mono8' if pixels.ndim == 2 else 'rgb8', 'data': pixels.tobytes(),
    }
    return Image(header=header(stamp_ns), **(fields | changes))


def metadata(exposure_time, counter, stamp_ns):
    """What camera_ros sends with an image."""
    controls = {'ExposureTime': round(exposure_time * 1e6), 'FrameCounter': counter}
    values = [KeyValue(key=key, value=str(value)) for key, value in controls.items()]
    return DiagnosticArray(header=header(stamp_ns), status=[DiagnosticStatus(values=values)])


def scene(exposure, size=SIZE, channels=3):
    """What an ideal camera sees of a still ramp."""
    y, x = np.mgrid[0:size[0], 0:size[1]] / max(size)
    truth = np.stack([0.02 + 0.9 * x, 0.05 + 0.4 * y, np.full_like(x, 0.2)], -1) / 4
    encoded = np.clip(truth * exposure / min(EXPOSURES), 0, 1) ** (1 / 2.2) * 255
    pixels = np.round(encoded).astype(np.uint8)
    return pixels if channels == 3 else np.ascontiguousarray(pixels[..., 0])


def mirrored(exposure, size=SIZE, channels=3):
    """What another camera sees."""
    return np.ascontiguousarray(scene(exposure, size, channels)[:, ::-1])


def array_of(message, dtype, channels=3):
    array = np.frombuffer(message.data, dtype).reshape(message.height, message.width, channels)
    return array[..., ::-1] if channels == 3 else array[..., 0]


def assert_fused_by_hand(hdr, frames, model):
    """A message's radiance is what the deghoster makes of the frames without any ROS.

    Gives all that it makes.
    """
    settings = DeghosterSettings(model=str(model), device='cpu', precision='float32')
    exposed = zip(frames, EXPOSURES, strict=True)
    by_hand = Deghoster(settings)(
        Bracket.of(Frame(pixels=pixels, exposure_time=time) for pixels, time in exposed))
    np.testing.assert_allclose(array_of(hdr, np.float32), by_hand.radiance, rtol=1e-4)
    return by_hand


class Bench:
    """The nodes under test, mostly one, and what they sent.

    What is about one of several cameras takes its namespace, such as '/front'.
    """

    def __init__(self, *nodes, views=VIEWS):
        self.nodes, self.node = nodes, nodes[0]
        self.peer = Node('peer')
        self.executor = SingleThreadedExecutor()
        for node in (*nodes, self.peer):
            self.executor.add_node(node)
        self.received = {}
        for node in nodes:
            for name, msgtype in views.items():
                self.listen(f'{node.get_fully_qualified_name()}/{name}', msgtype)
        self.listen('/diagnostics', DiagnosticArray)
        self._publishers = {}
        self._counters = Counter()

    def listen(self, topic, msgtype):
        self.received[topic] = []
        self.peer.create_subscription(msgtype, topic, self.received[topic].append, 10)

    def send(self, topic, message):
        key = topic, type(message)
        if key not in self._publishers:
            self._publishers[key] = self.peer.create_publisher(type(message), topic, 10)
        publisher = self._publishers[key]
        self.spin_until(publisher.get_subscription_count, f'a subscriber of {topic}')
        publisher.publish(message)

    def send_frame(self, message, exposure_time, camera=''):
        """An image and its metadata."""
        stamp = message.header.stamp
        stamp_ns = stamp.sec * 10**9 + stamp.nanosec
        self.send(f'{camera}/fuse_node/meta',
                  metadata(exposure_time, self._counters[camera], stamp_ns))
        self.send(f'{camera}{TOPIC}', message)
        self._counters[camera] += 1

    def send_bracket(self, start_ns, size=SIZE, channels=3, camera='', look=scene):
        """Three good frames, 10 ms apart; gives what was sent."""
        frames = [look(exposure, size, channels) for exposure in EXPOSURES]
        for i, (pixels, exposure) in enumerate(zip(frames, EXPOSURES, strict=True)):
            self.send_frame(image(pixels, start_ns + i * 10**7), exposure, camera)
        return frames

    def restart_camera(self):
        """Have its frame counter begin anew, as that of a bag that is played again."""
        self._counters.clear()

    def spin_until(self, condition, what, timeout=30.0):
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f'no {what} within {timeout} s'
            self.executor.spin_once(timeout_sec=0.05)

    def spin(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.executor.spin_once(timeout_sec=0.02)

    def next(self, topic):
        """The next message on a topic that has not been asked for yet."""
        self.spin_until(lambda: self.received[topic], topic)
        return self.received[topic].pop(0)

    def call(self, service, srv_type, request=None):
        """The answer of a service of the node."""
        client = self.peer.create_client(srv_type, f'/fuse_node/{service}')
        self.spin_until(client.service_is_ready, service)
        future = client.call_async(request or srv_type.Request())
        self.spin_until(future.done, f'answer of {service}')
        self.peer.destroy_client(client)
        return future.result()

    def counts(self, camera=''):
        """The newest diagnostics, as numbers where they are."""
        told, name = self.received['/diagnostics'], f'{camera}/fuse_node: fusion'
        told.clear()

        def news():
            return [array.status[0] for array in told if array.status[0].name == name]

        # The first may be older than the count of a picture that is here already.
        self.spin_until(lambda: len(news()) > 1, f'diagnostics of {name}')
        status = news()[1]
        return {v.key: v.value for v in status.values} | {
            'level': status.level, 'message': status.message}

    def settle(self):
        """Wait until the node knows who listens, so that nothing is published to nobody."""
        for outputs in (node._fusion.outputs for node in self.nodes):
            publishers = [outputs._camera_info, *(matched for matched, _ in outputs._results)]
            for matched in publishers:
                topic = matched.publisher.topic_name
                if topic in self.received:
                    self.spin_until(lambda matched=matched: matched, f'a viewer of {topic}')

    def close(self):
        self.executor.shutdown()
        for node in (*self.nodes, self.peer):
            node.destroy_node()


DEFAULTS = {
    'device': 'cpu', 'threads': 1, 'diagnostics_period': 0.2,
    'image_topics': [TOPIC], 'exposure_source': 'camera_ros', 'precision': 'float32',
    'exposure_times': list(EXPOSURES),
}


def started(start=True, views=VIEWS, **parameters):
    """A bench; by default the node is active and reads exposures from ~/meta."""
    overrides = [Parameter(name, value=value)
                 for name, value in (DEFAULTS | parameters).items()]
    bench = Bench(FuseNode(parameter_overrides=overrides), views=views)
    if start:
        bench.node.start()
        bench.settle()
    return bench


@pytest.fixture
def bench_with(ros, model):
    """Makes benches."""
    benches = []

    def make(start=True, **options):
        benches.append(started(start, **({'model': str(model)} | options)))
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


@pytest.fixture
def bench(bench_with):
    return bench_with()


@pytest.fixture
def inputs_with(ros):
    """Makes inputs with a camera, and nothing behind them."""
    from .input_bench import InputBench  # noqa: PLC0415  (which needs what stands above)

    benches = []

    def make(**settings):
        benches.append(InputBench(**settings))
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()

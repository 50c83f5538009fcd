# SPDX-License-Identifier: Apache-2.0
"""The node's inputs alone, and a camera: messages in, brackets out, without the fusion."""

import time

import numpy as np
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState

from ddfnet_ros.node.diagnostics import Statistics
from ddfnet_ros.node.inputs import Inputs
from ddfnet_ros.settings import NodeSettings

from .conftest import EXPOSURES, header, image

TOPIC, META = '/camera/image_raw', '/fuse_node/meta'
RGB = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)


class InputBench:
    """Inputs that are subscribed, and a camera."""

    def __init__(self, **settings):
        self.delivered = []
        self.statistics = Statistics()
        self._nodes = Node('fuse_node'), Node('camera')
        self.node, self._camera = self._nodes
        settings = {'image_topics': (TOPIC,), 'exposure_times': EXPOSURES} | settings
        self.inputs = Inputs(self.node, NodeSettings(**settings), self.statistics,
                             self.delivered.append)
        self.inputs.subscribe()
        self._executor = SingleThreadedExecutor()
        for node in self._nodes:
            self._executor.add_node(node)
        self._publishers = {}

    def publish(self, topic, message):
        """Send a message; it is not taken yet."""
        if topic not in self._publishers:
            self._publishers[topic] = self._camera.create_publisher(type(message), topic, 100)
        publisher = self._publishers[topic]
        self.spin_until(publisher.get_subscription_count, f'a subscriber of {topic}')
        publisher.publish(message)

    def send(self, topic, message):
        """Send a message, and have it taken."""
        self.publish(topic, message)
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
        self.spin_until(lambda: self.delivered, 'bracket')
        return self.delivered.pop(0)

    @property
    def drops(self):
        """Drops by reason, of frames and of messages."""
        return dict(self.statistics.snapshot(self.inputs.dropped).dropped)

    def close(self):
        self.inputs.unsubscribe()
        self._executor.shutdown()
        for node in self._nodes:
            node.destroy_node()

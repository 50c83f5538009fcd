# SPDX-License-Identifier: Apache-2.0
"""What `ddfnet bag` makes of a recording is what the node made of the same messages."""

import time

import numpy as np
from rclpy.serialization import serialize_message

from ddfnet_ros.bags import BagReader, BagWriter, Message
from ddfnet_ros.bags.fusing import BagJob, fuse_bag
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.settings import NodeSettings

from .conftest import EXPOSURES, image, scene

START = 1_700_000_000_000_000_000
TOPIC = '/camera/image_raw'


def recorded(bench, path, do):
    """Records all that is sent to the node meanwhile."""
    send, writer = bench.send, BagWriter(path)

    def send_and_write(topic, message):
        package, kind = type(message).__module__.partition('.')[0], type(message).__name__
        writer.write_cdr(Message(topic, f'{package}/msg/{kind}', time.time_ns(),
                                 serialize_message(message)))
        send(topic, message)

    bench.send = send_and_write
    with writer:
        do()


def test_node_and_command_line_agree_on_every_byte(bench, model, tmp_path):
    recorded(bench, tmp_path / 'in.mcap', lambda: bench.send_bracket(START))
    online = {name: bench.next(f'/fuse_node/{name}') for name in ('hdr', 'image')}
    settings = NodeSettings(
        model=str(model), device='cpu', threads=1, precision='float32', image_topics=(TOPIC,),
        exposure_source='camera_ros', exposure_times=(0.001, 0.004, 0.016))
    fuse_bag(BagJob(source=tmp_path / 'in.mcap', target=tmp_path / 'out.mcap', settings=settings),
             Deghoster(settings))
    with BagReader(tmp_path / 'out.mcap') as bag:
        for name, live in online.items():
            (message,) = bag.messages([f'/fuse_node/{name}'])
            offline = bag.deserialise(message)
            assert (offline.encoding, offline.step) == (live.encoding, live.step)
            assert offline.header.stamp.nanosec == live.header.stamp.nanosec
            assert offline.header.frame_id == live.header.frame_id
            np.testing.assert_array_equal(offline.data, np.frombuffer(live.data, np.uint8))


def test_node_and_command_line_agree_on_windows_that_slide(bench_with, model, tmp_path):
    bench = bench_with(window='sliding', reference='latest')
    online = []

    def shoot():
        for k in range(6):
            exposure, stamp_ns = EXPOSURES[k % 3], START + k * 10**7
            bench.send_frame(image(scene(exposure), stamp_ns), exposure)
            if k >= 2:
                online.append(bench.next('/fuse_node/hdr'))

    recorded(bench, tmp_path / 'in.mcap', shoot)
    settings = NodeSettings(
        model=str(model), device='cpu', threads=1, precision='float32', image_topics=(TOPIC,),
        exposure_source='camera_ros', exposure_times=EXPOSURES, window='sliding',
        reference='latest')
    fuse_bag(BagJob(source=tmp_path / 'in.mcap', target=tmp_path / 'out.mcap', settings=settings),
             Deghoster(settings))
    with BagReader(tmp_path / 'out.mcap') as bag:
        offline = [bag.deserialise(message) for message in bag.messages(['/fuse_node/hdr'])]
        assert [m.header.stamp.nanosec for m in offline] == [
            m.header.stamp.nanosec for m in online]
        for fused, live in zip(offline, online, strict=True):
            np.testing.assert_array_equal(fused.data, np.frombuffer(live.data, np.uint8))

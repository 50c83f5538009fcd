# SPDX-License-Identifier: Apache-2.0
"""Small recordings of every kind, and a fusion that takes no time."""

import sqlite3
from dataclasses import dataclass, replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

START = 1_700_000_000_000_000_000
EXPOSURES = (0.001, 0.004, 0.016)
ODD = 'odd_msgs/msg/Odd'


@dataclass(frozen=True)
class Recording:
    """What a camera is recorded to have done; see `write`."""

    frames: int = 12
    exposures: tuple = EXPOSURES
    interval_ns: int = 33_000_000
    topics: tuple = ('/cam/image_raw',)  # one, or one per exposure
    compressed: bool = False
    metadata: object = True  # False: none; 'each': on a topic beside each image topic
    pause_ns: int = 0  # after each turn
    odd: bool = False  # a topic of a type that nobody knows
    info: object = True  # of the first frame of each turn; 'each': of every frame
    shot: object = None  # gives (H, W, 3) for a turn and an exposure
    lost: tuple = ()

    def pixels(self, turn, exposure):
        if self.shot:
            return self.shot(turn, exposure)
        y, x = np.mgrid[0:32, 0:48] / 48
        scene = np.stack([0.01 + 0.2 * x, 0.02 + 0.1 * y, 0.03 + 0 * x], -1) / 4
        ldr = np.clip(scene * exposure / 0.001, 0, 1) ** (1 / 2.2)
        return np.round(255 * ldr).astype(np.uint8)

    def messages(self, types):
        """(topic, message, stamp) in order."""
        size = len(self.exposures)
        make = Maker(types)
        for k in range(self.frames):
            turn, place = divmod(k, size)
            stamp = START + k * self.interval_ns + turn * self.pause_ns
            topic = self.topics[place if len(self.topics) > 1 else 0]
            name = topic + ('/compressed' if self.compressed else '')
            if self.info == 'each' or (self.info and place == 0):
                yield '/cam/camera_info', make.info(stamp, k), stamp - 1000
            if k not in self.lost:
                pixels = self.pixels(turn, self.exposures[place])
                yield name, make.image(pixels, stamp, self.compressed), stamp
            if self.metadata:
                meta = topic.rpartition('/')[0] if self.metadata == 'each' else '/cam'
                yield f'{meta}/meta', make.metadata(self.exposures[place], k, stamp), stamp + 1000
            if self.odd:
                yield '/odd', make('odd_msgs/msg/Odd', number=k), stamp + 2000


class Maker:
    """Messages of one type store."""

    def __init__(self, types):
        self.types = types

    def __call__(self, msgtype, **fields):
        kind = self.types.types[msgtype]
        if 'seq' in kind.__dataclass_fields__:
            fields['seq'] = 0
        return kind(**fields)

    def header(self, stamp):
        time = self('builtin_interfaces/msg/Time', sec=stamp // 10**9, nanosec=stamp % 10**9)
        return self('std_msgs/msg/Header', stamp=time, frame_id='camera')

    def image(self, pixels, stamp, compressed):
        if compressed:
            data = cv2.imencode('.png', pixels[..., ::-1])[1].ravel()
            return self('sensor_msgs/msg/CompressedImage', header=self.header(stamp),
                        format='rgb8; png compressed bgr8', data=data)
        return self('sensor_msgs/msg/Image', header=self.header(stamp), height=pixels.shape[0],
                    width=pixels.shape[1], encoding='rgb8', is_bigendian=0,
                    step=pixels.strides[0], data=pixels.ravel())

    def metadata(self, exposure, counter, stamp):
        controls = {'ExposureTime': round(exposure * 1e6), 'FrameCounter': counter}
        values = [self('diagnostic_msgs/msg/KeyValue', key=k, value=str(v))
                  for k, v in controls.items()]
        status = self('diagnostic_msgs/msg/DiagnosticStatus', level=0, name='', message='',
                      hardware_id='', values=values)
        return self('diagnostic_msgs/msg/DiagnosticArray', header=self.header(stamp),
                    status=[status])

    def info(self, stamp, binning=0):
        region = self('sensor_msgs/msg/RegionOfInterest', x_offset=0, y_offset=0, height=0,
                      width=0, do_rectify=False)
        numbers = {'d': 5, 'k': 9, 'r': 9, 'p': 12}
        if 'D' in self.types.types['sensor_msgs/msg/CameraInfo'].__dataclass_fields__:
            numbers = {name.upper(): n for name, n in numbers.items()}
        return self('sensor_msgs/msg/CameraInfo', header=self.header(stamp), height=32, width=48,
                    distortion_model='plumb_bob', binning_x=binning, binning_y=0, roi=region,
                    **{name: np.arange(n, dtype=np.float64) for name, n in numbers.items()})


def pour(messages, bag, types, serialised):
    """Write (topic, message, stamp) into an open writer of rosbags, by a function of its types."""
    known = {}
    for topic, message, stamp in messages:
        kind = message.__msgtype__
        if topic not in known:
            known[topic] = bag.add_connection(topic, kind, typestore=types)
        bag.write(known[topic], stamp, serialised(message, kind))


def _ros2(path, recording, plugin):
    types = get_typestore(Stores.ROS2_JAZZY)
    types.register(get_types_from_msg('int32 number', ODD))
    with Writer(path, version=9, storage_plugin=plugin) as bag:
        pour(recording.messages(types), bag, types, types.serialize_cdr)


def _ros1(path, recording):
    types = get_typestore(Stores.ROS1_NOETIC)
    types.register(get_types_from_msg('int32 number', ODD))
    with Ros1Writer(path) as bag:
        pour(recording.messages(types), bag, types, types.serialize_ros1)


@pytest.fixture
def record(tmp_path):
    """Writes a recording; gives the path of its bag."""
    def write(kind='mcap', name='street', **changes):
        recording = replace(Recording(), **changes)
        if kind == 'ros1':
            path = tmp_path / f'{name}.bag'
            _ros1(path, recording)
            return path
        folder = tmp_path / name
        _ros2(folder, recording,
              StoragePlugin.MCAP if kind == 'mcap' else StoragePlugin.SQLITE3)
        return folder if kind == 'folder' else folder / f'{name}.{kind}'

    return write


@pytest.fixture
def humble(record):
    """A .db3 as Humble writes it, without definitions, with a topic of a type unknown here."""
    path = record('db3', name='humble', odd=True)
    with sqlite3.connect(path) as database:
        database.execute('DELETE FROM message_definitions')
        database.execute('UPDATE schema SET schema_version = 3')
        database.execute("UPDATE topics SET type = 'flir_camera_msgs/msg/ImageMetaData' "
                         "WHERE name = '/odd'")
    return path


@pytest.fixture
def fuse():
    """Gives the reference frame for the fused one, and remembers what it was asked."""
    def call(bracket):
        call.seen.append(bracket.reference.stamp_ns)
        pixels = bracket.reference.pixels
        return SimpleNamespace(bracket=bracket, way='whole', image=pixels,
                               radiance=pixels.astype(np.float32) / 255)

    call.seen = []
    return call

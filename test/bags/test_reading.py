# SPDX-License-Identifier: Apache-2.0
import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.enums import CompressionFormat, CompressionMode
from rosbags.typesys import Stores, get_typestore

from ddfnet_ros.bags import TYPES, BagError, BagReader, BagWriter, Message
from ddfnet_ros.bags.brackets import BracketFinder
from ddfnet_ros.settings import NodeSettings

from .conftest import pour

IMAGE, META = '/camera/image_raw/compressed', '/camera/meta'
START = 1_700_000_000_000_000_000
EXPOSURES_US = (1000, 4000, 16000)
SETTINGS = NodeSettings(image_topics=(IMAGE,), exposure_source='camera_ros',
                        exposure_times=tuple(us * 1e-6 for us in EXPOSURES_US))


def header(types, stamp_ns, sequence=0):
    stamp = types.types['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 10**9))
    kind = types.types['std_msgs/msg/Header']
    return kind(stamp=stamp, frame_id='camera', **(
        {'seq': sequence} if 'seq' in kind.__dataclass_fields__ else {}))


def picture(k):
    return np.full((8, 12, 3), (10 * k + 5, 100, 200), np.uint8)


def messages(types, count=3, exposures_us=EXPOSURES_US, gain='2.0'):
    """(topic, message, stamp) of `count` frames, each before its metadata."""
    for k in range(count):
        stamp = START + k * 10_000_000
        png = np.frombuffer(cv2.imencode('.png', picture(k)[..., ::-1])[1].tobytes(), np.uint8)
        yield IMAGE, types.types['sensor_msgs/msg/CompressedImage'](
            header(types, stamp, k), 'bgr8; png compressed bgr8', png), stamp
        values = {'ExposureTime': str(exposures_us[k % 3]), 'AnalogueGain': gain,
                  'FrameCounter': str(40 + k)}
        pair = types.types['diagnostic_msgs/msg/KeyValue']
        status = types.types['diagnostic_msgs/msg/DiagnosticStatus'](
            0, 'camera', '', '', [pair(*item) for item in values.items()])
        yield META, types.types['diagnostic_msgs/msg/DiagnosticArray'](
            header(types, stamp, k), [status]), stamp + 1000


def mcap(folder, **options):
    path = folder / 'street.mcap'
    with BagWriter(path) as bag:
        for message in messages(TYPES, **options):
            bag.write(*message)
    return path


def rosbag2_folder(folder, plugin, packed=False):
    writer = Writer(folder / 'bag', version=8, storage_plugin=plugin)
    if packed:
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    with writer as bag:
        pour(messages(TYPES), bag, TYPES, TYPES.serialize_cdr)
    return folder / 'bag'


def ros1(folder):
    types, path = get_typestore(Stores.ROS1_NOETIC), folder / 'street.bag'
    with Ros1Writer(path) as bag:
        pour(messages(types), bag, types, types.serialize_ros1)
    return path


BAGS = {
    'mcap': mcap,
    'mcap folder': lambda folder: rosbag2_folder(folder, StoragePlugin.MCAP),
    'sqlite3': lambda folder: rosbag2_folder(folder, StoragePlugin.SQLITE3),
    'mcap zstd': lambda folder: rosbag2_folder(folder, StoragePlugin.MCAP, packed=True),
    'sqlite3 file': lambda folder: rosbag2_folder(folder, StoragePlugin.SQLITE3) / 'bag.db3',
    'ros1': ros1,
}


@pytest.mark.parametrize('kind', BAGS)
def test_every_kind_of_bag_gives_the_same_frames(kind, tmp_path):
    with BagReader(BAGS[kind](tmp_path)) as bag:
        (found,) = BracketFinder(Path(kind), bag, SETTINGS).find()
        frames = found.bracket.frames
    assert [f.stamp_ns - START for f in frames] == [0, 10_000_000, 20_000_000]
    assert [f.exposure_time for f in frames] == pytest.approx([0.001, 0.004, 0.016])
    assert {f.gain for f in frames} == {2.0}
    assert [f.sequence_id for f in frames] == [40, 41, 42]
    assert {f.frame_id for f in frames} == {'camera'}
    for k, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.pixels, picture(k))


@pytest.mark.parametrize('kind', BAGS)
def test_every_kind_of_bag_gives_the_same_ros_2_messages(kind, tmp_path):
    with BagReader(BAGS[kind](tmp_path)) as bag:
        assert bag.image_topics == (IMAGE,)
        found = list(bag.messages())
    for (topic, expected, stamp), message in zip(messages(TYPES), found, strict=True):
        assert (message.topic, message.stamp_ns) == (topic, stamp)
        assert message.msgtype == expected.__msgtype__
        read = TYPES.deserialize_cdr(message.cdr, message.msgtype)
        assert TYPES.serialize_cdr(read, message.msgtype) == TYPES.serialize_cdr(
            expected, message.msgtype)


def test_messages_of_one_topic_leave_the_others_out(tmp_path):
    with BagReader(mcap(tmp_path)) as bag:
        assert {m.topic for m in bag.messages([META])} == {META}


def test_messages_are_counted_without_reading_them(tmp_path):
    with BagReader(mcap(tmp_path)) as bag:
        assert bag.count([META]) == 3
        assert bag.count() == 6


def test_wire_messages_are_copied_byte_for_byte(tmp_path):
    with BagReader(mcap(tmp_path)) as bag, BagWriter(tmp_path / 'b.mcap') as copy:
        before = list(bag.messages())
        for message in before:
            copy.write_cdr(message)
    with BagReader(tmp_path / 'b.mcap') as bag:
        assert [bytes(m.cdr) for m in bag.messages()] == [bytes(m.cdr) for m in before]


def test_bag_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BagError, match='no such file'), BagReader(tmp_path / 'none.mcap'):
        pass


@pytest.mark.parametrize('kept', [0, 5, 8, 30, 60, 200, -1, -40, -400])
def test_truncated_mcap_is_one_clear_line(kept, tmp_path):
    path = mcap(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BagError) as caught, BagReader(path) as bag:
        list(bag.messages())
    assert str(path) in str(caught.value)
    assert 'expected a complete' in str(caught.value)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('suffix', ['.mcap', '.db3', '.bag'])
def test_file_that_is_no_bag_is_one_clear_line(suffix, tmp_path):
    path = tmp_path / f'notes{suffix}'
    path.write_text('these are notes, and long enough to hold a footer of 37 bytes')
    with pytest.raises(BagError, match='expected a complete'), BagReader(path):
        pass


def test_folder_without_metadata_is_refused(tmp_path):
    with pytest.raises(BagError, match='metadata'), BagReader(tmp_path):
        pass


def test_topic_that_is_not_there_is_named_beside_those_that_are(tmp_path):
    with BagReader(mcap(tmp_path)) as bag, pytest.raises(
            BagError, match=f'expected topic /left, got {IMAGE}'):
        list(bag.messages(['/left']))


@pytest.mark.parametrize(('options', 'words'), [
    ({'exposures_us': (0, 0, 0)}, 'ExposureTime: expected a positive number'),
    ({'gain': 'high'}, "AnalogueGain: expected a number, got 'high'"),
    ({'gain': 'nan'}, 'AnalogueGain'),
])
def test_impossible_metadata_is_named(options, words, tmp_path):
    with BagReader(mcap(tmp_path, **options)) as bag:
        finder = BracketFinder(Path('street.mcap'), bag, SETTINGS)
        assert list(finder.find()) == []
    assert words in finder.complaints[META]


def test_image_that_does_not_decode_is_named(tmp_path):
    path = tmp_path / 'broken.mcap'
    _, message, stamp = next(messages(TYPES))
    message.data = message.data[:20]
    with BagWriter(path) as bag:
        bag.write(IMAGE, message, stamp)
    with BagReader(path) as bag:
        settings = dataclasses.replace(SETTINGS, exposure_source='parameters')
        finder = BracketFinder(path, bag, settings)
        assert list(finder.find()) == []
    assert 'expected' in finder.complaints[IMAGE]


def test_failed_recording_leaves_the_older_one_alone(tmp_path):
    path = mcap(tmp_path)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), BagWriter(path):
        raise KeyboardInterrupt
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_unknown_message_types_are_refused(tmp_path):
    odd = Message('/odd', 'odd_msgs/msg/Odd', 0, b'')
    with pytest.raises(BagError, match='odd_msgs'), BagWriter(tmp_path / 'odd.mcap') as bag:
        bag.write_cdr(odd)


def test_recording_needs_the_name_of_an_mcap(tmp_path):
    with pytest.raises(BagError, match=r'ends in \.mcap'):
        BagWriter(Path(tmp_path) / 'street.bag')

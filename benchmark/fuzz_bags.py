# SPDX-License-Identifier: Apache-2.0
"""Minimal bags with an image and its metadata, as seeds of the fuzzer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

_STAMP_NS = 10**9
_STORAGE = {'mcap': StoragePlugin.MCAP, 'db3': StoragePlugin.SQLITE3}


def bag_of(suffix: str, folder: Path) -> bytes:
    """Bytes of a small bag.

    Args:
        suffix: 'mcap', 'db3' or 'bag'.
        folder: Folder for temporary files.
    """
    if suffix == 'bag':
        path, types = folder / 'seed.bag', get_typestore(Stores.ROS1_NOETIC)
        with Ros1Writer(path) as bag:
            _write(bag, types, types.serialize_ros1)
        return path.read_bytes()
    types = get_typestore(Stores.ROS2_JAZZY)
    with Writer(folder / suffix, version=9, storage_plugin=_STORAGE[suffix]) as bag:
        _write(bag, types, types.serialize_cdr)
    return (folder / suffix / f'{suffix}.{suffix}').read_bytes()


def _write(bag: Any, types: Typestore, serialise: Any) -> None:
    for topic, message in _make_messages(types):
        kind = message.__msgtype__
        connection = bag.add_connection(topic, kind, typestore=types)
        bag.write(connection, _STAMP_NS, serialise(message, kind))


def _make_messages(types: Typestore) -> Iterator[tuple[str, Any]]:
    def make(msgtype: str, **fields: Any) -> Any:
        kind = types.types[msgtype]
        extra = {'seq': 0} if 'seq' in kind.__dataclass_fields__ else {}
        return kind(**fields, **extra)

    stamp = make('builtin_interfaces/msg/Time', sec=1, nanosec=0)
    header = make('std_msgs/msg/Header', stamp=stamp, frame_id='camera')
    yield '/image', make(
        'sensor_msgs/msg/Image', header=header, height=2, width=3, encoding='mono8',
        is_bigendian=0, step=3, data=np.arange(6, dtype=np.uint8))
    value = make('diagnostic_msgs/msg/KeyValue', key='ExposureTime', value='4000')
    status = make('diagnostic_msgs/msg/DiagnosticStatus', level=0, name='', message='',
                  hardware_id='', values=[value])
    yield '/meta', make('diagnostic_msgs/msg/DiagnosticArray', header=header, status=[status])

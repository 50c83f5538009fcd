# SPDX-License-Identifier: Apache-2.0
"""BagWriter: write one .mcap file that `ros2 bag play` can read."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import TypesysError

from ddfnet_ros.bags.reading import BagError, Message
from ddfnet_ros.bags.types import TYPES, Topic
from ddfnet_ros.whole_files import behind_links, put_in_place


class BagWriter:
    """Context manager that writes one .mcap file, replacing an older one only when complete."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._connections: dict[tuple[str, str], Connection] = {}
        if self._path.suffix != '.mcap':
            raise BagError(f'{self._path}: expected a name that ends in .mcap; choose another')

    def __enter__(self) -> BagWriter:
        folder = behind_links(self._path).parent
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(dir=folder, prefix='.bag-')
        # rosbags writes a folder with the file and metadata.yaml; only the file is needed.
        self._writer = Writer(Path(self._folder.name) / 'bag', version=9,
                              storage_plugin=StoragePlugin.MCAP)
        self._writer.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        with self._folder:
            self._writer.__exit__(kind, error, trace)
            if kind is None:
                put_in_place(Path(self._folder.name) / 'bag' / 'bag.mcap', self._path)

    def declare(self, topic: Topic) -> None:
        """Add a topic of another bag with its type and QoS; the type may be of any package.

        Topics of common types need no declaration.
        """
        self._connections[topic.name, topic.msgtype] = self._writer.add_connection(
            topic.name, topic.msgtype, msgdef=topic.definition, rihs01=topic.digest,
            offered_qos_profiles=topic.qos)

    def write(self, topic: str, message: Any, stamp_ns: int) -> None:
        """Write a message object of `TYPES` with recording time `stamp_ns`."""
        msgtype = message.__msgtype__
        self.write_cdr(Message(topic, msgtype, stamp_ns, TYPES.serialize_cdr(message, msgtype)))

    def write_cdr(self, message: Message) -> None:
        """Write a serialised message.

        Raises:
            BagError: its type is not a common ROS 2 type, and the topic was not declared.
        """
        key = message.topic, message.msgtype
        if key not in self._connections:
            try:
                self._connections[key] = self._writer.add_connection(*key, typestore=TYPES)
            except (TypesysError, LookupError) as error:
                raise BagError(f'{message.topic}: expected a common message type, got '
                               f'{message.msgtype}; leave the topic out') from error
        self._writer.write(self._connections[key], message.stamp_ns, message.cdr)

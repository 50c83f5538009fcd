# SPDX-License-Identifier: Apache-2.0
"""Topics of bags and their message types; the differences between ROS 1 and ROS 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag1,
    MessageDefinition,
    MessageDefinitionFormat,
    Nodetype,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

TYPES = get_typestore(Stores.ROS2_JAZZY)

_NO_HASH = f'RIHS01_{"0" * 64}'
_FOREVER = QosTime(2**31 - 1, 2**32 - 1)
_LATCHED = Qos(QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL,
               _FOREVER, _FOREVER, QosLiveliness.AUTOMATIC, _FOREVER, False)


@dataclass(frozen=True)
class Topic:
    """What a bag tells about one topic: all that is needed to copy it to another bag.

    Attributes:
        name: Topic name with its leading slash.
        msgtype: Message type as `package/msg/Name`.
        count: Number of messages.
        definition: Definition of the message type as .msg text; '' if the bag has none.
        digest: REP-2011 hash of the type; zeros if the bag has none.
        qos: QoS that the publishers offered; the equivalent QoS for a latched topic of ROS 1.
    """

    name: str
    msgtype: str
    count: int
    definition: str
    digest: str
    qos: tuple[Qos, ...]


class BagTypes:
    """The message types of one bag in their ROS 2 form."""

    def __init__(self, types: Typestore, is_ros2: bool) -> None:
        """Take the types that the bag defines."""
        self._is_ros2 = is_ros2
        self.ros2 = types if is_ros2 else _without_sequence_numbers(types)

    def store_for(self, msgtype: str) -> Typestore:
        """Return the type store that defines a type: the bag's, else ROS 2's.

        A type of ROS 1 that differs from ROS 2's only in field names is taken from ROS 2.
        """
        if msgtype not in self.ros2.fielddefs or (
                not self._is_ros2 and _same_layout(self.ros2, TYPES, msgtype)):
            return TYPES
        return self.ros2

    def topic(self, name: str, msgtype: str, connections: Sequence[Connection]) -> Topic:
        """Describe the topic that has these connections."""
        definition, digest = '', next((c.digest for c in connections if c.digest), '')
        types = self.store_for(msgtype)
        if msgtype in types.fielddefs:
            definition, _ = types.generate_msgdef(msgtype, ros_version=2)
            digest = types.hash_rihs01(msgtype)
        if not digest.startswith('RIHS01_'):
            digest = _NO_HASH  # an MD5 sum of ROS 1, or nothing
        return Topic(name, msgtype, sum(c.msgcount for c in connections), definition, digest,
                     tuple(dict.fromkeys(qos for c in connections for qos in offered_qos(c))))


def drop_empty_definition(connection: Connection) -> Connection:
    """Return a connection without definition and hash if its definition is empty.

    Recorders write an empty definition and a hash of zeros for types that they do not know. A
    type that really has no fields has a hash, except in .mcap files, which store none; there it
    counts as unknown.
    """
    if connection.msgdef.data.strip() or connection.digest not in ('', _NO_HASH):
        return connection
    return connection._replace(
        msgdef=MessageDefinition(MessageDefinitionFormat.NONE, ''), digest='')


def _without_sequence_numbers(types: Typestore) -> Typestore:
    """The types of a ROS 1 bag, but with ROS 2's Header, which has no sequence number."""
    header = 'std_msgs/msg/Header'
    ros2 = get_typestore(Stores.EMPTY)
    ros2.register({**types.fielddefs, header: TYPES.fielddefs[header]})
    return ros2


def _same_layout(own: Typestore, other: Typestore, msgtype: str) -> bool:
    """Whether a type has the same field types in both stores; names may differ."""
    if msgtype not in other.fielddefs:
        return False
    fields, others = (store.fielddefs[msgtype][1] for store in (own, other))
    if [kind for _, kind in fields] != [kind for _, kind in others]:
        return False
    return all(_same_layout(own, other, name) for _, kind in fields
               if (name := _nested(kind)) is not None)


def has_fields(own: Typestore, msgtype: str) -> bool:
    """Whether a type has all fields of ROS 2's type, with the same types."""
    fields = dict(own.fielddefs[msgtype][1]) if msgtype in own.fielddefs else {}
    return all(
        fields.get(name) == kind and ((nested := _nested(kind)) is None or has_fields(own, nested))
        for name, kind in TYPES.fielddefs[msgtype][1])


def _nested(kind: Any) -> str | None:
    """The message type of a field or of its elements; None for numbers and strings."""
    node, detail = kind
    if node in (Nodetype.ARRAY, Nodetype.SEQUENCE):
        node, detail = detail[0]
    return str(detail) if node == Nodetype.NAME else None


def offered_qos(connection: Connection) -> list[Qos]:
    """QoS that the publishers offered; the equivalent QoS for a latched topic of ROS 1."""
    if isinstance(connection.ext, ConnectionExtRosbag1):
        return [_LATCHED] if connection.ext.latching else []
    return connection.ext.offered_qos_profiles

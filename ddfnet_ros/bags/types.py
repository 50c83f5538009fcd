# SPDX-License-Identifier: Apache-2.0
"""Topics of bags and the types of their messages; what ROS 1 has otherwise than ROS 2."""

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
    """What a bag tells of one topic, and what another bag needs to hold it.

    Attributes:
        name: With its leading slash.
        msgtype: `package/msg/Name`.
        count: How many messages it has.
        definition: Of the message type, as .msg text; '' where the bag does not know it.
        digest: REP-2011 hash of the type; of zeros where the bag does not know it.
        qos: Offered by its publishers; for a latched topic of ROS 1 what amounts to that.
    """

    name: str
    msgtype: str
    count: int
    definition: str
    digest: str
    qos: tuple[Qos, ...]


class BagTypes:
    """The types of one bag, as ROS 2 has them."""

    def __init__(self, types: Typestore, is_ros2: bool) -> None:
        """Take the types that the bag defines."""
        self._is_ros2 = is_ros2
        self.ros2 = types if is_ros2 else _without_sequence_numbers(types)

    def of(self, msgtype: str) -> Typestore:
        """Where a type is defined: by the bag, or else as ROS 2 has it.

        Types of ROS 1 that ROS 2 has with other names for the same fields count as ROS 2's.
        """
        if msgtype not in self.ros2.fielddefs or (
                not self._is_ros2 and _same_layout(self.ros2, TYPES, msgtype)):
            return TYPES
        return self.ros2

    def topic(self, name: str, msgtype: str, connections: Sequence[Connection]) -> Topic:
        """What is known of a topic with these connections."""
        definition, digest = '', next((c.digest for c in connections if c.digest), '')
        types = self.of(msgtype)
        if msgtype in types.fielddefs:
            definition, _ = types.generate_msgdef(msgtype, ros_version=2)
            digest = types.hash_rihs01(msgtype)
        if not digest.startswith('RIHS01_'):
            digest = _NO_HASH  # an MD5 sum of ROS 1, or nothing
        return Topic(name, msgtype, sum(c.msgcount for c in connections), definition, digest,
                     tuple(dict.fromkeys(qos for c in connections for qos in offered_qos(c))))


def as_undefined(connection: Connection) -> Connection:
    """A connection without its definition and hash, where these are empty and of zeros.

    Bags have that of types which their recorder did not know. A type that really is without
    fields has a hash; .mcap files have none, and there it is one of those that nobody knows.
    """
    if connection.msgdef.data.strip() or connection.digest not in ('', _NO_HASH):
        return connection
    return connection._replace(
        msgdef=MessageDefinition(MessageDefinitionFormat.NONE, ''), digest='')


def _without_sequence_numbers(types: Typestore) -> Typestore:
    """The types of a bag with ROS 2's Header: ROS 1's has a sequence number in front."""
    header = 'std_msgs/msg/Header'
    ros2 = get_typestore(Stores.EMPTY)
    ros2.register({**types.fielddefs, header: TYPES.fielddefs[header]})
    return ros2


def _same_layout(own: Typestore, other: Typestore, msgtype: str) -> bool:
    """Whether a type has fields of the same types in both stores, whatever their names."""
    if msgtype not in other.fielddefs:
        return False
    fields, others = (store.fielddefs[msgtype][1] for store in (own, other))
    if [kind for _, kind in fields] != [kind for _, kind in others]:
        return False
    return all(_same_layout(own, other, name) for _, kind in fields
               if (name := _nested(kind)) is not None)


def has_fields(own: Typestore, msgtype: str) -> bool:
    """Whether a type has all fields that ROS 2 has in it, of the same types."""
    fields = dict(own.fielddefs[msgtype][1]) if msgtype in own.fielddefs else {}
    return all(
        fields.get(name) == kind and ((nested := _nested(kind)) is None or has_fields(own, nested))
        for name, kind in TYPES.fielddefs[msgtype][1])


def _nested(kind: Any) -> str | None:
    """The message type that a field has, or its elements have; None for numbers and strings."""
    node, detail = kind
    if node in (Nodetype.ARRAY, Nodetype.SEQUENCE):
        node, detail = detail[0]
    return str(detail) if node == Nodetype.NAME else None


def offered_qos(connection: Connection) -> list[Qos]:
    """What the publishers of a topic offered; for a latched one of ROS 1 what amounts to that."""
    if isinstance(connection.ext, ConnectionExtRosbag1):
        return [_LATCHED] if connection.ext.latching else []
    return connection.ext.offered_qos_profiles

# SPDX-License-Identifier: Apache-2.0
"""Topics that parameters name, by their full names."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.node import Node

from ddfnet_ros.node.usage import said_by_ros


def full_names(node: Node, parameter: str, topics: Sequence[str]) -> list[str]:
    """Topics with namespace, substitutions and remappings of a node.

    Args:
        node: Whose topics they are.
        parameter: That names them.
        topics: As it names them.

    Raises:
        ValueError: ROS allows no topic of such a name.
    """
    return [_full_name(node, parameter, topic) for topic in topics]


def _full_name(node: Node, parameter: str, topic: str) -> str:
    try:
        return str(node.resolve_topic_name(topic))
    except RuntimeError as error:
        why = said_by_ros(error).removeprefix('failed to resolve name: ')
        raise ValueError(f'{parameter}: expected names of topics, got {topic!r} ({why}); correct '
                         f'{parameter}') from error

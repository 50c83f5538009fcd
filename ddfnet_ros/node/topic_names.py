# SPDX-License-Identifier: Apache-2.0
"""Resolves topic names given in parameters."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.node import Node

from ddfnet_ros.node.usage import ros_error_text


def full_names(node: Node, parameter: str, topics: Sequence[str]) -> list[str]:
    """Resolve topic names by namespace, substitutions and remappings of a node.

    Args:
        node: Node that uses the topics.
        parameter: Parameter that names them, for the error message.
        topics: Names as given in the parameter.

    Raises:
        ValueError: a name that ROS does not allow.
    """
    return [_full_name(node, parameter, topic) for topic in topics]


def _full_name(node: Node, parameter: str, topic: str) -> str:
    try:
        return str(node.resolve_topic_name(topic))
    except RuntimeError as error:
        why = ros_error_text(error).removeprefix('failed to resolve name: ')
        raise ValueError(f'{parameter}: expected names of topics, got {topic!r} ({why}); correct '
                         f'{parameter}') from error

# SPDX-License-Identifier: Apache-2.0
"""Several cameras in one process: a node for each, but one model and one thread that fuses.

    fuse_cameras front left --ros-args -p image_topics:='[/sensing/{camera}/image_raw]'

In ROS arguments `{camera}` becomes the name of the camera. Its node is `/front/fuse_node`, or lies
where `-r __ns:='/sensing/{camera}'` says.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import rclpy
from rclpy.exceptions import NameValidationException
from rclpy.executors import SingleThreadedExecutor
from rclpy.logging import get_logger

from ddfnet_ros.node import usage
from ddfnet_ros.node.diagnostics import one_line
from ddfnet_ros.node.fuse_node import FuseNode
from ddfnet_ros.node.models import SharedRuntime
from ddfnet_ros.node.process import quiet_end, ros_process

CAMERA = '{camera}'
_NAME = 'fuse_cameras'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cameras until interrupted; 2 where the arguments of one or more are no good.

    Raises:
        Exception: what ended one of the cameras, and with it all of them.
    """
    if usage.print_help_if_asked(arguments, 'fuse_cameras CAMERA...', __doc__):
        return 0
    words = list(sys.argv if arguments is None else arguments)
    common = _common(words)
    try:
        names = _names(common)
    except ValueError as error:
        print(f'{_NAME}: {error}', file=sys.stderr)
        return 2
    with ros_process(common):
        nodes = list(camera_nodes(names, words))
        # A thread for each: while one configures or decodes, the others take their images.
        with ThreadPoolExecutor(len(names), 'camera') as threads:
            lives = [threads.submit(_live, node) for node in nodes]
    for life in lives:
        life.result()
    return 0 if len(nodes) == len(names) else 2


def camera_nodes(names: Sequence[str], words: Sequence[str]) -> Iterator[FuseNode]:
    """A node for each camera; of one whose arguments are no good, only a line in the log.

    Args:
        names: Of the cameras.
        words: The command line, with the program.
    """
    runtime = SharedRuntime()
    taken: dict[str, str] = {}
    for name in names:
        try:
            node = FuseNode(
                runtime, namespace=name, use_global_arguments=False,
                cli_args=[word.replace(CAMERA, name) for word in words])
        except (ValueError, RuntimeError, NameValidationException) as error:  # parameters, files
            get_logger(_NAME).fatal(f'{name}: {usage.about_ros_arguments(error)}')
            continue
        if (other := taken.setdefault(node.get_fully_qualified_name(), name)) != name:
            get_logger(_NAME).fatal(f'{name}: expected a namespace of its own, got that of '
                                    f'{other}; put {CAMERA} into __ns')
            node.destroy_node()
            continue
        yield node
    gc.collect()  # until then, rclpy keeps the services of those that were refused


def _names(common: list[str]) -> list[str]:
    names = [name for word in usage.own_words(common) for name in word.split(',') if name]
    if options := [name for name in names if name.startswith('-')]:
        raise ValueError(f'expected --ros-args behind the names of cameras, got {options[0]}; put '
                         f'--ros-args before {options[0]}')
    if not names or len(set(names)) < len(names):
        raise ValueError('expected different names of cameras, such as front left, got '
                         f'{" ".join(names) or "none"}')
    return names


def _common(words: list[str]) -> list[str]:
    """The command line without what is for each camera, of which files need not exist."""
    return [word for word, following in zip(words, [*words[1:], ''], strict=True)
            if CAMERA not in word and CAMERA not in following]


def _live(node: FuseNode) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        with quiet_end():
            node.start()
            executor.spin()
    except Exception as error:
        node.get_logger().fatal(f'ended by {type(error).__name__}: {one_line(error)}')
        rclpy.try_shutdown()  # or else nobody would notice, least of all who could start it again
        raise
    finally:
        node.destroy_node()


if __name__ == '__main__':
    sys.exit(main())

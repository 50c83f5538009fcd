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
from ddfnet_ros.node.process import ignore_shutdown, ros_process

CAMERA = '{camera}'
_NAME = 'fuse_cameras'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cameras until interrupted; return 2 if arguments of a camera are invalid.

    Raises:
        Exception: the error that ended one of the cameras, and with it all others.
    """
    if usage.print_help_if_asked(arguments, 'fuse_cameras CAMERA...', __doc__):
        return 0
    words = list(sys.argv if arguments is None else arguments)
    common = _without_camera_words(words)
    try:
        names = _camera_names(common)
    except ValueError as error:
        print(f'{_NAME}: {error}', file=sys.stderr)
        return 2
    with ros_process(common):
        nodes = list(camera_nodes(names, words))
        # One thread per camera: while one configures or decodes, the others receive images.
        with ThreadPoolExecutor(len(names), 'camera') as threads:
            runs = [threads.submit(_run, node) for node in nodes]
    for run in runs:
        run.result()
    return 0 if len(nodes) == len(names) else 2


def camera_nodes(names: Sequence[str], words: Sequence[str]) -> Iterator[FuseNode]:
    """Create a node for each camera; one with invalid arguments is logged and left out.

    Args:
        names: Names of the cameras.
        words: The command line, with the program name.
    """
    runtime = SharedRuntime()
    taken: dict[str, str] = {}
    for name in names:
        try:
            node = FuseNode(
                runtime, namespace=name, use_global_arguments=False,
                cli_args=[word.replace(CAMERA, name) for word in words])
        except (ValueError, RuntimeError, NameValidationException) as error:  # parameters, files
            get_logger(_NAME).fatal(f'{name}: {usage.explain_ros_arguments(error)}')
            continue
        if (other := taken.setdefault(node.get_fully_qualified_name(), name)) != name:
            get_logger(_NAME).fatal(f'{name}: expected a namespace of its own, got that of '
                                    f'{other}; put {CAMERA} into __ns')
            node.destroy_node()
            continue
        yield node
    gc.collect()  # else rclpy keeps the services of the refused nodes


def _camera_names(common: list[str]) -> list[str]:
    names = [name for word in usage.own_arguments(common) for name in word.split(',') if name]
    if options := [name for name in names if name.startswith('-')]:
        raise ValueError(f'expected --ros-args behind the names of cameras, got {options[0]}; put '
                         f'--ros-args before {options[0]}')
    if not names or len(set(names)) < len(names):
        raise ValueError('expected different names of cameras, such as front left, got '
                         f'{" ".join(names) or "none"}')
    return names


def _without_camera_words(words: list[str]) -> list[str]:
    """Drop words with {camera} and options before them: files that they name need not exist."""
    return [word for word, following in zip(words, [*words[1:], ''], strict=True)
            if CAMERA not in word and CAMERA not in following]


def _run(node: FuseNode) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        with ignore_shutdown():
            node.start()
            executor.spin()
    except Exception as error:
        node.get_logger().fatal(f'ended by {type(error).__name__}: {one_line(error)}')
        rclpy.try_shutdown()  # end the process, so that a supervisor notices and restarts it
        raise
    finally:
        node.destroy_node()


if __name__ == '__main__':
    sys.exit(main())

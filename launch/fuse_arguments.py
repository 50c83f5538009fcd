# SPDX-License-Identifier: Apache-2.0
"""The arguments of fuse.launch.py, and their values: plain functions, without ROS.

Every argument is text. An empty one changes nothing: the value of the preset or parameter file
applies, else the default of the node. Nothing of ddfnet_ros is imported, because `ros2 launch` may
run in another interpreter than the node.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

PRESETS = ('ghent', 'backlight', 'highway')
Given = Mapping[str, str]


def text_list(text: str) -> list[str]:
    """Parse a list: "[a, b]", "a, b", or "a" for a list of one."""
    value = yaml.safe_load(text)
    items = value if isinstance(value, list) else str(value).split(',')
    return [str(item).strip() for item in items]


def number_list(text: str) -> list[float]:
    """Parse a list of numbers, in the same forms."""
    return [float(item) for item in text_list(text)]


def boolean(text: str) -> bool:
    """Parse true or false, as YAML does."""
    value = yaml.safe_load(text)
    if not isinstance(value, bool):
        raise ValueError('neither true nor false')
    return value


def positive(text: str) -> float:
    """Parse a number above zero."""
    value = float(text)
    if not 0 < value < float('inf'):
        raise ValueError('not a positive number')
    return value


def duration(text: str) -> float:
    """Parse a number of seconds, 0 or more."""
    value = float(text)
    if not 0 <= value < float('inf'):
        raise ValueError('not a number of 0 or more')
    return value


@dataclass(frozen=True)
class Argument:
    """A launch argument.

    Attributes:
        description: Text for `--show-args` and the documentation.
        read: Converts its text to its value; raises ValueError.
        default: Text that holds if none is given.
        choices: Allowed texts besides ''; () for any.
    """

    description: str
    read: Callable[[str], Any] = str
    default: str = ''
    choices: tuple[str, ...] = field(default=())


# Passed to the node as parameters of the same name.
PARAMETERS = {
    'image_topics': Argument(
        'Image topics: one, or one per exposure: "[/short, /mid, /long]"', text_list),
    'exposure_times': Argument(
        'Exposure times of one bracket [s]: "[0.001, 0.004, 0.016]"', number_list),
    'exposure_source': Argument(
        'Where exposure times come from: parameters, camera_ros, ... (README.md)'),
    'metadata_topics': Argument(
        'Metadata topics, one per image topic, where one for all (metadata_topic) will not do',
        text_list),
    'bracket_size': Argument('Exposures in a bracket, where exposure_times does not say', int),
    'cycle_period': Argument('Period of the exposure cycle [s]', float),
    'cycle_offset': Argument('Stamp of any first frame of a cycle, modulo the period [s]', float),
    'cycle_gap': Argument('A pause longer than this starts a new bracket [s]', float),
    'max_span': Argument('Longest time from the first to the last frame of a bracket [s]', float),
    'model': Argument('fast, base, denoise, a .safetensors file, or auto'),
    'device': Argument('auto, cpu, cuda, cuda:1, ...'),
    'use_sim_time': Argument('Follow /clock; true where there is a bag', boolean),
    'autostart': Argument('false leaves configure and activate to a lifecycle manager', boolean),
}
OTHERS = {
    'namespace': Argument('Namespace of the node'),
    'cameras': Argument(
        'Names of several cameras, "front, left": one node each, in the namespace of that name; '
        '{camera} in image_topics, metadata_topic and params_file becomes the name', text_list),
    'one_process': Argument(
        'true: all cameras in one process, on one model; false: a process for each', boolean,
        'false'),
    'metadata_topic': Argument('What ~/meta is remapped to: /diagnostics for camera_ros'),
    'preset': Argument(
        'Parameters for a kind of scene: ghent (night, noise), backlight (sun, tunnels), highway '
        '(fast traffic)', choices=PRESETS),
    'params_file': Argument(
        'Parameter file, stronger than the preset; config/fuse.yaml is one to start from'),
    'bag': Argument('A bag to play: rosbag2 (folder, .mcap, .db3), or ROS 1 (.bag)'),
    'player': Argument(
        'What plays it: rosbag2, ddfnet (needs no rosbag2, plays ROS 1 too), or auto: whichever '
        'is there and can',
        default='auto', choices=('auto', 'rosbag2', 'ddfnet')),
    'rate': Argument('How much faster the bag is played than it was recorded', positive, '1.0'),
    'loop': Argument('Whether the bag is played again and again', boolean, 'false'),
    'delay': Argument(
        'How long ros2 bag play waits, so that the node listens when the bag begins [s]; not with '
        'loop, where it would wait each time', duration, '10'),
    'bag_qos': Argument(
        'QoS of the bag\'s images: recorded, reliable (none is lost), or a YAML file for '
        '--qos-profile-overrides-path of ros2 bag play', default='recorded'),
    'foxglove': Argument(
        'Start foxglove_bridge on port 8765; config/foxglove.json is a layout for it', boolean,
        'false'),
    'rviz': Argument('Start rviz2 with config/ddfnet.rviz', boolean, 'false'),
    'python': Argument('Interpreter of the node, such as that of a virtual environment'),
    'dds_profile': Argument(
        'Fast DDS transports: shm (large images, also to other hosts), local (this host only, '
        'small images), or an XML file'),
}
ARGUMENTS = PARAMETERS | OTHERS


def value(given: Given, name: str) -> Any:
    """Return the value of an argument whose text is not empty.

    Raises:
        RuntimeError: an invalid text; one line, which `ros2 launch` prints.
    """
    argument, text = ARGUMENTS[name], given[name]
    if argument.choices and text and text not in argument.choices:
        raise RuntimeError(f'{name}: expected {", ".join(argument.choices)}, got {text!r}')
    try:
        return argument.read(text)
    except (ValueError, yaml.YAMLError) as error:
        problem = ' '.join(str(error).split())
        raise RuntimeError(
            f'{name}: got {text!r} ({problem}); expected: {argument.description}') from error

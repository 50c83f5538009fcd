# SPDX-License-Identifier: Apache-2.0
"""The arguments of fuse.launch.py, and what follows from them: plain functions, without ROS.

Every argument is text, and one that is left empty changes nothing: what the preset or the
parameter file says, or else the node's own default, holds. Nothing of ddfnet_ros is imported,
because the interpreter that runs `ros2 launch` need not be the one that runs the node.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SHARE = Path(__file__).parent.parent
PRESETS = ('ghent', 'backlight', 'highway')
CAMERA = '{camera}'
Given = Mapping[str, str]


def text_list(text: str) -> list[str]:
    """A list "[a, b]", or "a, b" or "a" as the list that was meant."""
    value = yaml.safe_load(text)
    items = value if isinstance(value, list) else str(value).split(',')
    return [str(item).strip() for item in items]


def number_list(text: str) -> list[float]:
    """The same, of numbers."""
    return [float(item) for item in text_list(text)]


def truth(text: str) -> bool:
    """True or false, as YAML has them."""
    value = yaml.safe_load(text)
    if not isinstance(value, bool):
        raise ValueError('neither true nor false')
    return value


def positive(text: str) -> float:
    """A number above zero."""
    value = float(text)
    if not 0 < value < float('inf'):
        raise ValueError('not a positive number')
    return value


def duration(text: str) -> float:
    """Seconds, also none."""
    value = float(text)
    if not 0 <= value < float('inf'):
        raise ValueError('not a number of 0 or more')
    return value


@dataclass(frozen=True)
class Argument:
    """One argument.

    Attributes:
        description: What `--show-args` and the documentation say.
        read: Turns its text into its value; raises ValueError.
        default: Its text where it is not given.
        choices: The only texts it may have besides ''; () for any.
    """

    description: str
    read: Callable[[str], Any] = str
    default: str = ''
    choices: tuple[str, ...] = field(default=())


# What becomes a parameter of the node, under the same name.
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
    'use_sim_time': Argument('Follow /clock; true where there is a bag', truth),
    'autostart': Argument('false leaves configure and activate to a lifecycle manager', truth),
}
OTHERS = {
    'namespace': Argument('Namespace of the node'),
    'cameras': Argument(
        'Names of several cameras, "front, left": one node each, in the namespace of that name; '
        '{camera} in image_topics, metadata_topic and params_file becomes the name', text_list),
    'one_process': Argument(
        'true: all cameras in one process, on one model; false: a process for each', truth,
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
    'loop': Argument('Whether the bag is played again and again', truth, 'false'),
    'delay': Argument(
        'How long ros2 bag play waits, so that the node listens when the bag begins [s]; not with '
        'loop, where it would wait each time', duration, '10'),
    'bag_qos': Argument(
        'QoS of the bag\'s images: recorded, reliable (none is lost), or a YAML file for '
        '--qos-profile-overrides-path of ros2 bag play', default='recorded'),
    'foxglove': Argument(
        'Start foxglove_bridge on port 8765; config/foxglove.json is a layout for it', truth,
        'false'),
    'rviz': Argument('Start rviz2 with config/ddfnet.rviz', truth, 'false'),
    'python': Argument('Interpreter of the node, such as that of a virtual environment'),
    'dds_profile': Argument(
        'Fast DDS transports: shm (large images, also to other hosts), local (this host only, '
        'small images), or an XML file'),
}
ARGUMENTS = PARAMETERS | OTHERS


@dataclass(frozen=True)
class Fuser:
    """One node to start.

    Attributes:
        namespace: Absolute.
        files: Parameter files, the strongest last.
        values: Parameters that are stronger than the files.
        remappings: Pairs of topic names.
        image_topics: Fully resolved, where the arguments name them.
    """

    namespace: str
    files: list[str]
    values: dict[str, Any]
    remappings: list[tuple[str, str]]
    image_topics: list[str]

    @property
    def parameters(self) -> list[Any]:
        """Files and values as `Node` takes them."""
        return [*self.files, *([self.values] if self.values else [])]


def value(given: Given, name: str) -> Any:
    """The value of an argument that has one.

    Raises:
        RuntimeError: a text that it cannot have; one line, which `ros2 launch` prints.
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


def fusers(given: Given) -> list[Fuser]:
    """The nodes to start: one, or one per camera.

    Raises:
        RuntimeError: an argument that cannot be, or cameras that would all read one topic.
    """
    if not given['cameras']:
        return [_fuser(given, given['namespace'])]
    names = value(given, 'cameras')
    if len(set(names)) < len(names) or not all(name.isidentifier() for name in names):
        raise RuntimeError(f'cameras: expected different names of letters, digits and _, got '
                           f'{given["cameras"]!r}')
    topics = given['image_topics']
    if len(names) > 1 and '/' in topics.strip(' ["\'')[:1] and CAMERA not in topics:
        raise RuntimeError(f'image_topics: expected {CAMERA} in it, or a relative name, for '
                           f'{len(names)} cameras, got {topics!r}')
    return [_fuser({argument: text.replace(CAMERA, name) for argument, text in given.items()},
                   f'{given["namespace"]}/{name}') for name in names]


def shared_process(given: Given, fusers: list[Fuser], write: Callable[[str], str]
                   ) -> dict[str, Any]:
    """What `Node` takes to start all cameras in one process: names, and what is said to all.

    Args:
        given: The arguments, in which `{camera}` is left for the process to fill in.
        fusers: What was made of them; in the same order as the cameras.
        write: Puts a text into a new file, and gives its name.

    Raises:
        RuntimeError: no cameras.
    """
    if not given['cameras']:
        raise RuntimeError('one_process: expected the names of the cameras, got none; set cameras')
    own = {f'{fuser.namespace}/fuse_node': {'ros__parameters': fuser.values} for fuser in fusers
           if fuser.values}
    files = [*_files(given), *([write(json.dumps(own))] if own else [])]  # JSON is YAML, too
    namespace = _absolute(f'{given["namespace"]}/{CAMERA}')
    return {
        'executable': 'fuse_cameras', 'exec_name': 'fuse_cameras',
        'arguments': value(given, 'cameras'),
        'ros_arguments': ['-r', f'__ns:={namespace}',
                          *(word for file in files for word in ('--params-file', file))],
        'remappings': _remappings(given),
    }


def _absolute(namespace: str) -> str:
    return '/' + '/'.join(part for part in namespace.split('/') if part)


def _files(given: Given) -> list[str]:
    return [file for file in (_preset(given), given['params_file']) if file]


def _remappings(given: Given) -> list[tuple[str, str]]:
    return [('~/meta', given['metadata_topic'])] if given['metadata_topic'] else []


def _fuser(given: Given, namespace: str) -> Fuser:
    namespace = _absolute(namespace)
    values = {name: value(given, name) for name in PARAMETERS if given[name]}
    for name, text in given.items():
        if CAMERA in text:
            raise RuntimeError(f'{name}: got {text!r} without cameras; set cameras')
    topics = [topic if topic.startswith('/') else f'{namespace.rstrip("/")}/{topic}'
              for topic in values.get('image_topics', [])]
    if given['bag']:
        values.setdefault('use_sim_time', True)
        if given['bag_qos'] == 'reliable':
            values |= {f'qos_overrides.{topic}.subscription.reliability': 'reliable'
                       for topic in topics}
    return Fuser(namespace, _files(given), values, _remappings(given), topics)


def _preset(given: Given) -> str:
    name = value(given, 'preset')
    return str(SHARE / 'config' / f'{name}.yaml') if name else ''


def play_options(given: Given, rosbag2: bool, overrides: str) -> list[str]:
    """What follows `ros2 bag play`, or our player's name.

    Args:
        given: The arguments; `bag` among them.
        rosbag2: Which of the two.
        overrides: The file that `qos_overrides` made, or '' for none.
    """
    rate, loop = value(given, 'rate'), value(given, 'loop')
    options = [given['bag'], '--clock', '--rate', f'{rate:g}']
    if rosbag2:
        # With --loop, it would wait before each round; what the first one misses comes again.
        delay = 0.0 if loop else value(given, 'delay')
        return (options + (['--loop'] if loop else [])
                + (['--delay', f'{delay:g}'] if delay else [])  # which refuses 0
                + (['--qos-profile-overrides-path', overrides] if overrides else []))
    return options + ['--loop', '0' if loop else '1']


def by_rosbag2(given: Given, installed: bool) -> bool:
    """Whether `ros2 bag play` plays the bag, and not our own player.

    Args:
        given: The arguments; `bag` among them.
        installed: Whether rosbag2 is.

    Raises:
        RuntimeError: a bag of ROS 1, which rosbag2 cannot play.
    """
    player, is_ros1 = value(given, 'player'), given['bag'].endswith('.bag')
    if player == 'rosbag2' and is_ros1:
        raise RuntimeError(f'player: expected ddfnet or auto for a bag of ROS 1, got rosbag2 for '
                           f'{given["bag"]}')
    return player == 'rosbag2' or (player == 'auto' and installed and not is_ros1)


def qos_overrides(given: Given, topics: list[str]) -> tuple[str, str]:
    """The override file of `ros2 bag play`, or what is to be written into one; '' for neither.

    Raises:
        RuntimeError: neither a file nor one of the words; or no image topics to make reliable.
    """
    wish = given['bag_qos']
    if wish in ('', 'recorded'):
        return '', ''
    if wish != 'reliable':
        if not Path(wish).expanduser().is_file():
            raise RuntimeError(
                f'bag_qos: expected recorded, reliable or a YAML file, got {wish!r}')
        return str(Path(wish).expanduser()), ''
    if not topics:
        raise RuntimeError('bag_qos reliable: expected the topics to make reliable, got none; set '
                           'image_topics')
    profile = {'reliability': 'reliable', 'history': 'keep_last', 'depth': 20}
    return '', json.dumps(dict.fromkeys(topics, profile))  # which is YAML, too

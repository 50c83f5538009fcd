# SPDX-License-Identifier: Apache-2.0
"""Start fuse_node, and a player where there is a bag: ros2 launch ddfnet_ros fuse.launch.py.

Every variant is an argument. One that is left empty changes nothing: what params_file says, or
else the node's own default, holds. This file imports nothing of ddfnet_ros, because the
interpreter that runs `ros2 launch` need not be the one that runs the node.
"""

import shutil
from functools import partial
from pathlib import Path

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, LogInfo, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

PACKAGE = 'ddfnet_ros'
SEGMENT_BYTES = 256 * 2**20  # of each process, in config/fastdds_shm.xml
PATIENCE_TO_START = '60'  # seconds until the node has loaded its weights and listens
PATIENCE_TO_END = '15'  # seconds to finish the bracket at hand; `base` takes that on a CPU

# Name: what it does. Those of the first part become parameters of the node.
PARAMETERS = {
    'image_topics': 'Image topics: one, or one per exposure: "[/short, /mid, /long]"',
    'exposure_times': 'Exposure times of one bracket [s]: "[0.001, 0.004, 0.016]"',
    'exposure_source': 'Where exposure times come from: parameters or camera_ros',
    'model': 'fast, base, denoise, a .safetensors file, or auto',
    'device': 'auto, cpu, cuda, cuda:1, ...',
    'use_sim_time': 'Follow /clock; true where there is a bag',
    'autostart': 'false leaves configure and activate to a lifecycle manager',
}
OTHERS = {
    'namespace': 'Namespace of the node',
    'metadata_topic': 'What ~/meta is remapped to: /diagnostics for camera_ros',
    'params_file': 'Parameter file; config/fuse.yaml is one to start from',
    'bag': 'A bag to play: rosbag2 (folder, .mcap, .db3), or ROS 1 with player:=ddfnet',
    'player': 'What plays it: rosbag2, ddfnet (needs no rosbag2), or auto: whichever is there',
    'python': 'Interpreter of the node, such as that of a virtual environment',
    'dds_profile': 'Fast DDS transports: shm (large images, also to other hosts), local (this '
                   'host only, small images), or an XML file',
}


def generate_launch_description():
    """Declare the arguments; what follows from them is decided when they are known."""
    arguments = [
        DeclareLaunchArgument(name, default_value='auto' if name == 'player' else '',
                              description=description)
        for name, description in (PARAMETERS | OTHERS).items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=start)])


def start(context):
    """Turn the arguments into the processes to start."""
    given = {name: LaunchConfiguration(name).perform(context) for name in PARAMETERS | OTHERS}
    common = {
        'package': PACKAGE, 'output': 'screen', 'prefix': given['python'],
        'sigterm_timeout': PATIENCE_TO_END,
        'additional_env': environment(given['dds_profile']),
    }
    node = Node(
        # Named in full, because a parameter file that names the node would win over `/**`.
        name='fuse_node', namespace=given['namespace'] or '/', executable='fuse_node',
        exec_name='fuse_node',
        remappings=[('~/meta', given['metadata_topic'])] if given['metadata_topic'] else [],
        parameters=parameters(given), **common,
    )
    return [*warnings(given['dds_profile']), node, *players(given, common)]


def parameters(given):
    """The parameter file, then what the arguments say instead."""
    values = {name: parsed(name, given[name]) for name in PARAMETERS if given[name]}
    if given['bag']:
        values.setdefault('use_sim_time', True)
    return [part for part in (given['params_file'], values) if part]


def parsed(name, text):
    """The text of an argument in the type of its parameter."""
    convert = {'image_topics': partial(items, str), 'exposure_times': partial(items, float),
               'use_sim_time': truth, 'autostart': truth}.get(name, str)
    try:
        return convert(text)
    except (ValueError, yaml.YAMLError) as error:
        problem = ' '.join(str(error).split())
        raise RuntimeError(
            f'{name}: got {text!r} ({problem}); expected: {PARAMETERS[name]}') from error


def items(element, text):
    """A list "[a, b]", or "a, b" or "a" as the list that was meant."""
    value = yaml.safe_load(text)
    return [element(item) for item in
            (value if isinstance(value, list) else str(value).replace(' ', '').split(','))]


def truth(text):
    """True or false, as YAML has them."""
    value = yaml.safe_load(text)
    if not isinstance(value, bool):
        raise ValueError('neither true nor false')
    return value


def players(given, common):
    """The process that plays the bag, if there is one."""
    bag, player = given['bag'], given['player']
    if player not in ('auto', 'rosbag2', 'ddfnet'):
        raise RuntimeError(f'player: expected auto, rosbag2 or ddfnet, got {player!r}')
    if not bag:
        return []
    if player == 'rosbag2' or (player == 'auto' and has_rosbag2()):
        return [ExecuteProcess(cmd=['ros2', 'bag', 'play', bag, '--clock'], output='screen',
                               additional_env=common['additional_env'])]
    return [Node(executable='player', exec_name='player',
                 arguments=[bag, '--clock', '--wait', PATIENCE_TO_START], **common)]


def has_rosbag2():
    """Whether `ros2 bag play` is installed."""
    try:
        get_package_share_directory('ros2bag')
    except PackageNotFoundError:
        return False
    return True


def environment(dds_profile):
    """The variables that make Fast DDS use a profile, by the names of its versions 2 and 3."""
    if not dds_profile:
        return {}
    path = Path(dds_profile).expanduser()
    if dds_profile in ('shm', 'local'):
        path = Path(get_package_share_directory(PACKAGE), 'config', f'fastdds_{dds_profile}.xml')
    if not path.is_file():
        raise RuntimeError(f'dds_profile: expected shm, local or an XML file, got {dds_profile!r}')
    return {name: str(path.resolve())
            for name in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')}


def warnings(dds_profile):
    """Say beforehand what Fast DDS would only say by error messages."""
    memory = Path('/dev/shm')
    free = shutil.disk_usage(memory).free if memory.is_dir() else 0
    if dds_profile != 'shm' or free > 2 * SEGMENT_BYTES:
        return []
    return [LogInfo(msg=f'dds_profile shm: expected {2 * SEGMENT_BYTES / 2**20:.0f} MB or more in '
                        f'{memory}, got {free / 2**20:.0f} MB; Fast DDS will fall back to UDP and '
                        'lose large images (docker: --shm-size=2g)')]

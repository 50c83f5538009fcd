# SPDX-License-Identifier: Apache-2.0
"""Start the cameras' nodes, and players and viewers: ros2 launch ddfnet_ros fuse.launch.py.

Every variant is an argument; fuse_arguments.py, beside this file, says what each means.
"""

import importlib.util
import os
import sys
import tempfile
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, LogInfo, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

PACKAGE = 'ddfnet_ros'
PATIENCE_TO_START = '60'  # seconds until the node has loaded its weights and listens
PATIENCE_TO_END = '15'  # seconds to finish the bracket at hand; `base` takes that on a CPU
FOXGLOVE_PORT = 8765


def loaded(name):
    """A module beside this file: its folder is nowhere on the module path."""
    path = Path(__file__).with_name(f'{name}.py')
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where those that are loaded after it find it
    spec.loader.exec_module(module)
    return module


arguments = loaded('fuse_arguments')
nodes, bags, dds = loaded('fuse_nodes'), loaded('fuse_bag'), loaded('fuse_dds')


def generate_launch_description():
    """Declare the arguments; what follows from them is decided when they are known."""
    declared = [
        DeclareLaunchArgument(name, default_value=argument.default,
                              description=argument.description)
        for name, argument in arguments.ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=start)])


def start(context):
    """Turn the arguments into the processes to start."""
    given = {name: LaunchConfiguration(name).perform(context) for name in arguments.ARGUMENTS}
    fusers = nodes.fusers(given)
    common = {
        'package': PACKAGE, 'output': 'screen', 'prefix': given['python'],
        'sigterm_timeout': PATIENCE_TO_END,
        'additional_env': dds.environment(given['dds_profile']),
    }
    if arguments.value(given, 'one_process'):
        started = [Node(**nodes.shared_process(given, fusers, written), **common)]
    else:
        started = [
            # Named in full, because a parameter file that names the node would win over `/**`.
            Node(name='fuse_node', namespace=fuser.namespace, executable='fuse_node',
                 exec_name='fuse_node', remappings=fuser.remappings, parameters=fuser.parameters,
                 **common)
            for fuser in fusers
        ]
    said = [LogInfo(msg=text) for text in dds.warnings(
        given['dds_profile'], len(started) + bool(given['bag']), os.environ)]
    return [*said, *started, *players(given, fusers, common), *viewers(given, fusers, common)]


def players(given, fusers, common):
    """The process that plays the bag, if there is one."""
    if not given['bag']:
        return []
    file, text = bags.qos_overrides(
        given, [topic for fuser in fusers for topic in fuser.image_topics])
    if bags.by_rosbag2(given, is_installed('ros2bag')):
        options = bags.play_options(given, True, file or (written(text) if text else ''))
        return [ExecuteProcess(cmd=['ros2', 'bag', 'play', *options], output='screen',
                               additional_env=common['additional_env'])]
    # It plays reliably whatever was recorded: bag_qos has to be right, but changes nothing.
    options = bags.play_options(given, False, '')
    return [Node(executable='player', exec_name='player',
                 arguments=[*options, '--wait', PATIENCE_TO_START], **common)]


def viewers(given, fusers, common):
    """Foxglove's bridge and RViz, where they are asked for."""
    times = {'use_sim_time': bool(given['bag'])}
    common = {'output': 'screen', 'additional_env': common['additional_env']}
    found = []
    if arguments.value(given, 'foxglove'):
        require('foxglove_bridge', 'foxglove')
        found.append(Node(package='foxglove_bridge', executable='foxglove_bridge',
                          parameters=[{'port': FOXGLOVE_PORT} | times], **common))
    if arguments.value(given, 'rviz'):
        require('rviz2', 'rviz')
        space = fusers[0].namespace.rstrip('/')  # of several cameras, RViz shows the first
        moved = [(f'/fuse_node/{topic}', f'{space}/fuse_node/{topic}')
                 for topic in ('image', 'camera_info') if space]
        moved += [('/image_raw', topic) for topic in fusers[0].image_topics[:1]
                  if not topic.endswith('/compressed')]
        config = str(nodes.SHARE / 'config' / 'ddfnet.rviz')
        found.append(Node(package='rviz2', executable='rviz2', arguments=['-d', config],
                          parameters=[times], remappings=moved, **common))
    return found


def is_installed(package):
    """Whether the ament index knows a package."""
    try:
        get_package_share_directory(package)
    except PackageNotFoundError:
        return False
    return True


def require(package, argument):
    """Raise an error of one line where a package is missing."""
    if not is_installed(package):
        name = f'ros-{os.environ.get("ROS_DISTRO", "<distro>")}-{package.replace("_", "-")}'
        raise RuntimeError(f'{argument}: expected the package {package}, got none; '
                           f'apt install {name}, or leave {argument} out')


def written(text):
    """The name of a new file with this text."""
    with tempfile.NamedTemporaryFile('w', prefix='fuse_', suffix='.yaml', delete=False) as file:
        file.write(text)
    return file.name

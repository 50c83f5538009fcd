# SPDX-License-Identifier: Apache-2.0
"""Start the cameras' nodes, and players and viewers: ros2 launch ddfnet_ros fuse.launch.py.

Every variant is an argument; fuse_arguments.py describes each.
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
PATIENCE_TO_START = '60'  # seconds for the node to load its weights and subscribe
PATIENCE_TO_END = '15'  # seconds to finish the current bracket; `base` takes that on a CPU
FOXGLOVE_PORT = 8765


def load_module(name):
    """Import a module from the folder of this file, which is not on sys.path."""
    path = Path(__file__).with_name(f'{name}.py')
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # so that later modules can import it
    spec.loader.exec_module(module)
    return module


arguments = load_module('fuse_arguments')
nodes, bags, dds = load_module('fuse_nodes'), load_module('fuse_bag'), load_module('fuse_dds')


def generate_launch_description():
    """Declare the arguments; `start` evaluates them once their values are known."""
    declared = [
        DeclareLaunchArgument(name, default_value=argument.default,
                              description=argument.description)
        for name, argument in arguments.ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=start)])


def start(context):
    """Return the actions that start the processes the arguments ask for."""
    given = {name: LaunchConfiguration(name).perform(context) for name in arguments.ARGUMENTS}
    pushed = context.launch_configurations.get('ros_namespace', '')  # by PushRosNamespace
    given['namespace'] = nodes.within(pushed, given['namespace'])
    fusers = nodes.fusers(given)
    common = {
        'package': PACKAGE, 'output': 'screen', 'prefix': nodes.interpreter(given['python']),
        'sigterm_timeout': PATIENCE_TO_END,
        'additional_env': dds.environment(given['dds_profile']),
    }
    if arguments.value(given, 'one_process'):
        started = [Node(**nodes.shared_process(given, fusers, write_temporary), **common)]
    else:
        started = [
            # Full name: a parameter file that names the node would take precedence over `/**`.
            Node(name='fuse_node', namespace=fuser.namespace, executable='fuse_node',
                 exec_name='fuse_node', remappings=fuser.remappings, parameters=fuser.parameters,
                 **common)
            for fuser in fusers
        ]
    warnings = [LogInfo(msg=text) for text in dds.warnings(
        given['dds_profile'], len(started) + bool(given['bag']), os.environ)]
    return [*warnings, *started, *players(given, fusers, common), *viewers(given, fusers, common)]


def players(given, fusers, common):
    """Return the process that plays the bag, in a list; empty without a bag."""
    if not given['bag']:
        return []
    file, text = bags.qos_overrides(
        given, [topic for fuser in fusers for topic in fuser.image_topics])
    if bags.uses_rosbag2(given, is_installed('ros2bag')):
        options = bags.play_options(given, True, file or (write_temporary(text) if text else ''))
        return [ExecuteProcess(cmd=['ros2', 'bag', 'play', *options], output='screen',
                               additional_env=common['additional_env'])]
    # Our player publishes reliably in any case: bag_qos is checked, but changes nothing.
    options = bags.play_options(given, False, '')
    return [Node(executable='player', exec_name='player',
                 arguments=[*options, '--wait', PATIENCE_TO_START], **common)]


def viewers(given, fusers, common):
    """Return the Foxglove bridge and RViz, where requested."""
    times = {'use_sim_time': bool(given['bag'])}
    common = {'output': 'screen', 'additional_env': common['additional_env']}
    found = []
    if arguments.value(given, 'foxglove'):
        require('foxglove_bridge', 'foxglove')
        found.append(Node(package='foxglove_bridge', executable='foxglove_bridge',
                          parameters=[{'port': FOXGLOVE_PORT} | times], **common))
    if arguments.value(given, 'rviz'):
        require('rviz2', 'rviz')
        space = fusers[0].namespace.rstrip('/')  # RViz shows the first camera
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
    """Raise RuntimeError, in one line, if a package is missing."""
    if not is_installed(package):
        name = f'ros-{os.environ.get("ROS_DISTRO", "<distro>")}-{package.replace("_", "-")}'
        raise RuntimeError(f'{argument}: expected the package {package}, got none; '
                           f'apt install {name}, or leave {argument} out')


def write_temporary(text):
    """Write a text to a new temporary file; return its name."""
    with tempfile.NamedTemporaryFile('w', prefix='fuse_', suffix='.yaml', delete=False) as file:
        file.write(text)
    return file.name

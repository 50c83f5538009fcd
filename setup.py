# SPDX-License-Identifier: Apache-2.0
"""Data files and requirements of the package; everything else is in setup.cfg."""

from pathlib import Path

from setuptools import setup

# Resolved, because `colcon build --symlink-install` runs a link to this file in its build folder.
ROOT = Path(__file__).resolve().parent
SHARE = 'share/ddfnet_ros'


def files(pattern: str) -> list[str]:
    """Paths relative to the root, as setuptools wants them."""
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(pattern) if path.is_file())


def requirements(layer: str) -> list[str]:
    """Requirements of one file in requirements/, without its comments."""
    lines = (ROOT / 'requirements' / f'{layer}.in').read_text().splitlines()
    return [text for line in lines if (text := line.partition('#')[0].strip())]


setup(
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/ddfnet_ros']),
        # `ros2 run` and launch look for executables here, and pip has no other way to it.
        ('lib/ddfnet_ros', ['resource/fuse_node', 'resource/fuse_cameras', 'resource/player']),
        (SHARE, ['package.xml']),
        (f'{SHARE}/launch', files('launch/*.py')),
        (f'{SHARE}/config', files('config/*')),
        (f'{SHARE}/config/sros2', files('config/sros2/*')),
        (f'{SHARE}/models', files('models/*')),
    ],
    # Not in setup.cfg: from there it becomes an object, which colcon cannot read.
    python_requires='>=3.10',
    install_requires=requirements('runtime'),
    extras_require={
        layer: requirements(layer)
        for layer in ('cpu', 'export', 'ray', 'ros-jazzy', 'tensorrt', 'train', 'vdp',
                      'view', 'test', 'lint')
    },
)

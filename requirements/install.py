# SPDX-License-Identifier: Apache-2.0
"""Make the virtual environment that the Makefile's targets run in.

Every step records the content of its inputs, so a second run has nothing to do and needs no
network. With a ROS distribution sourced (ROS_DISTRO) the environment sees the system's packages
and takes rclpy and the messages from there; otherwise they come as wheels, of Jazzy unless told.
"""

import argparse
import hashlib
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
# Of which environments are made: the one at hand may be that of the environment itself.
BASE_PYTHON = getattr(sys, '_base_executable', sys.executable)
TORCH = 'torch==2.13.0'  # where none is asked for
MESSAGES = 'rclpy, diagnostic_msgs, lifecycle_msgs, rosgraph_msgs, sensor_msgs, std_msgs, std_srvs'


class Environment:
    """One virtual environment and the record of the steps that made it."""

    def __init__(self, folder, ros_distro, wheels):
        self.folder = folder.absolute()
        self.ros_distro = ros_distro
        self.layers = ['runtime', 'cpu'] + ([] if ros_distro else [f'ros-{wheels}'])
        self.pins = [HERE / 'pins.txt'] + ([] if ros_distro else [HERE / f'pins-{wheels}.txt'])
        self.source = ros_distro or 'from wheels'
        self.python = self.folder / 'bin' / 'python'
        self.records = self.folder / '.steps'
        self.log = self.folder / 'install.log'
        chosen = self.records / 'torch'
        self.torch = chosen.read_text() if chosen.is_file() else ''

    def step(self, name, what, inputs, *commands):
        """Run the commands unless the record says that they ran with these inputs."""
        record = self.records / name
        digest = digest_of(inputs)
        if record.is_file() and record.read_text() == digest:
            return
        print(f'>> {what}', flush=True)
        self.folder.mkdir(exist_ok=True)
        start = time.monotonic()
        for command in commands:
            self.run([str(word) for word in command])
        self.records.mkdir(exist_ok=True)
        record.write_text(digest)
        print(f'   done in {time.monotonic() - start:.0f} s', flush=True)

    def run(self, command):
        """Run one command; what it says goes to the log, and its end to stderr if it fails."""
        with self.log.open('a', encoding='utf-8') as log:
            print(f'$ {shlex.join(command)}', file=log, flush=True)
            code = subprocess.run(command, check=False, cwd=ROOT, stdout=log,
                                  stderr=subprocess.STDOUT).returncode
        if code:
            last = '\n'.join(self.log.read_text(encoding='utf-8').splitlines()[-20:])
            sys.exit(f'{last}\nexpected success of: {shlex.join(command)}\n'
                     f'got exit code {code}; see {self.log} and run make again')

    def pip(self, *words):
        """The command that installs with the pins."""
        return [self.python, '-m', 'pip', 'install', '--disable-pip-version-check',
                *(word for file in self.pins for word in ('-c', file)), *words]

    def create(self):
        """An empty environment; one made with another Python or another ROS is replaced."""
        made_with = f'Python {sys.version_info[0]}.{sys.version_info[1]}, ROS {self.source}'
        options = ['--clear'] if self.records.exists() else []
        if self.ros_distro:
            options.append('--system-site-packages')
        self.step('create', f'{self.folder.name}: {made_with}; a few seconds',
                  [made_with, str(self.folder)],
                  [BASE_PYTHON, '-m', 'venv', *options, self.folder])

    def install_runtime(self, torch):
        """What the package imports; '' keeps the torch that was chosen before, if one was."""
        files = [HERE / f'{layer}.in' for layer in self.layers]
        wanted = torch or self.torch
        words = shlex.split(wanted or TORCH)
        # Another build of the same version would count as installed already.
        change = [] if wanted == self.torch else [
            self.pip('--force-reinstall', '--no-deps', *words)]
        self.step('runtime', f'requirements: {wanted or TORCH}, OpenCV, ROS {self.source}, ...; '
                  'two minutes with a fast network and a CPU build of torch '
                  f'(tail -f {self.folder.name}/install.log)',
                  [*([wanted] if wanted else []), *files, *self.pins],
                  *change,
                  self.pip('setuptools', 'wheel', *words),
                  self.pip(*(word for file in files for word in ('-r', file))),
                  [self.python, '-c', f'import {MESSAGES}, torch, cv2'])
        (self.records / 'torch').write_text(wanted)

    def install_tools(self):
        """What tests, linters and the documentation need besides."""
        files = [HERE / f'{layer}.in' for layer in ('test', 'lint', 'docs', 'export')]
        self.step('tools', 'tools for tests, linting and documentation; half a minute',
                  [*files, *self.pins],
                  self.pip(*(word for file in files for word in ('-r', file))))

    def install_package(self):
        """The package, editable, and its data files: the environment becomes an ament prefix."""
        data = [str(path) for folder in ('resource', 'launch', 'config', 'models')
                for path in sorted((ROOT / folder).glob('*'))]
        self.step('package', 'the package, as links to this checkout; a few seconds',
                  [ROOT / 'setup.py', ROOT / 'setup.cfg', HERE / 'link_data.py', *data],
                  self.pip('--no-deps', '--no-build-isolation', '--editable', ROOT),
                  [self.python, HERE / 'link_data.py', self.folder])


def digest_of(inputs):
    """SHA-256 of file names and contents, and of plain strings."""
    digest = hashlib.sha256()
    for item in inputs:
        digest.update(str(item).encode())
        if isinstance(item, Path):
            digest.update(item.read_bytes())
    return digest.hexdigest()


def check_python(ros_distro):
    """Stop with one line where this Python cannot do."""
    if sys.version_info < (3, 10):  # noqa: UP036 - it runs before any version is assured
        sys.exit('expected Python 3.10 or newer, got '
                 + sys.version.split()[0] + '; set PYTHON=python3.11')
    if not ros_distro and sys.version_info >= (3, 14):
        sys.exit('expected Python 3.10 to 3.13, for which ROS wheels exist, got '
                 + sys.version.split()[0] + '; source a ROS distribution or set PYTHON=python3.13')


def main():
    """Run the steps that are due."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('folder', type=Path)
    parser.add_argument('--torch', default='',
                        help='requirement, wheel or pip options for torch; without, that of the '
                        f'environment as it is, or {TORCH}')
    parser.add_argument('--tools', action='store_true',
                        help='for tests, linting and documentation too')
    parser.add_argument('--wheels', choices=('jazzy', 'kilted'),
                        help='distribution that comes as wheels; none may be sourced')
    options = parser.parse_args()
    ros_distro = os.environ.get('ROS_DISTRO', '')
    if options.wheels and ros_distro:
        sys.exit(f'expected no ROS distribution for wheels of {options.wheels}, got {ros_distro}, '
                 'which is sourced; open another shell')
    check_python(ros_distro)
    environment = Environment(options.folder, ros_distro, options.wheels or 'jazzy')
    environment.create()
    environment.install_runtime(options.torch)
    if options.tools:
        environment.install_tools()
    environment.install_package()


if __name__ == '__main__':
    main()

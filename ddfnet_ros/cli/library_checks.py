# SPDX-License-Identifier: Apache-2.0
"""Checks of `ddfnet doctor` on Python, its libraries and the models."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ddfnet_ros import trials
from ddfnet_ros.cli.findings import FAIL, OK, WARN, Finding

_TORCH_TRIAL = """
import torch
print(torch.__version__, torch.version.cuda or 'none', torch.cuda.is_available(), *(
    torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())), sep='|')"""


def check_python() -> list[Finding]:
    """Report the Python version; one that is too old cannot even import this."""
    found = '.'.join(map(str, sys.version_info[:3]))
    return [Finding('python', OK, f'{found}, {sys.executable}')]


def check_torch() -> list[Finding]:
    """Check PyTorch and the GPU that it sees."""
    code, output = trials.attempt(_TORCH_TRIAL)
    if code:
        return [Finding('torch', FAIL, output, 'pip install torch, of a build for this machine')]
    number, cuda, usable, *devices = output.split('|')
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
    """Check the libraries that make `fast` twice as fast on CPUs."""
    return [
        Finding(name, OK, number) if (number := _version(name)) else
        Finding(name, WARN, f'not installed: torch {does} on the CPU, slower',
                f'pip install {name}')
        for name, does in (('openvino', 'computes convolutions'), ('numba', 'works on pixels'))
    ]


def check_weights() -> list[Finding]:
    """Check every model file against its checksum."""
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
    """Check that there is one OpenCV, of a version with all functions that are used."""
    code, output = trials.attempt(
        'import cv2; print(cv2.__version__); cv2.DISOpticalFlow_create(0)')
    if code:
        return [Finding('opencv', FAIL, output, 'pip install --force-reinstall '
                        'opencv-python-headless')]
    wheels = [name for name in ('opencv-python', 'opencv-python-headless', 'opencv-contrib-python',
                                'opencv-contrib-python-headless') if _version(name)]
    if len(wheels) > 1:
        return [Finding('opencv', WARN, f'{output}, from {" and ".join(wheels)} over each other',
                        f'pip uninstall {" ".join(wheels)}, then install one')]
    return [Finding('opencv', OK, output)]


def check_cv_bridge() -> list[Finding]:
    """Check that cv_bridge was built for this NumPy; only rare encodings need it."""
    numpy = _version('numpy')
    if importlib.util.find_spec('cv_bridge') is None:
        return [Finding('cv_bridge', OK, f'not installed (NumPy {numpy}): all common encodings '
                        'are read without it')]
    code, output = trials.attempt(trials.CV_BRIDGE)
    if code:
        return [Finding('cv_bridge', WARN, f'breaks with NumPy {numpy}: {output}', 'pip install '
                        '"numpy<2", or build cv_bridge with this NumPy; only encodings that '
                        'ddfnet_ros does not read itself need it')]
    return [Finding('cv_bridge', OK, f'works with NumPy {numpy}')]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ''

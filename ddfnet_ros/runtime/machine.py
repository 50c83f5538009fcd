# SPDX-License-Identifier: Apache-2.0
"""Names of the hardware that something ran on."""

from __future__ import annotations

import platform
from pathlib import Path

import torch


def processor(device: torch.device | str) -> str:
    """Name of the GPU or the CPU; a CPU without a name is called by its architecture."""
    device = torch.device(device)
    if device.type == 'cuda':
        return torch.cuda.get_device_name(device)
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(':')[2].strip() for line in lines if line.startswith('model name'))
    return next(names, platform.machine())


def hardware(device: torch.device | str) -> str:
    """As `processor`, with the number of threads on a CPU."""
    threads = f', {torch.get_num_threads()} threads' if torch.device(device).type == 'cpu' else ''
    return f'{processor(device)}{threads}'

# SPDX-License-Identifier: Apache-2.0
"""Command-line options of the demo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Options:
    """Play the recorded street over DDS to fuse_node, record what it makes of it, and report."""

    bag: Path | None = None
    """Another recording: brackets on image topics, exposures on a DiagnosticArray topic."""
    truth: Path | None = None
    """Folder with STAMP.exr and STAMP_moving.png for each bracket; none: truth/ beside the bag."""
    output: Path = Path('out/demo')
    """Folder for the report and all else."""
    model: str = 'auto'
    """Model name, or path of a .safetensors file."""
    device: str = 'auto'
    """Torch device."""
    pace: float = 5.2
    """Brackets per second to play."""
    seconds: float = 15.0
    """How long to play, at least; the recording is repeated as often as that takes."""
    start_timeout: float = 60.0
    """How long the node may take until it is ready [s]."""

    def __post_init__(self) -> None:
        for name in ('pace', 'seconds', 'start_timeout'):
            if not 0 < getattr(self, name) < 3600:
                raise ValueError(f'{name}: expected a positive number below 3600, got '
                                 f'{getattr(self, name)}')

# SPDX-License-Identifier: Apache-2.0
"""`ddfnet export`: write a model as an ONNX file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ddfnet_ros.bracket import median_index
from ddfnet_ros.cli.options import check_output
from ddfnet_ros.command_line.parsing import parse
from ddfnet_ros.command_line.waiting import waiting
from ddfnet_ros.settings import MAX_FRAMES, MIN_FRAMES

if TYPE_CHECKING:
    from ddfnet_ros.runtime.export import Exported

EXAMPLES = """\
  ddfnet export --output fast.onnx
  ddfnet export --model fast --frames 5 --output fast5.onnx --json"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write a model as an ONNX file for other engines; needs ddfnet_ros[export].

    Inputs are the stack (1, N, 6, H, W), each frame and its radiance by Eq. 2, the reference
    first, the others from short to long, and the flow (1, N - 1, 2, H, W) in pixels from the
    reference to each other frame; the output is radiance (1, 3, H, W) relative to the shortest
    exposure. N is fixed, H and W are free. What the file computes is compared with torch.
    """

    output: Annotated[Path, tyro.conf.arg(metavar='OUT.onnx')]
    """Where the model goes."""
    model: str = 'fast'
    """Model name (fast, base, denoise) or a .safetensors path."""
    frames: int = 3
    """Exposures in a bracket."""
    reference: int = 0
    """Reference frame, counted from 1 after sorting by exposure; 0: the median."""
    json: bool = False
    """Print one JSON object and nothing else."""

    def __post_init__(self) -> None:
        if not MIN_FRAMES <= self.frames <= MAX_FRAMES:
            raise ValueError(
                f'--frames: expected {MIN_FRAMES} to {MAX_FRAMES}, got {self.frames}')
        if not 0 <= self.reference <= self.frames:
            raise ValueError(f'--reference: expected 0 to {self.frames}, got {self.reference}')


def run(words: Sequence[str]) -> int:
    """Export, check and print."""
    options = parse(Options, 'ddfnet export', words, EXAMPLES)
    check_output(options.output, '.onnx')
    place = options.reference - 1 if options.reference else median_index(options.frames)
    with waiting('exporting'):
        from ddfnet_ros import weights
        from ddfnet_ros.runtime.export import export
        from ddfnet_ros.runtime.selection import load_fusion

        path = weights.find(options.model)
        loaded = load_fusion(path)
        about = {'model': path.stem, 'weights_sha256': loaded.sha256, 'reference': f'{place + 1}'}
        exported = export(loaded.model, options.output, options.frames, place, about)
    print(json.dumps(dataclasses.asdict(exported)) if options.json else _format(exported))
    return 0


def _format(exported: Exported) -> str:
    shapes = [f'  {name}: {" x ".join(map(str, shape))}'
              for name, shape in (exported.inputs | exported.outputs).items()]
    return '\n'.join([
        f'{exported.file}: sha256 {exported.sha256}, opset {exported.opset}',
        *shapes,
        f'  height and width: multiples of {exported.multiple}',
        f'{exported.kmac_per_pixel} kMAC per pixel of a frame; within {exported.difference:.1e} '
        'of torch in onnxruntime',
    ])

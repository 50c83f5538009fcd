# SPDX-License-Identifier: Apache-2.0
"""A network as an ONNX file, for engines other than torch; checked before it is said to be one."""

from __future__ import annotations

import hashlib
import importlib
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ddfnet_ros.whole_files import put_in_place

_PACKAGES = ('onnx', 'onnxscript', 'onnxruntime')
_LARGEST = 8192  # height and width [px]
_TRACED = (64, 96)  # height and width; any will do
_CHECKED = ((64, 96), (40, 128))  # the second was not traced
_TOLERANCE = 1e-3  # of radiance, where 1 is white in the shortest exposure


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written.

    Attributes:
        file: Path of the ONNX file.
        sha256: Of its bytes.
        opset: Version of ONNX's operators.
        inputs: Shape of each, numbers and names of what is free.
        outputs: Likewise.
        multiple: Height and width of the input must be multiples of this.
        kmac_per_pixel: Thousand multiply-accumulates of the convolutions per pixel of a frame.
        difference: Largest difference to torch that was seen with onnxruntime, of radiance.
    """

    file: str
    sha256: str
    opset: int
    inputs: dict[str, list[int | str]]
    outputs: dict[str, list[int | str]]
    multiple: int
    kmac_per_pixel: float
    difference: float


class Whole(nn.Module):
    """A network with tensors alone as inputs."""

    def __init__(self, model: nn.Module, reference_index: int) -> None:
        super().__init__()
        self.model, self.reference_index = model, reference_index

    def forward(
        self, stack: Float[Tensor, '1 n 6 h w'], flow: Float[Tensor, '1 m 2 h w']
    ) -> Float[Tensor, '1 3 h w']:
        """Fuse one bracket."""
        radiance: Tensor = self.model(stack, flow, self.reference_index)
        return radiance.float()


def export(
    model: nn.Module, path: Path, frames: int, reference_index: int, about: Mapping[str, str]
) -> Exported:
    """Write a network as ONNX for a number of frames, of any size, and compare it with torch.

    Args:
        model: In float32, on the CPU, in eval mode.
        path: Ends in .onnx.
        frames: Of a bracket.
        reference_index: How many of them are shorter than the reference.
        about: Goes into the file as its metadata.

    Raises:
        ValueError: packages are missing, or what was written computes something else.
    """
    onnx, runtime = _packages()
    written = onnx_of(model, frames, reference_index)
    onnx.helper.set_model_props(written, dict(about))
    partial = path.with_name(f'.{path.name}.{os.getpid()}.partial')
    try:
        onnx.save(written, partial)
        difference = _checked(runtime, Whole(model, reference_index), partial, frames)
        put_in_place(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return Exported(
        file=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        opset=written.opset_import[0].version, multiple=cast('int', model.multiple),
        inputs=_shapes(written.graph.input), outputs=_shapes(written.graph.output),
        kmac_per_pixel=kmac_per_pixel(model, frames),
        difference=difference,
    )


def onnx_of(
    model: nn.Module, frames: int, reference_index: int, dtype: torch.dtype = torch.float32
) -> Any:
    """The ONNX graph of a network for a number of frames, of any size, one bracket at a time.

    Args:
        model: On the CPU, in eval mode.
        frames: Of a bracket.
        reference_index: How many of them are shorter than the reference.
        dtype: What the convolutions are computed in; with bfloat16, what `torch.autocast` does on
            a CPU stands in the graph. Inputs and output are float32.

    Raises:
        ValueError: packages are missing.
    """
    _packages()
    multiple = cast('int', model.multiple)
    free = {axis: multiple * torch.export.Dim(name, min=2, max=_LARGEST // multiple)
            for axis, name in ((3, 'height'), (4, 'width'))}
    with _quiet(), torch.inference_mode(mode=False), torch.no_grad(), \
            torch.autocast('cpu', torch.bfloat16, enabled=dtype is torch.bfloat16):
        program: Any = torch.onnx.export(
            Whole(model, reference_index), _example(frames, *_TRACED), dynamo=True,
            input_names=['stack', 'flow'], output_names=['radiance'], verbose=False,
            dynamic_shapes={'stack': free, 'flow': free})
    return _bare(program.model_proto)


@torch.no_grad()
def kmac_per_pixel(model: nn.Module, frames: int = 3) -> float:
    """Thousand multiply-accumulates of a fusion's convolutions per pixel of a frame."""
    with FlopCounterMode(display=False) as counter:
        model(*_example(frames, *_TRACED))
    height, width = _TRACED
    return round(counter.get_total_flops() / 2 / (height * width) / 1e3, 1)


def _packages() -> tuple[Any, Any]:
    """The modules onnx and onnxruntime."""
    try:
        onnx, _, runtime = map(importlib.import_module, _PACKAGES)
    except ImportError as error:
        raise ValueError(f'expected {", ".join(_PACKAGES)} for exporting, got no {error.name}; '
                         '`make venv` in a checkout, else '
                         'pip install "ddfnet_ros[export]"') from None
    return onnx, runtime


def _example(frames: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """A stack and a flow of some pixels."""
    generator = torch.Generator().manual_seed(height)
    stack = torch.rand((1, frames, 6, height, width), generator=generator)
    return stack, 3 * torch.randn((1, frames - 1, 2, height, width), generator=generator)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to itself what torch says of its own exporter."""
    log = logging.getLogger('torch.onnx')
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        log.setLevel(level)


def _bare(graph: Any) -> Any:
    """Without torch's notes at each node: lines of code and paths of this machine."""
    for part in (graph.graph, *graph.graph.node):
        part.ClearField('metadata_props')
    return graph


def _shapes(values: Any) -> dict[str, list[int | str]]:
    return {value.name: [dim.dim_param or dim.dim_value
                         for dim in value.type.tensor_type.shape.dim] for value in values}


@torch.no_grad()
def _checked(runtime: Any, whole: nn.Module, path: Path, frames: int) -> float:
    """Largest difference between torch and what the file computes."""
    session = runtime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    differences = []
    for size in _CHECKED:
        stack, flow = _example(frames, *size)
        given = {'stack': stack.numpy(), 'flow': flow.numpy()}
        (radiance,) = session.run(None, given)
        differences.append(np.abs(radiance - whole(stack, flow).numpy()).max())
    worst = float(np.max(differences))
    if not worst <= _TOLERANCE:
        path.unlink()
        raise ValueError(f'expected an ONNX file that is within {_TOLERANCE:g} of torch, got '
                         f'{worst:.2g}; update torch and onnxscript')
    return worst

# SPDX-License-Identifier: Apache-2.0
"""Export a network as an ONNX file, for other engines, after a comparison with torch."""

from __future__ import annotations

import hashlib
import importlib
import logging
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

from ddfnet_ros.whole_files import replacing

_PACKAGES = ('onnx', 'onnxscript', 'onnxruntime')
_MAX_SIDE = 8192  # largest height and width [px]
_TRACED_SIZE = (64, 96)  # height and width [px]; any will do
_COMPARED_SIZES = ((64, 96), (40, 128))  # the second was not traced
_TOLERANCE = 1e-3  # difference in radiance, where 1 is white in the shortest exposure


@dataclass(frozen=True, kw_only=True)
class Exported:
    """Facts about an exported file.

    Attributes:
        file: Path of the ONNX file.
        sha256: Checksum of the file.
        opset: Version of ONNX's operator set.
        inputs: Shape of each input; dimensions that are free are given by name.
        outputs: Shape of each output, in the same form.
        multiple: Height and width of the input must be multiples of this.
        kmac_per_pixel: Thousand multiply-accumulates of the convolutions per pixel of a frame.
        difference: Largest difference in radiance between onnxruntime and torch that was seen.
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
    """A network with a fixed reference index, so that all its inputs are tensors."""

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
        model: The network, in float32, on the CPU, in eval mode.
        path: Path of the file; ends in .onnx.
        frames: Number of frames of a bracket.
        reference_index: Number of frames shorter than the reference.
        about: Metadata to write into the file.

    Raises:
        ValueError: packages are missing, or the file does not compute what torch does.
    """
    written = onnx_of(model, frames, reference_index)  # checks that the packages are there
    onnx, runtime = map(importlib.import_module, ('onnx', 'onnxruntime'))
    onnx.helper.set_model_props(written, dict(about))
    with replacing(path) as partial:
        onnx.save(written, partial)
        difference = _largest_difference(
            runtime, Whole(model, reference_index), partial, frames)
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
    """Convert a network to an ONNX graph for one bracket at a time, with frames of any size.

    Args:
        model: The network, on the CPU, in eval mode.
        frames: Number of frames of a bracket.
        reference_index: Number of frames shorter than the reference.
        dtype: Type that the convolutions compute in. With bfloat16, the graph has the casts that
            `torch.autocast` makes on a CPU. Inputs and output are float32 anyway.

    Raises:
        ValueError: packages are missing.
    """
    _check_packages()
    multiple = cast('int', model.multiple)
    free = {axis: multiple * torch.export.Dim(name, min=2, max=_MAX_SIDE // multiple)
            for axis, name in ((3, 'height'), (4, 'width'))}
    with _silent_exporter(), torch.inference_mode(mode=False), torch.no_grad(), \
            torch.autocast('cpu', torch.bfloat16, enabled=dtype is torch.bfloat16):
        program: Any = torch.onnx.export(
            Whole(model, reference_index), _random_inputs(frames, *_TRACED_SIZE), dynamo=True,
            input_names=['stack', 'flow'], output_names=['radiance'], verbose=False,
            dynamic_shapes={'stack': free, 'flow': free})
    return _strip_metadata(program.model_proto)


@torch.no_grad()
def kmac_per_pixel(model: nn.Module, frames: int = 3) -> float:
    """Thousand multiply-accumulates of a fusion's convolutions per pixel of a frame."""
    with FlopCounterMode(display=False) as counter:
        model(*_random_inputs(frames, *_TRACED_SIZE))
    height, width = _TRACED_SIZE
    return round(counter.get_total_flops() / 2 / (height * width) / 1e3, 1)


def _check_packages() -> None:
    """Raise ValueError where a package is missing."""
    try:
        for package in _PACKAGES:
            importlib.import_module(package)
    except ImportError as error:
        raise ValueError(f'expected {", ".join(_PACKAGES)} for exporting, got no {error.name}; '
                         '`make venv` in a checkout, else '
                         'pip install "ddfnet_ros[export]"') from None


def _random_inputs(frames: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """A random stack and flow of a size; the same each time."""
    generator = torch.Generator().manual_seed(height)
    stack = torch.rand((1, frames, 6, height, width), generator=generator)
    return stack, 3 * torch.randn((1, frames - 1, 2, height, width), generator=generator)


@contextmanager
def _silent_exporter() -> Iterator[None]:
    """Suppress torch's warnings about its own exporter."""
    log = logging.getLogger('torch.onnx')
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        log.setLevel(level)


def _strip_metadata(graph: Any) -> Any:
    """Remove torch's notes at each node, which have code lines and paths of this machine."""
    for part in (graph.graph, *graph.graph.node):
        part.ClearField('metadata_props')
    return graph


def _shapes(values: Any) -> dict[str, list[int | str]]:
    """Shape of each input or output by its name; free dimensions are names."""
    return {value.name: [dim.dim_param or dim.dim_value
                         for dim in value.type.tensor_type.shape.dim] for value in values}


@torch.no_grad()
def _largest_difference(runtime: Any, whole: nn.Module, path: Path, frames: int) -> float:
    """Compare the radiance that onnxruntime computes from the file with torch's.

    Raises:
        ValueError: they differ by more than `_TOLERANCE`.
    """
    session = runtime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    differences = []
    for size in _COMPARED_SIZES:
        stack, flow = _random_inputs(frames, *size)
        (radiance,) = session.run(None, {'stack': stack.numpy(), 'flow': flow.numpy()})
        differences.append(np.abs(radiance - whole(stack, flow).numpy()).max())
    worst = float(np.max(differences))
    if not worst <= _TOLERANCE:
        raise ValueError(f'expected an ONNX file that is within {_TOLERANCE:g} of torch, got '
                         f'{worst:.2g}; update torch and onnxscript')
    return worst

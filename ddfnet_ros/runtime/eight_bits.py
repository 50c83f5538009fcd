# SPDX-License-Identifier: Apache-2.0
"""Convolutions in 8 bits: twice as fast on CPUs that have instructions for it.

The input of a convolution is rounded to 256 levels of a range that was measured once
(`input_ranges`) and is stored in the model's card. The weights of each kernel are rounded to 255
levels around zero (Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018, Sec. 2.1 and 3). Torch computes this in floating
point; an engine that finds the rounding in its graph computes in integers, with the same result.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Ranges = Mapping[str, tuple[float, float]]
"""Least and largest input value of each convolution of a network, by its name there."""

_LEVELS, _WEIGHT_LEVELS = 255, 127  # levels above the lowest, and above zero
# Fewer gain little. This also leaves out motion, which has fewer channels and no fixed range.
_LEAST_CHANNELS = 32
_TINY = 1e-8


def input_ranges(network: nn.Module, use: Callable[[], object]) -> Ranges:
    """Measure the range of input values of each convolution.

    Args:
        network: The network whose convolutions are measured.
        use: Calls the network with typical inputs, as often as needed.
    """
    ranges: dict[str, tuple[float, float]] = {}

    def extend_range(name: str, _layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        low, high = ranges.get(name, (0.0, 0.0))
        ranges[name] = min(low, float(inputs[0].min())), max(high, float(inputs[0].max()))

    hooks = [layer.register_forward_pre_hook(partial(extend_range, name))
             for name, layer in _wide_convolutions(network).items()]
    try:
        with torch.no_grad():
            use()
    finally:
        for hook in hooks:
            hook.remove()
    return ranges


def in_eight_bits(network: nn.Module, ranges: Ranges) -> nn.Module:
    """Copy a network, with convolutions that round their inputs and weights to 8 bits.

    Raises:
        ValueError: the ranges belong to other convolutions than the network has.
    """
    rounded = copy.deepcopy(network)
    layers = _wide_convolutions(rounded)
    if layers.keys() != ranges.keys():
        raise ValueError(f'expected ranges of {len(layers)} convolutions, got '
                         f'{len(ranges)} of others; ddfnet weights calibrate')
    for name, layer in layers.items():
        parent, _, child = name.rpartition('.')
        setattr(rounded.get_submodule(parent), child, _RoundedConv2d(layer, *ranges[name]))
    return rounded


def _wide_convolutions(network: nn.Module) -> dict[str, nn.Conv2d]:
    """Convolutions with enough channels to gain from 8 bits, by name."""
    return {name: layer for name, layer in network.named_modules()
            if isinstance(layer, nn.Conv2d) and layer.in_channels >= _LEAST_CHANNELS}


class _RoundedConv2d(nn.Module):
    """A convolution whose inputs and weights are rounded to 8 bits."""

    def __init__(self, layer: nn.Conv2d, low: float, high: float) -> None:
        super().__init__()
        self._layer = layer
        self._scale = max((high - low) / _LEVELS, _TINY)
        self._zero = round(-low / self._scale)
        strongest = layer.weight.detach().abs().amax(dim=(1, 2, 3))
        self._weight_scale = (strongest / _WEIGHT_LEVELS).clamp(min=_TINY)
        self._weight_zero = torch.zeros(len(strongest), dtype=torch.int32)

    def forward(self, x: Tensor) -> Tensor:
        """Round the input and the weights, then convolve."""
        layer: Any = self._layer
        x = torch.fake_quantize_per_tensor_affine(x, self._scale, self._zero, 0, _LEVELS)
        weight = torch.fake_quantize_per_channel_affine(
            layer.weight, self._weight_scale, self._weight_zero, 0, -_WEIGHT_LEVELS,
            _WEIGHT_LEVELS)
        return F.conv2d(x, weight, layer.bias, layer.stride, layer.padding, layer.dilation)

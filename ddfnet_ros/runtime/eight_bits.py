# SPDX-License-Identifier: Apache-2.0
"""Convolutions in 8 bits: twice as fast on CPUs that have instructions for it.

What a convolution is given is rounded to 256 levels of a range that was measured once
(`input_ranges`) and stands in the model's card; its weights to 255 levels for each kernel around
zero (Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018, Sec. 2.1 and 3). In torch that is done in floating
point; an engine that finds it in its graph computes with integers, to the same result.
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
"""Least and largest value that convolutions of a network are given, by their names there."""

_LEVELS, _WEIGHT_LEVELS = 255, 127  # above the lowest, and above zero
_LEAST_CHANNELS = 32  # fewer gain little; and motion, which has no range, comes in fewer
_TINY = 1e-8


def input_ranges(network: nn.Module, use: Callable[[], object]) -> Ranges:
    """Measure what the convolutions of a network are given.

    Args:
        network: Whose convolutions are meant.
        use: Calls it with typical input, as often as it takes.
    """
    found: dict[str, tuple[float, float]] = {}

    def look(name: str, _layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        low, high = found.get(name, (0.0, 0.0))
        found[name] = min(low, float(given[0].min())), max(high, float(given[0].max()))

    hooks = [layer.register_forward_pre_hook(partial(look, name))
             for name, layer in _convolutions(network).items()]
    try:
        with torch.no_grad():
            use()
    finally:
        for hook in hooks:
            hook.remove()
    return found


def in_eight_bits(network: nn.Module, ranges: Ranges) -> nn.Module:
    """A copy of a network that rounds what its convolutions compute with.

    Raises:
        ValueError: ranges of other convolutions than the network has.
    """
    rounded = copy.deepcopy(network)
    layers = _convolutions(rounded)
    if layers.keys() != ranges.keys():
        raise ValueError(f'expected ranges of {len(layers)} convolutions, got '
                         f'{len(ranges)} of others; ddfnet weights calibrate')
    for name, layer in layers.items():
        parent, _, own = name.rpartition('.')
        setattr(rounded.get_submodule(parent), own, _RoundedConv2d(layer, *ranges[name]))
    return rounded


def _convolutions(network: nn.Module) -> dict[str, nn.Conv2d]:
    """Those that are worth it, by name."""
    return {name: layer for name, layer in network.named_modules()
            if isinstance(layer, nn.Conv2d) and layer.in_channels >= _LEAST_CHANNELS}


class _RoundedConv2d(nn.Module):
    """A convolution of 8 bits with 8 bits."""

    def __init__(self, layer: nn.Conv2d, low: float, high: float) -> None:
        super().__init__()
        self._layer = layer
        self._scale = max((high - low) / _LEVELS, _TINY)
        self._zero = round(-low / self._scale)
        strongest = layer.weight.detach().abs().amax(dim=(1, 2, 3))
        self._weight_scale = (strongest / _WEIGHT_LEVELS).clamp(min=_TINY)
        self._weight_zero = torch.zeros(len(strongest), dtype=torch.int32)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        layer: Any = self._layer
        x = torch.fake_quantize_per_tensor_affine(x, self._scale, self._zero, 0, _LEVELS)
        weight = torch.fake_quantize_per_channel_affine(
            layer.weight, self._weight_scale, self._weight_zero, 0, -_WEIGHT_LEVELS,
            _WEIGHT_LEVELS)
        return F.conv2d(x, weight, layer.bias, layer.stride, layer.padding, layer.dilation)

# SPDX-License-Identifier: Apache-2.0
"""The shipped weights use all of their network: where ReLUs give only zero nothing is learned."""

import pytest
import torch
from torch import nn

from ddfnet_ros import weights
from ddfnet_ros.radiance import input_stack

MODELS = ('fast', 'base', 'denoise')
LEAST = 0.2  # share of a layer's channels that are above zero anywhere in a colourful picture


@pytest.mark.parametrize('name', MODELS)
def test_no_layer_is_without_effect(name):
    model = weights.load(weights.find(name)).model.eval()
    seen: dict[str, torch.Tensor] = {}

    def listen(name: str):
        def note(_layer, _given, found):
            alive = found.movedim(-3, 0).flatten(1).amax(1) > 0
            seen[name] = seen.get(name, torch.zeros_like(alive)) | alive
        return note

    for part, layer in model.named_modules():
        if isinstance(layer, nn.ReLU):
            layer.register_forward_hook(listen(part))
    generator = torch.Generator().manual_seed(1)
    scene = torch.rand(1, 3, 8, 8, generator=generator).repeat_interleave(8, 2)
    scene = scene.repeat_interleave(8, 3) * torch.logspace(-3, 0, 64)  # from dark to bright
    times = torch.tensor([[1.0, 0.25, 4.0]])  # the reference first
    noise = 0.02 * torch.randn(1, 3, 3, 64, 64, generator=generator)
    ldr = ((scene[:, None] * times[..., None, None, None]).clamp(0, 1) ** (1 / 2.2) + noise)
    flow = 3 * torch.randn(1, 2, 2, 64, 64, generator=generator)
    with torch.inference_mode():
        model(input_stack(ldr.clamp(0, 1), times), flow, 1)
    assert seen
    assert {part: int(alive.sum()) for part, alive in seen.items()
            if alive.float().mean() < LEAST} == {}

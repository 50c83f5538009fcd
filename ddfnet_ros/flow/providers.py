# SPDX-License-Identifier: Apache-2.0
"""Flow providers by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.flow.dis import DISFlow

FlowProvider = Callable[[Tensor], Tensor]
"""Maps an input stack (b, n, 6, h, w), reference first, to flow (b, n - 1, 2, h, w) [px]."""


def zero_flow(stack: Float[Tensor, 'b n 6 h w']) -> Float[Tensor, 'b m 2 h w']:
    """Zero flow, for networks that work without motion, such as those of an ablation."""
    count, frames, _, height, width = stack.shape
    return stack.new_zeros((count, frames - 1, 2, height, width))


WITHOUT_WEIGHTS: dict[str, FlowProvider] = {'dis': DISFlow(), 'none': zero_flow}
PROVIDERS = (*WITHOUT_WEIGHTS, 'pwcnet')


def provider(name: str, load: Callable[[str], Any]) -> FlowProvider:
    """Get a flow provider by name.

    Args:
        name: One of `PROVIDERS`.
        load: Function that loads the trained network of that name, because this package must not
            import `weights`. Called only for providers with weights; its errors are passed on.

    Raises:
        ValueError: unknown name.
    """
    if name in WITHOUT_WEIGHTS:
        return WITHOUT_WEIGHTS[name]
    if name == 'pwcnet':
        trained: FlowProvider = load(name)
        return trained
    raise ValueError(f'flow: expected one of {", ".join(PROVIDERS)}, got {name!r}')

# SPDX-License-Identifier: Apache-2.0
"""Flow providers by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ddfnet_ros.flow.dis import DISFlow

FlowProvider = Callable[[Tensor], Tensor]
"""Input stack (b, n, 6, h, w), reference first, to flow (b, n - 1, 2, h, w)."""

PROVIDERS = ('dis', 'pwcnet')


def provider(name: str, load: Callable[[str], Any]) -> FlowProvider:
    """A flow provider by name.

    Args:
        name: 'dis' or 'pwcnet'.
        load: Gives the trained network of that name (this room cannot read weights); called only
            for providers that have weights, so that a missing file is its error to raise.

    Raises:
        ValueError: unknown name.
    """
    if name == 'dis':
        return DISFlow()
    if name == 'pwcnet':
        trained: FlowProvider = load(name)
        return trained
    raise ValueError(f'flow: expected one of {", ".join(PROVIDERS)}, got {name!r}')

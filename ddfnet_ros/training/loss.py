# SPDX-License-Identifier: Apache-2.0
"""The paper's loss (Sec. 3.3)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.tonemap import MU, mu_law


def mu_law_l1(
    radiance: Float[Tensor, 'b 3 h w'], truth: Float[Tensor, 'b 3 h w'], mu: float = MU
) -> Float[Tensor, '']:
    """Mean absolute difference after tone mapping, L = |T(H) - T(H^)| (Eq. 9)."""
    return (mu_law(radiance, mu) - mu_law(truth, mu)).abs().mean()

# SPDX-License-Identifier: Apache-2.0
"""What a model must beat: fusers without a network, all of them functions of one bracket."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.evaluation.baselines.linear import reference_only, static_merge

Fuser = Callable[[Bracket], npt.NDArray[np.float32]]
"""Bracket to radiance (H, W, 3) or (H, W), in the unit of Eq. 2, as `Deghosted.radiance`."""

BASELINES: dict[str, Fuser] = {'reference': reference_only, 'static_merge': static_merge}

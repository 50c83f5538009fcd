# SPDX-License-Identifier: Apache-2.0
"""Names for the arrays of the street; their shapes are in the docstrings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

# NumPy's stubs lose track of float32 and float64 in mixed arithmetic, so floats are one type.
Array = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]
Point = Array | Sequence[float | int]
Mask = npt.NDArray[np.bool_]

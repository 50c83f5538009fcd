# SPDX-License-Identifier: Apache-2.0
"""Type aliases for the street's arrays; docstrings give their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

# One type for all floats, because NumPy's stubs lose the precision in mixed arithmetic.
Array = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]
Point = Array | Sequence[float | int]
Mask = npt.NDArray[np.bool_]

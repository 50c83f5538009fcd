# SPDX-License-Identifier: Apache-2.0
"""ColorVideoVDP metric (Mantiuk et al. 2024); optional, needs `pip install cvvdp`.

The package needs a torchvision that matches PyTorch. No other metric needs either of them.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np
from jaxtyping import Float

DISPLAY = 'standard_hdr_linear'  # 30 inches, 4K, in a dim room; takes absolute cd/m2
PEAK = 1500.0                    # cd/m2 of the shortest exposure's white on the display
_NEEDED = ('pycvvdp', 'torchvision')

Picture = Float[np.ndarray, 'h w 3']


def missing() -> str:
    """One line on the missing packages and how to install them; empty if none is missing."""
    absent = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if not absent:
        return ''
    return (f'ColorVideoVDP: expected the packages {" and ".join(_NEEDED)}, got no '
            f'{" and no ".join(absent)}; pip install cvvdp')


class ColorVideoVDP:
    """Quality of a picture against the truth in just-objectionable differences; 10 is perfect."""

    def __init__(self) -> None:
        """Set up the metric on the CPU.

        Raises:
            ValueError: a package is missing or incompatible; the message is one line.
        """
        if absent := missing():
            raise ValueError(absent)
        try:
            pycvvdp = importlib.import_module('pycvvdp')  # optional, and slow to import
        except (ImportError, RuntimeError) as error:
            raise ValueError(f'ColorVideoVDP: expected packages that fit this PyTorch, got '
                             f'{str(error).splitlines()[0]}; install its torchvision') from error
        self._metric: Any = pycvvdp.cvvdp(display_name=DISPLAY, heatmap=None)

    def __call__(self, radiance: Picture, truth: Picture) -> float:
        """Compare radiance (H, W, 3) relative to the shortest exposure with its truth [JOD]."""
        shown = [np.clip(p, 0, 1).astype(np.float32) * PEAK for p in (radiance, truth)]
        quality, _ = self._metric.predict(*shown, dim_order='HWC')
        return float(quality)

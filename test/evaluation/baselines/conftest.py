# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from ddfnet_ros.bracket import Bracket, Frame

TIMES = (0.01, 0.04, 0.16)


@pytest.fixture
def photograph():
    """Ideal float frames, one radiance (relative to the shortest exposure) per exposure."""
    def take(radiances, times=TIMES, reference=0):
        return Bracket.of([
            Frame(pixels=(np.clip(r * t / times[0], 0, 1) ** (1 / 2.2)).astype(np.float32),
                  exposure_time=t)
            for r, t in zip(radiances, times, strict=True)], reference)
    return take


@pytest.fixture
def texture():
    """(48, 56, 3) radiance without clipping in any exposure of `photograph`, smooth at 5 px."""
    rng = np.random.default_rng(3)
    coarse = rng.uniform(0.002, 0.05, (12, 14, 3))
    return np.clip(cv2.resize(coarse, (56, 48), interpolation=cv2.INTER_CUBIC), 0.002, 0.06)

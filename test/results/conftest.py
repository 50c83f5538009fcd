# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.runtime.deghosted import Deghosted

EXPOSURES = (0.001, 0.004, 0.016)
WHITE = 1 / EXPOSURES[0]


@pytest.fixture
def deghosted():
    """Makes results by hand: grey frames taken 10 ms apart, and whatever came of them."""
    def make(size=(40, 48), dtype=np.uint8, radiance=None, motion=None, interval_ns=10**7):
        unit = 0.01 if dtype == np.float32 else 1
        frames = [
            Frame(pixels=np.full((*size, 3), 40 * (i + 1) * unit, dtype), exposure_time=time,
                  stamp_ns=10**9 + i * interval_ns, frame_id='camera', sequence_id=i)
            for i, time in enumerate(EXPOSURES)
        ]
        radiance = np.full((*size, 3), 0.25 * WHITE, np.float32) if radiance is None else radiance
        motion = np.zeros((2, *size, 2), np.float32) if motion is None else motion
        return Deghosted(Bracket.of(frames), radiance, np.full((*size, 3), 7, np.uint8),
                         {'network': 1.5}, lambda: motion, lambda: motion[0, ..., 0])

    return make

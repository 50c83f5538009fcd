# SPDX-License-Identifier: Apache-2.0
"""What a `Deghoster` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.settings import DeghosterSettings


@dataclass(frozen=True, eq=False)
class Request:
    """A bracket to fuse, and how.

    Attributes:
        bracket: 2 to 9 frames of any size and pixel type.
        settings: May differ from those that the model was loaded with in live fields only.
        bands: Number of bands of rows that the network runs on, one after the other. More bands
            take longer and less memory; the picture is the same.
    """

    bracket: Bracket
    settings: DeghosterSettings
    bands: int = 1


class BatchKey(NamedTuple):
    """What requests must have in common to go through the network as one batch.

    Attributes:
        padded: Height and width of the network's input [px].
        frames: Number of frames.
        reference_index: Number of frames shorter than the reference.
        mend_halos: See `halo.py`.
        bands: See `Request`.
    """

    padded: tuple[int, int]
    frames: int
    reference_index: int
    mend_halos: bool
    bands: int = 1

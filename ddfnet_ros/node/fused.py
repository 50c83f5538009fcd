# SPDX-License-Identifier: Apache-2.0
"""A fused bracket: the value that every output message is built from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.node.serialising import header_of
from ddfnet_ros.results.shares import Clipping, clipping
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.settings import NodeSettings


@dataclass(frozen=True, eq=False)
class Fused:
    """A result, and what else the messages need.

    Attributes:
        deghosted: Result of the fusion.
        camera_info: Camera info with the stamp of the reference frame, else the latest one; None
            if none came.
        settings: Settings that the bracket was fused with.
    """

    deghosted: Deghosted
    camera_info: CameraInfo | None
    settings: NodeSettings

    @property
    def bracket(self) -> Bracket:
        """The bracket that was fused."""
        return self.deghosted.bracket

    @cached_property
    def header(self) -> Header:
        """The header of the reference frame."""
        return header_of(self.bracket.reference)

    @cached_property
    def clipping(self) -> Clipping:
        """Share of clipped pixels before and after fusion."""
        return clipping(self.deghosted, self.settings)

    @cached_property
    def shares(self) -> npt.NDArray[np.float32]:
        """Share of each frame in the result, (N, H, W) in [0, 1]; computed on first use."""
        return self.deghosted.shares()

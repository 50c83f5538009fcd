# SPDX-License-Identifier: Apache-2.0
"""One bracket on its way out: what every output is made from."""

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
    """A result, with what the messages need besides.

    Attributes:
        deghosted: What became of the bracket.
        camera_info: Of the reference frame, by its stamp, else the latest; None where none came.
        settings: Those that hold for this bracket.
    """

    deghosted: Deghosted
    camera_info: CameraInfo | None
    settings: NodeSettings

    @property
    def bracket(self) -> Bracket:
        """What it was made from."""
        return self.deghosted.bracket

    @cached_property
    def header(self) -> Header:
        """The header of the reference frame."""
        return header_of(self.bracket.reference)

    @cached_property
    def clipping(self) -> Clipping:
        """How much was clipped before, and is after."""
        return clipping(self.deghosted, self.settings)

    @cached_property
    def shares(self) -> npt.NDArray[np.float32]:
        """What each frame gave, (N, H, W) in [0, 1]: the network runs once for all who ask."""
        return self.deghosted.shares()

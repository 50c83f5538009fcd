# SPDX-License-Identifier: Apache-2.0
"""What the ways from a bracket to its radiance have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.runtime.guard import Guard
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.settings import RadianceSettings


@runtime_checkable
class Pipeline(Protocol):
    """Four steps, each in a stage of its own; what the first gives is for the others alone."""

    def given(
        self, bracket: Bracket, settings: RadianceSettings, padded: tuple[int, int], stage: Stage
    ) -> Any:
        """The frames, where and as the other steps want them.

        Args:
            bracket: Of any frames that the pipeline takes.
            settings: Name the camera response.
            padded: Height and width, multiples of the network's, that edges are repeated up to.
            stage: Copies.
        """

    def motion(self, given: Any) -> Float[Tensor, '1 m 2 h w']:
        """Flow from the reference to each other frame."""

    def radiances(
        self, given: Sequence[Any], motion: Sequence[Float[Tensor, '1 m 2 h w']],
        reference_index: int, mend_halos: bool, guards: Sequence[Guard],
    ) -> list[Float[Tensor, '3 h w']]:
        """What the network gives, >= 0, relative to the shortest exposure; halos mended or not.

        Args:
            given: From the first step, of brackets that agree in size and number of frames.
            motion: From the second, of each.
            reference_index: How many frames are shorter than the reference.
            mend_halos: See `halo.py`.
            guards: What there is to know of each reference.
        """

    def shown(
        self, bracket: Bracket, radiance: Float[Tensor, 'c h w'], settings: RadianceSettings,
        stage: Stage,
    ) -> tuple[Tensor, Tensor]:
        """Radiance in the unit of Eq. 2 and its picture, on the host once the stage is done.

        Args:
            bracket: Whose radiance it is.
            radiance: Of the padded size.
            settings: Name the tone map.
            stage: Copies.
        """

# SPDX-License-Identifier: Apache-2.0
"""The steps from a bracket to its picture, as a `Deghoster` calls them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.runtime.guard import Guard
from ddfnet_ros.runtime.request import BatchKey, Request
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.settings import RadianceSettings


class Prepared(NamedTuple):
    """A bracket with all that the network needs.

    Attributes:
        request: What is fused, and how.
        inputs: The frames, as `Pipeline.prepare` returned them.
        motion: Flow from the reference to each other frame [px], on the device.
        guard: What is known of the reference's noise, see `guard.py`.
        stages: Those that made this, in order.
    """

    request: Request
    inputs: Any
    motion: Float[Tensor, '1 m 2 h w']
    guard: Guard
    stages: tuple[Stage, ...]


@runtime_checkable
class Pipeline(Protocol):
    """Four steps, each called in a stage of its own."""

    def prepare(
        self, bracket: Bracket, settings: RadianceSettings, padded: tuple[int, int], stage: Stage
    ) -> Any:
        """Convert the frames into what the next two steps take.

        Args:
            bracket: Frames of any size; which pixel types depends on the pipeline.
            settings: Camera response.
            padded: Height and width of the network's input; the last row and column are repeated.
            stage: Stage that uploads.
        """

    def motion(self, inputs: Any) -> Float[Tensor, '1 m 2 h w']:
        """Estimate the flow from the reference to each other frame [px]."""

    def radiances(self, batch: Sequence[Prepared], key: BatchKey) -> list[Float[Tensor, '3 h w']]:
        """Run the network; mend halos and apply the guard.

        Args:
            batch: Brackets that have the key in common.
            key: Size, number of frames and options of them all.

        Returns:
            Radiance of each, >= 0, relative to the shortest exposure, of the padded size.
        """

    def render(
        self, bracket: Bracket, radiance: Float[Tensor, 'c h w'], settings: RadianceSettings,
        stage: Stage,
    ) -> tuple[Tensor, Tensor]:
        """Make radiance in the unit of Eq. 2 and a tone-mapped picture, as `rendering.render`.

        Args:
            bracket: The bracket that was fused.
            radiance: As `radiances` returned it.
            settings: Tone map.
            stage: Stage that downloads; both are on the host once it is done.
        """

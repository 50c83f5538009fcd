# SPDX-License-Identifier: Apache-2.0
"""Brackets on their way through a `Deghoster`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.runtime.guard import Guard
from ddfnet_ros.runtime.preparation import stack_of
from ddfnet_ros.runtime.shown import shown_of, where_finite
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.settings import RadianceSettings


class Ready(NamedTuple):
    """A bracket with all that the network needs.

    Attributes:
        bracket: What is fused.
        settings: By which.
        prepare: Stage that made `given`.
        flow: Stage that found the motion.
        given: The frames, as the pipeline wants them.
        motion: On the device.
        guard: What there is to know of the reference.
    """

    bracket: Bracket
    settings: RadianceSettings
    prepare: Stage
    flow: Stage
    given: Any
    motion: Float[Tensor, '1 m 2 h w']
    guard: Guard


@dataclass(frozen=True, eq=False)
class Begun:
    """What there is of a bracket once all is asked of the device.

    Attributes:
        bracket: What is fused.
        settings: By which.
        bands: Of rows that the network takes one after the other.
        stages: On its way; that of the network is shared by those that went through it at once.
        motion: On the device.
        radiance: Of the padded size, on the device.
        finite: Whether its every value is a number, on the host in the end.
        shown: Radiance and picture, likewise.
        together: Brackets that went through the network at once.
    """

    bracket: Bracket
    settings: RadianceSettings
    bands: int
    stages: tuple[Stage, ...]
    motion: Float[Tensor, '1 m 2 h w']
    radiance: Float[Tensor, 'c h w']
    finite: Tensor
    shown: tuple[Tensor, Tensor]
    together: int

    @property
    def host_ms(self) -> float:
        """Milliseconds that the host took to ask for it all."""
        return sum(stage.host_ms for stage in self.stages)

    def results(self) -> tuple[Tensor, Tensor]:
        """Wait for radiance and picture; where the network gave no number, of the reference."""
        bracket, finish = self.bracket, self.stages[-1]
        finish.wait()
        if self.finite:
            return self.shown
        width, height = bracket.reference.size
        reference = stack_of(bracket, self.settings, (height, width))
        with finish.after():
            mended = where_finite(
                self.radiance[:, :height, :width], finish.to_device(reference)[0, 0, 3:])
            shown = shown_of(bracket, mended, self.settings, finish)
        finish.wait()
        return shown


def array_of(tensor: Tensor) -> npt.NDArray[Any]:
    """A tensor of the host as NumPy has it."""
    array: npt.NDArray[Any] = tensor.numpy()
    return array


def pixel_vectors(motion: Float[Tensor, 'm 2 h w']) -> npt.NDArray[np.float32]:
    """(m, h, w, 2) on the host."""
    return array_of(motion.movedim(1, -1).float().cpu())

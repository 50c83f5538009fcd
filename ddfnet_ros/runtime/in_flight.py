# SPDX-License-Identifier: Apache-2.0
"""A bracket whose work is queued on the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.runtime.preparation import stack_of
from ddfnet_ros.runtime.rendering import render, replace_not_finite
from ddfnet_ros.runtime.request import Request
from ddfnet_ros.runtime.stages import Stage


@dataclass(frozen=True, eq=False)
class InFlight:
    """One bracket on its way through a `Deghoster`; `results` waits for it.

    Attributes:
        request: What is fused, and how.
        stages: Its stages in order; that of the network is shared by the batch.
        motion: Flow from the reference to the others, on the device.
        radiance: Of the padded size, on the device.
        finite: Whether all of it is finite; a bool on the host once the last stage is done.
        rendered: Radiance and picture, on the host once the last stage is done.
        together: Number of brackets in the batch.
    """

    request: Request
    stages: tuple[Stage, ...]
    motion: Float[Tensor, '1 m 2 h w']
    radiance: Float[Tensor, 'c h w']
    finite: Tensor
    rendered: tuple[Tensor, Tensor]
    together: int

    @property
    def host_ms(self) -> float:
        """Milliseconds that the host took to queue the work."""
        return sum(stage.host_ms for stage in self.stages)

    def results(self) -> tuple[Tensor, Tensor]:
        """Wait for radiance and picture; pixels that are not finite show the reference frame."""
        bracket, settings, finish = self.request.bracket, self.request.settings, self.stages[-1]
        finish.wait()
        if self.finite:
            return self.rendered
        width, height = bracket.reference.size
        reference = stack_of(bracket, settings, (height, width))
        with finish.after():
            radiance = replace_not_finite(
                self.radiance[:, :height, :width], finish.to_device(reference)[0, 0, 3:])
            rendered = render(bracket, radiance, settings, finish)
        finish.wait()
        return rendered


def to_numpy(tensor: Tensor) -> npt.NDArray[Any]:
    """View a host tensor as a NumPy array."""
    array: npt.NDArray[Any] = tensor.numpy()
    return array


def flow_vectors(motion: Float[Tensor, 'm 2 h w']) -> npt.NDArray[np.float32]:
    """Copy a flow to the host as (m, h, w, 2)."""
    return to_numpy(motion.movedim(1, -1).float().cpu())

# SPDX-License-Identifier: Apache-2.0
"""Scenes of an evaluation: brackets with ground truth, synthetic or from a data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.merge import static_merge
from ddfnet_ros.radiance import correct, encode
from ddfnet_ros.synthesis.scenes import MOVING_THRESHOLD, Scenes
from ddfnet_ros.tonemap import mu_law


@dataclass(frozen=True, eq=False, kw_only=True)
class Scene:
    """One bracket and its truth.

    Attributes:
        bracket: Colour frames, float32 in [0, 1].
        truth: (H, W, 3) radiance at the reference's instant, relative to the shortest exposure.
        moving: (H, W) mask of pixels where some frame shows something else than the reference.
        true_exposures: True exposures of the frames [s] if the bracket reports wrong ones.
        again: The same bracket taken a second time with new noise.
    """

    bracket: Bracket
    truth: npt.NDArray[np.float32]
    moving: npt.NDArray[np.bool_]
    true_exposures: tuple[float, ...] | None = None
    again: Bracket | None = None

    @property
    def exposures(self) -> tuple[float, ...]:
        """True exposures of the frames [s]."""
        return self.true_exposures or self.bracket.exposures

    @property
    def unit(self) -> np.float32:
        """Factor from radiance in the unit of Eq. 2 to the unit of the truth."""
        return np.float32(min(self.exposures))

    @property
    def reference(self) -> npt.NDArray[np.float32]:
        """LDR values of the reference frame."""
        return self.bracket.reference.pixels.astype(np.float32)

    @property
    def white(self) -> float:
        """Radiance at which the reference clips, relative to the shortest exposure."""
        return float(self.unit) / self.bracket.reference.exposure


def scene_of(scenes: Scenes, index: int = 0) -> Scene:
    """One scene of a batch, with its frames as a camera would deliver them."""
    frames = [
        Frame(pixels=_interleaved(ldr), exposure_time=float(exposure))
        for ldr, exposure in zip(scenes.ldr[index], scenes.exposure[index], strict=True)
    ]
    return Scene(
        bracket=Bracket.of(frames, reference=scenes.reference_index + 1),
        truth=_interleaved(scenes.truth[index]),
        moving=scenes.moving[index, 0].numpy(),
    )


def scene_with_reference(scenes: Scenes, place: int) -> Scene:
    """First bracket of a batch with another frame as the reference, and the truth for that frame.

    Args:
        scenes: Scenes of a noise-free camera.
        place: 0-based index of the reference, from short to long.
    """
    order = torch.argsort(scenes.exposure[0])
    order = torch.cat([order[place:place + 1], order[:place], order[place + 1:]])
    exposure, radiance = scenes.exposure[0, order], scenes.radiance[0, order]
    still = encode((radiance[:1] * exposure[:, None, None, None]).clamp(0, 1))[None]
    shown = mu_law(radiance.clamp(max=1))
    change = (shown[1:] - shown[:1]).abs().amax(dim=(0, 1))
    frames = scene_of(scenes).bracket.frames
    return Scene(
        bracket=Bracket.of(frames, reference=place + 1),
        truth=_interleaved(static_merge(still, correct(still, exposure[None]), place)[0]),
        moving=(change > MOVING_THRESHOLD).numpy(),
    )


def _interleaved(planes: torch.Tensor) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(planes.permute(1, 2, 0).float().numpy())

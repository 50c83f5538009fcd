# SPDX-License-Identifier: Apache-2.0
"""What is judged: brackets with their truth, drawn from panoramas or read from a data set."""

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
        moving: (H, W) where some frame shows something else than the reference.
        true_exposures: Of the frames [s], where the bracket reports others.
        again: The same taken a second time, with other noise.
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
        """What radiance in the unit of Eq. 2 is multiplied with to compare it with the truth."""
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
    """One scene of a batch, as the frames that a camera would deliver."""
    frames = [
        Frame(pixels=_interleaved(ldr), exposure_time=float(exposure))
        for ldr, exposure in zip(scenes.ldr[index], scenes.exposure[index], strict=True)
    ]
    return Scene(
        bracket=Bracket.of(frames, reference=scenes.reference_index + 1),
        truth=_interleaved(scenes.truth[index]),
        moving=scenes.moving[index, 0].numpy(),
    )


def seen_from(scenes: Scenes, place: int) -> Scene:
    """The first bracket of a batch with another reference, and the truth of that one's instant.

    Args:
        scenes: Of cameras whose truth has no noise of theirs.
        place: Of the reference, 0-based, from short to long.
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

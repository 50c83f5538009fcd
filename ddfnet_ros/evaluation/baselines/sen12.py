# SPDX-License-Identifier: Apache-2.0
"""Robust patch-based reconstruction (Sen et al. 2012).

The result H equals the reference where that is well exposed. Elsewhere it must look, under every
exposure, like patches of the frame that was taken with it: each round searches and votes for the
picture L_k that H would give under exposure k, then merges the L_k and puts the reference back
(Algorithm 1), from coarse to fine. Here, L_k is voted from frame k alone, patches have 5 pixels,
and rounds are few, so that a scene takes seconds.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.evaluation.baselines.frames import Stack, exposures_of, ldr_of, radiance_of
from ddfnet_ros.evaluation.baselines.patchmatch import Field, Picture, in_place, nearest, vote
from ddfnet_ros.radiance import GAMMA

_COARSEST = 35           # pixels of the shorter side at the coarsest scale (Sec. 4)
_ROUNDS = (8, 2)         # at the coarsest and at the finest scale
_TRUSTED = (0.02, 0.1, 0.9, 0.98)  # LDR values between which the reference's share rises and falls
_TINY = np.float32(1e-6)
_SEED = 1                # of the random search


def patch_based(bracket: Bracket) -> Float32[np.ndarray, 'h w *c']:
    """Radiance that looks like the reference, completed from the other frames' patches."""
    ldr, exposure = ldr_of(bracket), exposures_of(bracket)
    generator = np.random.default_rng(_SEED)
    reference = bracket.reference_index
    sizes = _scales(*ldr.shape[1:3])
    radiance = _linear(_resized(ldr[reference], sizes[0])) / exposure[reference]
    fields: dict[int, tuple[Field, Field]] = {}
    for scale, size in enumerate(sizes):
        frames = np.stack([_resized(frame, size) for frame in ldr])
        radiance = _with_reference(_resized(radiance, size), frames[reference],
                                   exposure[reference])
        fields = {k: _enlarged(fields.get(k), size) for k in range(len(ldr)) if k != reference}
        for _ in range(_rounds(scale, len(sizes))):
            views = _views(radiance, frames, exposure, reference, fields, generator)
            radiance = _with_reference(
                _merged(views, exposure), frames[reference], exposure[reference])
    return radiance_of(radiance, bracket)


def _views(
    radiance: Picture, frames: Stack, exposure: Float32[np.ndarray, ' n'], reference: int,
    fields: dict[int, tuple[Field, Field]], generator: np.random.Generator,
) -> Stack:
    """L_k of all exposures: search and vote; `fields` is improved in place."""
    views = []
    for k, frame in enumerate(frames):
        view = _exposed(radiance, exposure[k])
        if k != reference:
            coherent = nearest(view, frame, fields[k][0], generator)
            complete = nearest(frame, view, fields[k][1], generator)
            fields[k] = coherent, complete
            view = vote(frame, coherent, complete, _trust(frame).mean(-1))
        views.append(view)
    return np.stack(views)


def _merged(views: Stack, exposure: Float32[np.ndarray, ' n']) -> Picture:
    """Triangle weights; the shortest frame alone knows white, the longest black."""
    weights = 1 - np.abs(2 * views - 1) + _TINY
    weights[0] = np.where(views[0] > 0.5, 1, weights[0])
    weights[-1] = np.where(views[-1] < 0.5, 1, weights[-1])
    linear = _linear(views) / exposure[:, None, None, None]
    merged: Picture = ((weights * linear).sum(0) / weights.sum(0)).astype(np.float32)
    return merged


def _with_reference(radiance: Picture, reference: Picture, exposure: np.float32) -> Picture:
    """Blend the reference in where it is well exposed (alpha_ref of Eq. 2)."""
    alpha = _trust(reference).min(-1, keepdims=True)
    blended: Picture = alpha * _linear(reference) / exposure + (1 - alpha) * radiance
    return blended


def _trust(ldr: Float32[np.ndarray, '*size']) -> Float32[np.ndarray, '*size']:
    return np.interp(ldr, _TRUSTED, (0, 1, 1, 0)).astype(np.float32)


def _linear(ldr: Float32[np.ndarray, '*size']) -> Float32[np.ndarray, '*size']:
    return ldr ** np.float32(GAMMA)


def _exposed(radiance: Picture, exposure: np.float32) -> Picture:
    return np.clip(radiance * exposure, 0, 1) ** np.float32(1 / GAMMA)


def _rounds(scale: int, scales: int) -> int:
    return round(np.interp(scale, (0, max(scales - 1, 1)), _ROUNDS))


def _scales(height: int, width: int) -> list[tuple[int, int]]:
    """Sizes from coarse to fine, each twice the last."""
    sizes = [(height, width)]
    while min(sizes[0]) >= 2 * _COARSEST:
        sizes.insert(0, (-(-sizes[0][0] // 2), -(-sizes[0][1] // 2)))
    return sizes


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    smaller = size[0] < picture.shape[0]
    resized: Picture = cv2.resize(
        picture, size[::-1], interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return resized


def _enlarged(fields: tuple[Field, Field] | None, size: tuple[int, int]) -> tuple[Field, Field]:
    """Fields of the scale before on the next one's pixels; at first nothing has moved."""
    if fields is None:
        return in_place(*size), in_place(*size)
    return _twice(fields[0], size), _twice(fields[1], size)


def _twice(field: Field, size: tuple[int, int]) -> Field:
    limits = np.array(size).reshape(2, 1, 1) - 1
    moved = field - in_place(*field.shape[1:])
    large = 2 * moved.repeat(2, 1).repeat(2, 2)[:, : size[0], : size[1]]
    return np.clip(in_place(*size) + large, 0, limits)

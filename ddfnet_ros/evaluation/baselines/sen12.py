# SPDX-License-Identifier: Apache-2.0
"""Robust patch-based reconstruction (Sen et al. 2012).

The result H equals the reference where that is well exposed. Elsewhere, H under exposure k must
consist of patches of frame k. Each round searches and votes for the picture L_k of H under each
exposure, then merges all L_k and restores the reference (Algorithm 1), from coarse to fine. Here,
L_k is voted from frame k alone, patches are 5 x 5 pixels, and there are few rounds, so that a
scene takes seconds.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.evaluation.baselines.frames import Stack, exposures_of, ldr_of, radiance_of
from ddfnet_ros.evaluation.baselines.patchmatch import (
    Field,
    Picture,
    identity_field,
    improve_field,
    vote,
)
from ddfnet_ros.radiance import GAMMA

_COARSEST = 35           # minimum of the shorter side at the coarsest scale [px] (Sec. 4)
_ROUNDS = (8, 2)         # rounds at the coarsest and at the finest scale
_TRUSTED = (0.02, 0.1, 0.9, 0.98)  # LDR values at which the reference fades in and out
_TINY = np.float32(1e-6)
_SEED = 1                # seed of the random search


def patch_based(bracket: Bracket) -> Float32[np.ndarray, 'h w *c']:
    """Radiance of the reference, completed with patches of the other frames."""
    ldr, exposure = ldr_of(bracket), exposures_of(bracket)
    generator = np.random.default_rng(_SEED)
    reference = bracket.reference_index
    sizes = _pyramid_sizes(*ldr.shape[1:3])
    radiance = _linear(_resized(ldr[reference], sizes[0])) / exposure[reference]
    fields: dict[int, tuple[Field, Field]] = {}
    for scale, size in enumerate(sizes):
        frames = np.stack([_resized(frame, size) for frame in ldr])
        radiance = _blend_reference(_resized(radiance, size), frames[reference],
                                   exposure[reference])
        fields = {k: _upscale_fields(fields.get(k), size)
                  for k in range(len(ldr)) if k != reference}
        for _ in range(_count_rounds(scale, len(sizes))):
            views = _vote_views(radiance, frames, exposure, reference, fields, generator)
            radiance = _blend_reference(
                _merge_views(views, exposure), frames[reference], exposure[reference])
    return radiance_of(radiance, bracket)


def _vote_views(
    radiance: Picture, frames: Stack, exposure: Float32[np.ndarray, ' n'], reference: int,
    fields: dict[int, tuple[Field, Field]], generator: np.random.Generator,
) -> Stack:
    """Search and vote for L_k of every exposure; improves `fields` in place."""
    views = []
    for k, frame in enumerate(frames):
        view = _expose(radiance, exposure[k])
        if k != reference:
            coherent = improve_field(view, frame, fields[k][0], generator)
            complete = improve_field(frame, view, fields[k][1], generator)
            fields[k] = coherent, complete
            view = vote(frame, coherent, complete, _trust_weights(frame).mean(-1))
        views.append(view)
    return np.stack(views)


def _merge_views(views: Stack, exposure: Float32[np.ndarray, ' n']) -> Picture:
    """Weighted mean of all L_k with triangle weights.

    Bright pixels of the shortest and dark pixels of the longest exposure have weight 1.
    """
    weights = 1 - np.abs(2 * views - 1) + _TINY
    weights[0] = np.where(views[0] > 0.5, 1, weights[0])
    weights[-1] = np.where(views[-1] < 0.5, 1, weights[-1])
    linear = _linear(views) / exposure[:, None, None, None]
    merged: Picture = ((weights * linear).sum(0) / weights.sum(0)).astype(np.float32)
    return merged


def _blend_reference(radiance: Picture, reference: Picture, exposure: np.float32) -> Picture:
    """Blend the reference in where it is well exposed (alpha_ref of Eq. 2)."""
    alpha = _trust_weights(reference).min(-1, keepdims=True)
    blended: Picture = alpha * _linear(reference) / exposure + (1 - alpha) * radiance
    return blended


def _trust_weights(ldr: Float32[np.ndarray, '*size']) -> Float32[np.ndarray, '*size']:
    return np.interp(ldr, _TRUSTED, (0, 1, 1, 0)).astype(np.float32)


def _linear(ldr: Float32[np.ndarray, '*size']) -> Float32[np.ndarray, '*size']:
    return ldr ** np.float32(GAMMA)


def _expose(radiance: Picture, exposure: np.float32) -> Picture:
    return np.clip(radiance * exposure, 0, 1) ** np.float32(1 / GAMMA)


def _count_rounds(scale: int, scales: int) -> int:
    return round(np.interp(scale, (0, max(scales - 1, 1)), _ROUNDS))


def _pyramid_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Sizes (height, width) from coarse to fine, each twice the previous one."""
    sizes = [(height, width)]
    while min(sizes[0]) >= 2 * _COARSEST:
        sizes.insert(0, (-(-sizes[0][0] // 2), -(-sizes[0][1] // 2)))
    return sizes


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    smaller = size[0] < picture.shape[0]
    resized: Picture = cv2.resize(
        picture, size[::-1], interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return resized


def _upscale_fields(
    fields: tuple[Field, Field] | None, size: tuple[int, int]
) -> tuple[Field, Field]:
    """Upscale the fields of the previous scale; without any, start with no motion."""
    if fields is None:
        return identity_field(*size), identity_field(*size)
    return _upscale_field(fields[0], size), _upscale_field(fields[1], size)


def _upscale_field(field: Field, size: tuple[int, int]) -> Field:
    limits = np.array(size).reshape(2, 1, 1) - 1
    moved = field - identity_field(*field.shape[1:])
    large = 2 * moved.repeat(2, 1).repeat(2, 2)[:, : size[0], : size[1]]
    return np.clip(identity_field(*size) + large, 0, limits)

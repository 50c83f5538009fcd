# SPDX-License-Identifier: Apache-2.0
"""The road at the picture's own resolution: markings, grain, shadows and reflections on it."""

from __future__ import annotations

import cv2
import numpy as np

from ddfnet_ros.synthesis.street.arrays import Array
from ddfnet_ros.synthesis.street.layer import Layer, Solid
from ddfnet_ros.synthesis.street.projection import StreetCamera

_SUPERSAMPLING = 4
_SHIFT = 4  # sub-pixel bits of OpenCV's polygons


def marking_coverage(camera: StreetCamera, seed: int) -> Array:
    """How much of each pixel is covered by road paint, (H, W) 0 to 1, worn by traffic."""
    ground = camera.scaled(_SUPERSAMPLING).ground()
    horizon = int(camera.horizon) + 1
    x, y = np.moveaxis(ground[horizon * _SUPERSAMPLING:], -1, 0)
    painted = _crossing(x, y) | _stop_line(x, y) | _lanes(x, y)
    worn = _wear(x, y, seed)
    fine = painted * worn
    size = (camera.width, camera.height - horizon)
    coverage = np.zeros((camera.height, camera.width), np.float32)
    coverage[horizon:] = cv2.resize(fine.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return coverage


def _crossing(x: Array, y: Array) -> Array:
    stripes: Array = np.mod(x + 0.15, 1.0) < 0.5
    return stripes & (y > 3.7) & (y < 6.6) & (x > -12.5) & (x < 9.5)


def _stop_line(x: Array, y: Array) -> Array:
    near = (np.abs(y - 2.5) < 0.2) & (x > 0.9) & (x < 9.2)
    far = (np.abs(y - 19.5) < 0.25) & (x < -0.9) & (x > -15)
    return near | far


def _lanes(x: Array, y: Array) -> Array:
    beyond = (y > 20) & (y < 120)
    here = y < 2.2
    dashed = np.mod(y, 9) < 3
    lanes = np.zeros_like(beyond)
    for line in (-11.5, -8.0, -4.5, 4.0, 7.2):
        lanes |= (np.abs(x - line) < 0.075) & (dashed | here)
    centre = (np.abs(np.abs(x - 0.2) - 0.14) < 0.065)
    return (lanes | centre) & (beyond | here)


def _wear(x: Array, y: Array, seed: int) -> Array:
    """Between bare asphalt 0 and fresh paint 1."""
    patches = _smooth_noise(x, y, 1.7, seed)
    chips = _smooth_noise(x, y, 0.11, seed + 1)
    return np.clip(0.78 + 0.9 * (patches - 0.5) + 1.3 * (chips - 0.55), 0.05, 1)


def _smooth_noise(x: Array, y: Array, size: float, seed: int) -> Array:
    """Noise in [0, 1] with blobs of `size` metres, repeating every 256 blobs."""
    lattice = np.random.default_rng(seed).random((256, 256), np.float32)
    columns = np.mod(np.nan_to_num(x, posinf=0, neginf=0) / size, 255).astype(np.float32)
    rows = np.mod(np.nan_to_num(y, posinf=0, neginf=0) / size, 255).astype(np.float32)
    noise: Array = cv2.remap(lattice, columns, rows, cv2.INTER_LINEAR)
    return noise


def grain(camera: StreetCamera, seed: int) -> Array:
    """Relative brightness (H, W) of the stones in the asphalt around 1."""
    random = np.random.default_rng(seed)
    rows, columns = camera.height, camera.width
    fine = random.standard_normal((rows, columns)).astype(np.float32)
    soft = cv2.GaussianBlur(fine, (0, 0), 0.7) * 2.2
    _, elevation = camera.angles()
    # Far away many stones share a pixel.
    strength = np.clip(np.tan(np.clip(-elevation, 0, 1.2)), 0, 0.6) ** 0.8
    brightness: Array = np.exp(0.16 * strength[:, None] * (0.6 * fine + 0.6 * soft))
    return brightness


def shadow(solid: Solid, camera: StreetCamera, sun: Array) -> Array:
    """How much of the sun an object takes from each pixel of the ground, (H, W) 0 to 1."""
    world = solid.in_world().vertices
    fallen = world - world[:, 2:] / sun[2] * sun
    fallen[:, 2] = 0
    ahead = np.abs(np.arctan2(fallen[:, 0], fallen[:, 1])) < 2.4
    points, _ = camera.project(fallen)
    triangles = points[solid.mesh.faces[ahead[solid.mesh.faces].all(1)]]
    return _filled(triangles, camera)


def _filled(triangles: Array, camera: StreetCamera) -> Array:
    mask = np.zeros((2 * camera.height, 2 * camera.width), np.uint8)
    fixed = np.round((2 * triangles - 0.5) * (1 << _SHIFT)).astype(np.int32)
    extent = fixed.max(1) - fixed.min(1)
    wanted = (extent.max(1) < (camera.width << _SHIFT))
    for corners in fixed[wanted]:
        cv2.fillConvexPoly(mask, corners, 255, cv2.LINE_8, _SHIFT)
    size = (camera.width, camera.height)
    return cv2.resize(mask, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def contact(solid: Solid, ground: Array, length: float, width: float, clearance: float) -> Array:
    """Share of the sky (H, W) that the ground near and beneath an object still sees.

    Args:
        solid: The object.
        ground: (H, W, 2) ground positions of the pixels.
        length: Of its footprint [m].
        width: Of its footprint [m].
        clearance: Of its underside above the ground [m].
    """
    falloff = clearance + 0.12 * width
    reach = length / 2 + width / 2 + 5 * falloff
    x, y = np.moveaxis(ground, -1, 0) - np.reshape((solid.x, solid.y), (2, 1, 1))
    near = (np.abs(x) < reach) & (np.abs(y) < reach)
    offset = np.stack([x[near], y[near]], -1)
    beyond = np.stack([np.abs(offset @ solid.rotation[:2, 0]) - length / 2,
                       np.abs(offset @ solid.rotation[:2, 1]) - width / 2])
    outside = np.hypot(*np.maximum(beyond, 0))
    depth = np.minimum(beyond.max(0), 0)  # negative beneath the object
    beneath = 0.06 + 0.30 * np.exp(depth / clearance)
    seen = np.ones(x.shape, np.float32)
    seen[near] = np.where(outside > 0, 1 - 0.64 * np.exp(-outside / falloff), beneath)
    return seen


def reflect(layer: Layer, picture: Array, strength: float, foot: float) -> None:
    """Mirror an object in the road, blurred the more the farther from its foot.

    Args:
        layer: The drawn object.
        picture: (H, W, 3), changed in place.
        strength: Reflectance of the road at this angle.
        foot: Row of the object's foot.
    """
    flipped_colour = np.ascontiguousarray(layer.colour[::-1])
    flipped_cover = np.ascontiguousarray(layer.coverage[::-1])
    sigma = max(1.0, 0.10 * layer.coverage.shape[0])
    pad = int(2 * sigma)
    stack = np.pad(np.dstack([flipped_colour, flipped_cover]), ((pad, pad), (3, 3), (0, 0)))
    blurred = cv2.GaussianBlur(stack, (0, 0), sigmaX=0.8, sigmaY=sigma)
    top = round(2 * foot) - (layer.top + layer.coverage.shape[0]) - pad
    left = layer.left - 3
    rows = np.arange(top, top + blurred.shape[0])
    columns = np.arange(left, left + blurred.shape[1])
    row_ok = (rows >= 0) & (rows < picture.shape[0])
    column_ok = (columns >= 0) & (columns < picture.shape[1])
    if not (row_ok.any() and column_ok.any()):
        return
    seen = blurred[row_ok][:, column_ok]
    fade = np.clip(1 - (rows[row_ok] - foot) / (0.9 * layer.coverage.shape[0] + 1), 0, 1)
    fade = strength * fade[:, None, None] * (rows[row_ok] >= foot)[:, None, None]
    window = picture[rows[row_ok][0]:rows[row_ok][-1] + 1,
                     columns[column_ok][0]:columns[column_ok][-1] + 1]
    window *= 1 - fade * seen[..., 3:]
    window += fade * np.minimum(seen[..., :3], 0.9)

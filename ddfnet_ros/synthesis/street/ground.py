# SPDX-License-Identifier: Apache-2.0
"""The road: markings, grain, shadows and reflections, at the resolution of the picture."""

from __future__ import annotations

import cv2
import numpy as np

from ddfnet_ros.synthesis.street.arrays import Array
from ddfnet_ros.synthesis.street.layer import Layer, Solid
from ddfnet_ros.synthesis.street.projection import StreetCamera

_SUPERSAMPLING = 4
_SHIFT = 4  # sub-pixel bits of OpenCV's polygons


def marking_coverage(camera: StreetCamera, seed: int) -> Array:
    """Share of each pixel that is covered by worn road paint, (H, W), 0 to 1."""
    ground = camera.scaled(_SUPERSAMPLING).ground()
    horizon = int(camera.horizon) + 1
    x, y = np.moveaxis(ground[horizon * _SUPERSAMPLING:], -1, 0)
    painted = _crossing(x, y) | _stop_line(x, y) | _lanes(x, y)
    fine = painted * _remaining_paint(x, y, seed)
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


def _remaining_paint(x: Array, y: Array, seed: int) -> Array:
    """Paint that wear has left: 0 for bare asphalt, 1 for fresh paint."""
    patches = _smooth_noise(x, y, 1.7, seed)
    chips = _smooth_noise(x, y, 0.11, seed + 1)
    return np.clip(0.78 + 0.9 * (patches - 0.5) + 1.3 * (chips - 0.55), 0.05, 1)


def _smooth_noise(x: Array, y: Array, size: float, seed: int) -> Array:
    """Noise in [0, 1] with blobs of `size` metres; it repeats after 255 blobs."""
    lattice = np.random.default_rng(seed).random((256, 256), np.float32)
    columns = np.mod(np.nan_to_num(x, posinf=0, neginf=0) / size, 255).astype(np.float32)
    rows = np.mod(np.nan_to_num(y, posinf=0, neginf=0) / size, 255).astype(np.float32)
    noise: Array = cv2.remap(lattice, columns, rows, cv2.INTER_LINEAR)
    return noise


def grain(camera: StreetCamera, seed: int) -> Array:
    """Relative brightness (H, W), around 1, of the stones in the asphalt."""
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
    """Share of the sun that an object blocks at each pixel of the ground, (H, W), 0 to 1.

    Args:
        solid: The object.
        camera: The view.
        sun: Unit vector towards the sun.
    """
    world = solid.in_world().vertices
    on_ground = world - world[:, 2:] / sun[2] * sun
    on_ground[:, 2] = 0
    ahead = np.abs(np.arctan2(on_ground[:, 0], on_ground[:, 1])) < 2.4
    points, _ = camera.project(on_ground)
    triangles = points[solid.mesh.faces[ahead[solid.mesh.faces].all(1)]]
    return _fill(triangles, camera)


def _fill(triangles: Array, camera: StreetCamera) -> Array:
    """Coverage (H, W), 0 to 1, by filled triangles; those as wide as the picture are left out."""
    mask = np.zeros((2 * camera.height, 2 * camera.width), np.uint8)
    fixed = np.round((2 * triangles - 0.5) * (1 << _SHIFT)).astype(np.int32)
    extent = fixed.max(1) - fixed.min(1)
    drawable = (extent.max(1) < (camera.width << _SHIFT))
    for corners in fixed[drawable]:
        cv2.fillConvexPoly(mask, corners, 255, cv2.LINE_8, _SHIFT)
    size = (camera.width, camera.height)
    return cv2.resize(mask, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def sky_visibility(
    solid: Solid, ground: Array, length: float, width: float, clearance: float
) -> Array:
    """Share of the sky (H, W) that is visible from the ground near and below an object.

    Args:
        solid: The object.
        ground: (H, W, 2) ground positions of the pixels [m].
        length: Length of its footprint [m].
        width: Width of its footprint [m].
        clearance: Height of its underside above the ground [m].
    """
    falloff = clearance + 0.12 * width
    reach = length / 2 + width / 2 + 5 * falloff
    x, y = np.moveaxis(ground, -1, 0) - np.reshape((solid.x, solid.y), (2, 1, 1))
    near = (np.abs(x) < reach) & (np.abs(y) < reach)
    offset = np.stack([x[near], y[near]], -1)
    beyond = np.stack([np.abs(offset @ solid.rotation[:2, 0]) - length / 2,
                       np.abs(offset @ solid.rotation[:2, 1]) - width / 2])
    outside = np.hypot(*np.maximum(beyond, 0))
    depth = np.minimum(beyond.max(0), 0)  # negative below the object
    below = 0.06 + 0.30 * np.exp(depth / clearance)
    visible = np.ones(x.shape, np.float32)
    visible[near] = np.where(outside > 0, 1 - 0.64 * np.exp(-outside / falloff), below)
    return visible


def reflect(layer: Layer, picture: Array, strength: float, foot: float) -> None:
    """Add the blurred mirror image of an object in the road; it fades away from the foot.

    Args:
        layer: The rendered object.
        picture: (H, W, 3) radiance, changed in place.
        strength: Reflectance of the road at this angle.
        foot: Row of the object's foot [px].
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
    row_inside = (rows >= 0) & (rows < picture.shape[0])
    column_inside = (columns >= 0) & (columns < picture.shape[1])
    if not (row_inside.any() and column_inside.any()):
        return
    image = blurred[row_inside][:, column_inside]
    rows, columns = rows[row_inside], columns[column_inside]
    fade = np.clip(1 - (rows - foot) / (0.9 * layer.coverage.shape[0] + 1), 0, 1)
    fade = strength * fade[:, None, None] * (rows >= foot)[:, None, None]
    window = picture[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    window *= 1 - fade * image[..., 3:]
    window += fade * np.minimum(image[..., :3], 0.9)

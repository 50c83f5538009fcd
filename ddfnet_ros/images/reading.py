# SPDX-License-Identifier: Apache-2.0
"""Read image files: PNG, JPEG, TIFF, HDR and OpenEXR; arrays are RGB or grey."""

from __future__ import annotations

from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ddfnet_ros.bracket import Pixels
from ddfnet_ros.image_headers import (
    UNKNOWN,
    claimed_pixels,
    has_multiplied_alpha,
    is_truncated,
    unsupported_layout,
)
from ddfnet_ros.images.damage import caught_stderr, find_damage

READABLE = 'PNG, JPEG, TIFF, HDR or EXR'
_EXR_MAGIC = b'\x76\x2f\x31\x01'

# Deflate makes no more than 1032 bytes of one, the LZW of TIFF 1365 (4096 codes of 12 bits that
# each stand for one byte more than the last); a JPEG spends at least a bit on 64 pixels.
_MAX_DENSITY = 1365  # pixels per byte of a file, at 8 bits or more per pixel


class ImageError(ValueError):
    """An image file exists but cannot be used."""


def decode(data: bytes | memoryview, name: str = 'image') -> Pixels:
    """Decode a compressed LDR image: (H, W) grey or (H, W, 3) RGB, upright, at its own depth.

    Args:
        data: Content of a PNG, JPEG, TIFF or HDR file.
        name: Name of the image in error messages.

    Raises:
        ImageError: truncated, or not an image.
    """
    whole = bytes(data)
    if is_truncated(whole):
        raise ImageError(f'{name}: expected a whole image, got one truncated after {len(whole)} '
                         'bytes; copy it again')
    _check_density(whole, name)
    encoded = np.frombuffer(data, np.uint8)
    if layout := unsupported_layout(whole) or _transparency(whole, encoded):
        raise ImageError(f'{name}: expected a TIFF of grey or RGB pixels one by one, got '
                         f'{layout}; save it as PNG or EXR')
    if (pixels := _decode(encoded, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)) is None:
        raise ImageError(f'{name}: expected {READABLE}, got {len(encoded)} bytes that do not '
                         'decode; check that the file is a whole image')
    if pixels.dtype not in (np.uint8, np.uint16, np.float32):
        raise ImageError(f'{name}: expected 8, 16 or float bits, got {pixels.dtype}; convert it')
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    decoded: Pixels = pixels
    return decoded


def read_ldr(path: Path | str) -> Pixels:
    """Read one frame of a bracket: uint8, uint16 or float32, (H, W) or (H, W, 3) RGB.

    Raises:
        OSError: the file cannot be opened.
        ImageError: truncated, damaged, or not an image.
    """
    data = Path(path).read_bytes()
    if data.startswith(_EXR_MAGIC):
        return read_exr(path)
    with caught_stderr() as printed:
        pixels = decode(data, str(path))
    if damage := find_damage(''.join(printed), data):
        raise ImageError(f'{path}: expected a whole picture, got a damaged one ({damage}); copy '
                         'it again')
    return pixels


def read_exr(path: Path | str) -> npt.NDArray[np.float32]:
    """Read R, G, B (or Y, repeated) of an OpenEXR file, of any pixel type, as (H, W, 3) float32.

    Raises:
        OSError: the file cannot be opened.
        ImageError: the file is truncated, not an EXR, or has other channels.
    """
    import OpenEXR  # noqa: PLC0415  (takes 0.2 s, only needed for EXR)

    with Path(path).open('rb') as file:
        if file.read(4) != _EXR_MAGIC:
            raise ImageError(f'{path}: expected an EXR file, got something else; check the path')
    try:
        with caught_stderr(), redirect_stdout(None):  # where OpenEXR warns
            channels = OpenEXR.File(str(path), separate_channels=True).channels()
    except (RuntimeError, ValueError) as error:
        raise ImageError(f'{path}: expected a whole EXR file, got a damaged one; copy it again'
                         ) from error
    for names in ('RGB', 'YYY'):
        if set(names) <= channels.keys():
            return np.stack([channels[name].pixels for name in names], -1).astype(np.float32)
    raise ImageError(f'{path}: expected channels R, G, B or Y, got {", ".join(channels)}; '
                     'export it again')


def _decode(encoded: npt.NDArray[np.uint8], flags: int) -> Any:
    """Return what OpenCV makes of a file's bytes; None if that is nothing."""
    try:
        return cv2.imdecode(encoded, flags)
    except cv2.error:  # an empty buffer or impossible sizes
        return None


def _transparency(whole: bytes, encoded: npt.NDArray[np.uint8]) -> str:
    """Name the transparency of a TIFF that would spoil its colours; '' if there is none."""
    if not has_multiplied_alpha(whole):
        return ''
    pixels = _decode(encoded, cv2.IMREAD_UNCHANGED)
    opaque = pixels is None or pixels.ndim < 3 or bool((pixels[..., 3:] == 255).all())
    return '' if opaque else 'transparency'


def _check_density(data: bytes, name: str) -> None:
    """Refuse a file whose header claims more pixels than fit its bytes, before decoding it."""
    pixels = claimed_pixels(data)
    if pixels is None:
        raise ImageError(f'{name}: expected {READABLE}, got {len(data)} bytes of another kind; '
                         'check that the file is a whole image')
    if pixels > _MAX_DENSITY * len(data):
        claim = f'{pixels} pixels' if pixels < UNKNOWN else 'a damaged header'
        raise ImageError(f'{name}: expected {READABLE}, got {claim} in {len(data)} bytes; check '
                         'the source of the image')

# SPDX-License-Identifier: Apache-2.0
"""Read image files: PNG, JPEG, TIFF, HDR and OpenEXR; arrays are RGB or grey."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ddfnet_ros.bracket import Pixels
from ddfnet_ros.image_headers import UNKNOWN, claimed_pixels, is_truncated, unsupported_layout

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
    if layout := unsupported_layout(whole):
        raise ImageError(f'{name}: expected a TIFF of grey or RGB pixels one by one, got '
                         f'{layout}; save it as PNG or EXR')
    encoded = np.frombuffer(data, np.uint8)
    try:
        pixels: Any = cv2.imdecode(encoded, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
    except cv2.error:  # an empty buffer or impossible sizes
        pixels = None
    if pixels is None:
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
        ImageError: truncated, or not an image.
    """
    data = Path(path).read_bytes()
    if data.startswith(_EXR_MAGIC):
        return read_exr(path)
    with _silent_libraries():
        return decode(data, str(path))


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
        with _silent_libraries():
            channels = OpenEXR.File(str(path), separate_channels=True).channels()
    except (RuntimeError, ValueError) as error:
        raise ImageError(f'{path}: expected a whole EXR file, got a damaged one; copy it again'
                         ) from error
    for names in ('RGB', 'YYY'):
        if set(names) <= channels.keys():
            return np.stack([channels[name].pixels for name in names], -1).astype(np.float32)
    raise ImageError(f'{path}: expected channels R, G, B or Y, got {", ".join(channels)}; '
                     'export it again')


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


@contextmanager
def _silent_libraries() -> Iterator[None]:
    """Hide what C libraries print about damaged files; our error says it in one line.

    Redirects stderr of the whole process, so only the file readers use it, not `decode`.
    """
    saved = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(sink)

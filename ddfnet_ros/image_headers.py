# SPDX-License-Identifier: Apache-2.0
"""What the headers of image files tell that decoders believe, or do not heed."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator

UNKNOWN = 2**62  # pixels: more than any file may have
_PNG_SIZES = {b'IHDR': 0, b'fcTL': 4}  # where in a chunk; the second is of a moving picture
# Start of frame: a marker, its length for 1 to 4 components, the depth, and the size. Compressed
# data cannot hold it, because a byte of ones is followed by zeros there.
_JPEG_SIZE = re.compile(
    rb'\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf]\0[\x0b\x0e\x11\x14].(....)', re.DOTALL)
_JPEG_SCAN = 0xDA
_JPEG_ALONE = (0x00, 0x01, *range(0xD0, 0xDA), 0xFF)  # markers without a segment, and rubbish
_HDR_SIZE = re.compile(rb'-Y\s*[-+]?(\d+)\s*\+X\s*[-+]?(\d+)')
# TIFF 6.0: tags, and the two types that sizes may have.
_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 322, 323
_BITS, _PHOTOMETRIC, _SAMPLES, _PLANES = 258, 262, 277, 284
_TIFF = (b'II*\0', b'MM\0*')
_TIFF_FORMATS = {3: 'H', 4: 'I'}


def claimed_pixels(data: bytes) -> int | None:
    """Pixels that the header of a PNG, JPEG, TIFF, Radiance HDR, PGM or PPM file tells of.

    Args:
        data: The whole file.

    Returns:
        How many; UNKNOWN or more where such a file is too damaged to tell; None for a file of
        another kind.
    """
    for start, claim in _CLAIMS.items():
        if data.startswith(start):
            return claim(data)
    return None


def truncated(data: bytes) -> bool:
    """Whether a PNG or JPEG lacks its end: decoders fill the rest with grey and say nothing.

    What follows the end, such as the video of a moving photograph, does not matter.
    """
    if data.startswith(b'\xff\xd8\xff'):
        scan = _jpeg_scan(data)
        return scan < 0 or data.find(b'\xff\xd9', scan) < 0
    return data.startswith(b'\x89PNG') and data.rfind(b'IEND') <= data.rfind(b'IDAT')


def misread(data: bytes) -> str:
    """How a TIFF is laid out that OpenCV decodes to another picture, or not; '' for any other."""
    if not data.startswith(_TIFF):
        return ''
    tags = dict(_tiff_values(data))
    samples, bits = tags.get(_SAMPLES, 1), _tiff_bits(data)
    if bits <= 8:
        return ''
    if tags.get(_PLANES) == 2 and samples > 1:
        return 'a plane for each colour'
    if tags.get(_PHOTOMETRIC) == 0:
        return 'zero as white'
    transparent = samples == 2 or (samples == 4 and bits > 16)
    return 'transparency' if transparent else ''


def _png(data: bytes) -> int:
    """Chunk by chunk, because decoders take the memory that a chunk claims, too."""
    place, pixels, kind = 8, 0, b''
    while kind != b'IEND' and place + 12 <= len(data):
        length, kind = struct.unpack_from('>I4s', data, place)
        if place + 12 + length > len(data) or (place == 8) != (kind == b'IHDR'):
            return UNKNOWN
        if kind in _PNG_SIZES and length >= 13:
            width, height = struct.unpack_from('>II', data, place + 8 + _PNG_SIZES[kind])
            pixels = max(pixels, int(width * height))
        place += 12 + length
    return pixels if kind == b'IEND' else UNKNOWN  # the rest of a chunk's head claims memory too


def _jpeg(data: bytes) -> int:
    """Wherever the size stands: decoders skip rubbish until they find it, too."""
    sizes = [struct.unpack('>HH', size) for size in _JPEG_SIZE.findall(data)]
    return max((int(height * width) for height, width in sizes), default=0)


def _jpeg_scan(data: bytes) -> int:
    """Where the pixels begin, behind thumbnails, which are in segments; -1: nowhere."""
    place = data.find(b'\xff', 2)
    while 0 <= place < len(data) - 4:
        marker, length = struct.unpack_from('>BH', data, place + 1)
        if marker == _JPEG_SCAN:
            return place
        alone = marker in _JPEG_ALONE
        place = data.find(b'\xff', place + 1 if alone else place + 2 + length)
    return -1


def _hdr(data: bytes) -> int:
    sizes = [int(a[:9]) * int(b[:9]) for a, b in _HDR_SIZE.findall(data)]
    return max(sizes, default=0)


def _pnm(data: bytes) -> int:
    sizes = re.findall(rb'\d+', re.sub(rb'#[^\n]*', b'', data[2:1000]))
    return int(sizes[0][:9]) * int(sizes[1][:9]) if len(sizes) > 1 else UNKNOWN


def _tiff(data: bytes) -> int:
    """Of the first picture in the file; that of a tile counts too, it is memory as well."""
    largest = dict.fromkeys((_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT), 0)
    for tag, value in _tiff_values(data):
        if tag in largest:
            largest[tag] = max(largest[tag], value)
    return max(largest[_WIDTH] * largest[_HEIGHT], largest[_TILE_WIDTH] * largest[_TILE_HEIGHT])


def _tiff_values(data: bytes) -> Iterator[tuple[int, int]]:
    """Tags of the first directory with their values, or unknown ones."""
    order = _tiff_order(data)
    for entry, tag, kind, length in _tiff_entries(data):
        if kind in _TIFF_FORMATS and length == 1:
            yield tag, struct.unpack_from(order + _TIFF_FORMATS[kind], data, entry + 8)[0]
        else:
            yield tag, UNKNOWN


def _tiff_bits(data: bytes) -> int:
    """Of the first sample of a pixel; more than two samples' stand where the entry tells."""
    order = _tiff_order(data)
    for entry, tag, _, length in _tiff_entries(data):
        if tag == _BITS:
            place = entry + 8
            if length > 2:
                (place,) = struct.unpack_from(f'{order}I', data, place)
            return int(struct.unpack(f'{order}H', data[place:place + 2].ljust(2, b'\0'))[0])
    return 1


def _tiff_order(data: bytes) -> str:
    return '<' if data.startswith(b'II') else '>'


def _tiff_entries(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Of the first directory: where each stands, its tag, type and number of values."""
    order = _tiff_order(data)
    (place,) = struct.unpack_from(f'{order}I', data.ljust(8, b'\0'), 4)
    (count,) = struct.unpack_from(f'{order}H', data[place:place + 2].ljust(2, b'\0'))
    for entry in range(place + 2, place + 2 + 12 * count, 12):
        if entry + 12 > len(data):
            return
        tag, kind, length = struct.unpack_from(f'{order}HHI', data, entry)
        yield entry, tag, kind, length


_CLAIMS: dict[bytes, Callable[[bytes], int]] = {
    b'\x89PNG': _png, b'\xff\xd8': _jpeg, **dict.fromkeys(_TIFF, _tiff), b'#?': _hdr,
    b'P5': _pnm, b'P6': _pnm}

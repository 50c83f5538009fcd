# SPDX-License-Identifier: Apache-2.0
"""Check headers of image files for what decoders trust blindly, or ignore."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator

UNKNOWN = 2**62  # pixels: more than any file may have
_PNG_SIZES = {b'IHDR': 0, b'fcTL': 4}  # offset of the size in a chunk; fcTL: animated PNG
# Start of frame: marker, length for 1 to 4 components, depth and size. It cannot occur in
# compressed data, where a byte 0xff is followed by a byte 0.
_JPEG_SIZE = re.compile(
    rb'\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf]\0[\x0b\x0e\x11\x14].(....)', re.DOTALL)
_JPEG_SCAN = 0xDA
_JPEG_ALONE = (0x00, 0x01, *range(0xD0, 0xDA), 0xFF)  # markers without a segment, and invalid ones
_HDR_SIZE = re.compile(rb'-Y\s*[-+]?(\d+)\s*\+X\s*[-+]?(\d+)')
# TIFF 6.0: tags, and the two types that sizes can have.
_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 322, 323
_BITS, _PHOTOMETRIC, _SAMPLES, _PLANES, _EXTRA = 258, 262, 277, 284, 338
_RGB, _UNSPECIFIED = 2, 0
_TIFF = (b'II*\0', b'MM\0*')
_TIFF_FORMATS = {3: 'H', 4: 'I'}


def claimed_pixels(data: bytes) -> int | None:
    """Number of pixels by the header of a PNG, JPEG, TIFF, Radiance HDR, PGM or PPM file.

    Args:
        data: Content of the whole file.

    Returns:
        The number; UNKNOWN or more if the header is damaged; None for another kind of file.
    """
    for start, claim in _PIXEL_COUNTS.items():
        if data.startswith(start):
            return claim(data)
    return None


def is_truncated(data: bytes) -> bool:
    """Whether a PNG or JPEG lacks its end: decoders silently fill the rest with grey.

    Data after the end, such as the video of a motion photo, is allowed.
    """
    if data.startswith(b'\xff\xd8\xff'):
        scan = find_jpeg_scan(data)
        return scan < 0 or data.find(b'\xff\xd9', scan) < 0
    return data.startswith(b'\x89PNG') and data.rfind(b'IEND') <= data.rfind(b'IDAT')


def unsupported_layout(data: bytes) -> str:
    """Name the layout of a TIFF that OpenCV decodes wrongly or not at all; '' for other files."""
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


def has_multiplied_alpha(data: bytes) -> bool:
    """Whether this is a TIFF of 8 bits whose colours OpenCV gives multiplied by their alpha."""
    if not data.startswith(_TIFF) or _tiff_bits(data) > 8:
        return False
    tags = dict(_tiff_values(data))
    return (tags.get(_PHOTOMETRIC) == _RGB and tags.get(_SAMPLES, 1) > 3
            and tags.get(_EXTRA, _UNSPECIFIED) != _UNSPECIFIED)


def _png_pixels(data: bytes) -> int:
    """Check chunk by chunk: decoders also allocate the memory that each chunk claims."""
    place, pixels, kind = 8, 0, b''
    while kind != b'IEND' and place + 12 <= len(data):
        length, kind = struct.unpack_from('>I4s', data, place)
        if place + 12 + length > len(data) or (place == 8) != (kind == b'IHDR'):
            return UNKNOWN
        if kind in _PNG_SIZES and length >= 13:
            width, height = struct.unpack_from('>II', data, place + 8 + _PNG_SIZES[kind])
            pixels = max(pixels, int(width * height))
        place += 12 + length
    return pixels if kind == b'IEND' else UNKNOWN  # a cut chunk header claims memory, too


def _jpeg_pixels(data: bytes) -> int:
    """Search the whole file for sizes: decoders also skip invalid data until they find one."""
    sizes = [struct.unpack('>HH', size) for size in _JPEG_SIZE.findall(data)]
    return max((int(height * width) for height, width in sizes), default=0)


def find_jpeg_scan(data: bytes) -> int:
    """Offset of the pixel data, behind thumbnails, which are in segments; -1 if there is none."""
    place = data.find(b'\xff', 2)
    while 0 <= place < len(data) - 4:
        marker, length = struct.unpack_from('>BH', data, place + 1)
        if marker == _JPEG_SCAN:
            return place
        alone = marker in _JPEG_ALONE
        place = data.find(b'\xff', place + 1 if alone else place + 2 + length)
    return -1


def _hdr_pixels(data: bytes) -> int:
    sizes = [int(a[:9]) * int(b[:9]) for a, b in _HDR_SIZE.findall(data)]
    return max(sizes, default=0)


def _pnm_pixels(data: bytes) -> int:
    sizes = re.findall(rb'\d+', re.sub(rb'#[^\n]*', b'', data[2:1000]))
    return int(sizes[0][:9]) * int(sizes[1][:9]) if len(sizes) > 1 else UNKNOWN


def _tiff_pixels(data: bytes) -> int:
    """Count the pixels of the first picture, or of a tile if that is larger."""
    largest = dict.fromkeys((_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT), 0)
    for tag, value in _tiff_values(data):
        if tag in largest:
            largest[tag] = max(largest[tag], value)
    return max(largest[_WIDTH] * largest[_HEIGHT], largest[_TILE_WIDTH] * largest[_TILE_HEIGHT])


def _tiff_values(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the tags of the first directory with their values; UNKNOWN for other types."""
    order = _tiff_order(data)
    for entry, tag, kind, length in _tiff_entries(data):
        if kind in _TIFF_FORMATS and length == 1:
            yield tag, struct.unpack_from(order + _TIFF_FORMATS[kind], data, entry + 8)[0]
        else:
            yield tag, UNKNOWN


def _tiff_bits(data: bytes) -> int:
    """Bits of the first sample of a pixel; for more than two samples the entry has an offset."""
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
    """Yield the entries of the first directory: offset, tag, type and number of values."""
    order = _tiff_order(data)
    (place,) = struct.unpack_from(f'{order}I', data.ljust(8, b'\0'), 4)
    (count,) = struct.unpack_from(f'{order}H', data[place:place + 2].ljust(2, b'\0'))
    for entry in range(place + 2, place + 2 + 12 * count, 12):
        if entry + 12 > len(data):
            return
        tag, kind, length = struct.unpack_from(f'{order}HHI', data, entry)
        yield entry, tag, kind, length


_PIXEL_COUNTS: dict[bytes, Callable[[bytes], int]] = {
    b'\x89PNG': _png_pixels, b'\xff\xd8': _jpeg_pixels, **dict.fromkeys(_TIFF, _tiff_pixels),
    b'#?': _hdr_pixels, b'P5': _pnm_pixels, b'P6': _pnm_pixels}

# SPDX-License-Identifier: Apache-2.0
"""Parse bytes into cases of `benchmark.fuzz_targets`, for a fuzzer that mutates bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

from benchmark.fuzz_targets import (
    ENCODINGS,
    FORMATS,
    PATHS,
    bags,
    pictures,
    weights_files,
)

_FIELDS = struct.Struct('<HHHBB')  # height, width, step, encoding, byte order
_TIMES = (1, 1, 1, 10**4)  # repetitions of a text, for deep nesting
_HUGE = 2**16 - 2**8  # sizes from here on stand for those near 2^32
_PARAMETERS = ('/**: {ros__parameters: {mu: 5000.0, model: fast, exposure_times: [1.0, 4.0]}}',
               '/fuse_node:\n ros__parameters:\n  image_topics: [/a, /b]\n  use_sim_time: true')
_TEXTS = ('{"exposure": 4000, "a": {"b": {"c": [1.5, "2"]}}}',
          '{"values": [{"key": "ExposureTime", "value": "4000"}]}', '0.004')
_CONFIGS = ([{'architecture': 'fast', 'channels': 8, 'blocks': 1, 'context': 4}, {}],
            [{'architecture': 'ddfnet', 'channels': 4}, {'sha256': 1}])


def seeds(target: str) -> Iterator[bytes]:
    """Valid cases of a target, as bytes for its parser."""
    if target == 'image':
        for place in range(len(ENCODINGS)):
            yield _FIELDS.pack(4, 4, 16, place, 0) + bytes(range(96))
    elif target == 'compressed':
        for place, (_, content) in enumerate(sorted(pictures().items())):
            yield bytes([place % len(FORMATS)]) + content
    elif target in _FILES:
        for place, (_, content) in enumerate(sorted(_FILES[target]().items())):
            yield bytes([place]) + content
    elif target == 'config':
        yield from (json.dumps(case).encode() for case in _CONFIGS)
    else:
        texts = _TEXTS if target == 'metadata' else _PARAMETERS
        yield from (bytes([place, 0]) + text.encode() for place, text in enumerate(texts))


def _parse_image(content: bytes) -> dict[str, Any]:
    head = content[:_FIELDS.size].ljust(_FIELDS.size, b'\0')
    height, width, step, encoding, order = _FIELDS.unpack(head)
    height, width, step = (n + 2**32 - 2**16 if n >= _HUGE else n for n in (height, width, step))
    return {'height': height, 'width': width, 'step': step, 'is_bigendian': order,
            'encoding': ENCODINGS[encoding % len(ENCODINGS)], 'data': content[_FIELDS.size:]}


def _make_file_parser(name: str) -> Callable[[bytes], tuple[str, bytes]]:
    def parse(content: bytes) -> tuple[str, bytes]:
        kinds = sorted(_FILES[name]())
        return kinds[(content or b'\0')[0] % len(kinds)], content[1:]

    return parse


def _parse_compressed(content: bytes) -> tuple[str, tuple[str, bytes]]:
    return FORMATS[(content or b'\0')[0] % len(FORMATS)], ('', content[1:])


def _parse_metadata(content: bytes) -> tuple[str, str, int]:
    first, second = content[:2].ljust(2, b'\0')
    return (PATHS[first % len(PATHS)], content[2:].decode(errors='replace'),
            _TIMES[second % len(_TIMES)])


def _parse_parameters(content: bytes) -> tuple[str, int]:
    return content[2:].decode(errors='replace'), 1


def _parse_config(content: bytes) -> tuple[Any, Any]:
    text = content.decode(errors='replace')
    try:
        config, card = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return text, None
    return config, card


_FILES: dict[str, Callable[[], dict[str, bytes]]] = {
    'picture': pictures, 'weights': weights_files, 'bag': bags}
PARSERS: dict[str, Callable[[bytes], Any]] = {
    'image': _parse_image, 'compressed': _parse_compressed,
    'picture': _make_file_parser('picture'), 'metadata': _parse_metadata,
    'parameters': _parse_parameters, 'weights': _make_file_parser('weights'),
    'config': _parse_config, 'bag': _make_file_parser('bag')}

# SPDX-License-Identifier: Apache-2.0
"""Learn from what C libraries print that a picture is damaged: OpenCV returns it all the same."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import cv2

from ddfnet_ros.image_headers import find_jpeg_scan

# Of libjpeg, and of libtiff by way of OpenCV's log.
_DAMAGE = re.compile(r'(?:Corrupt JPEG data: |TIFF_Error )(.+)|(Premature end of JPEG.*)')
_EXTRANEOUS = re.compile(r'(\d+) extraneous bytes before marker')
_END_OF_JPEG = b'\xff\xd9'
_MAX_PADDING = 16  # bytes of any value that cameras leave before a marker


@contextmanager
def caught_stderr() -> Iterator[list[str]]:
    """Catch what is printed to stderr within; the list has it afterwards, as one text.

    Redirects stderr of the whole process, as C libraries know no other, and has OpenCV log errors.
    """
    caught: list[str] = []
    level = cv2.utils.logging.getLogLevel()
    with ExitStack() as stack:
        sink = os.memfd_create('stderr')
        stack.callback(os.close, sink)
        stack.callback(_restore_stderr, _duplicate_stderr())
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        stack.callback(cv2.utils.logging.setLogLevel, level)
        os.dup2(sink, 2)
        try:
            yield caught
        finally:
            caught.append(os.pread(sink, os.fstat(sink).st_size, 0).decode(errors='replace'))


def _duplicate_stderr() -> int | None:
    """Duplicate the descriptor of stderr; None where it is closed."""
    try:
        return os.dup(2)
    except OSError:
        return None


def _restore_stderr(saved: int | None) -> None:
    if saved is None:
        os.close(2)
        return
    os.dup2(saved, 2)
    os.close(saved)


def find_damage(printed: str, data: bytes) -> str:
    """Name the damage that was told while a picture was decoded; '' if there is none.

    Args:
        printed: What the libraries printed.
        data: Content of the file.
    """
    for found in _DAMAGE.finditer(printed):
        what = (found[1] or found[2]).strip()
        if not ((surplus := _EXTRANEOUS.match(what)) and _is_padding(data, int(surplus[1]))):
            return what
    return ''


def _is_padding(data: bytes, count: int) -> bool:
    """Whether surplus bytes at the end of a JPEG are a camera's and not pixels that got lost."""
    end = data.find(_END_OF_JPEG, max(find_jpeg_scan(data), 0))
    return count <= _MAX_PADDING or len(set(data[max(end - count, 0):end])) == 1

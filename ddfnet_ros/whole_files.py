# SPDX-License-Identifier: Apache-2.0
"""Write files atomically: they appear complete or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

_numbers = count()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write a file to, which replaces `path` once it is complete.

    Several threads and processes may write the same file; the last one wins. A link stays, and
    what it points to is replaced.

    Raises:
        OSError: it cannot be written, such as on a full disk; an existing file stays.
    """
    target = behind_links(path)
    # Short and ASCII, whatever the name of the file is.
    name = f'.{os.getpid()}_{threading.get_ident()}_{next(_numbers)}.partial'
    partial = target.with_name(name)
    try:
        yield partial
        put_in_place(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def behind_links(path: Path) -> Path:
    """Return the file that a link points to, whether it is there or not; else `path` itself."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically; makes its folder if missing.

    Raises:
        OSError: it cannot be written, such as on a full disk; an existing file stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        partial.write_bytes(content)


def put_in_place(partial: Path, path: Path) -> None:
    """Rename a complete file to its final name, once it is safely on the disk.

    Raises:
        OSError: writing to the disk failed; an existing file stays.
    """
    sync(partial)
    partial.replace(path)


def sync(path: Path) -> None:
    """Flush a file to the disk (fsync), so that it survives a crash of the machine.

    Raises:
        OSError: writing to the disk failed.
    """
    with path.open('rb') as file:
        os.fsync(file.fileno())

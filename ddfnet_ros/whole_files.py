# SPDX-License-Identifier: Apache-2.0
"""Write files atomically: they appear complete or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically; makes its folder if missing.

    Several processes may write the same file; the last one wins.

    Raises:
        OSError: it cannot be written, such as on a full disk; an existing file stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.name}.{os.getpid()}.partial')
    try:
        partial.write_bytes(content)
        put_in_place(partial, path)
    finally:
        partial.unlink(missing_ok=True)


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

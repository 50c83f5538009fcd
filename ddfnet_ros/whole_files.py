# SPDX-License-Identifier: Apache-2.0
"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file; its folder is made where there is none.

    Several processes may write the same one: the last of them is there in the end.

    Raises:
        OSError: it cannot be written, as on a full disk; a file that was there stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.name}.{os.getpid()}.partial')
    try:
        partial.write_bytes(content)
        put_in_place(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def put_in_place(partial: Path, path: Path) -> None:
    """Give a file that is complete the name of its own, once it is on the disk.

    Raises:
        OSError: the disk cannot take it; a file that was there stays.
    """
    sync(partial)
    partial.replace(path)


def sync(path: Path) -> None:
    """Have a file on the disk, whatever happens to the machine from now on.

    Raises:
        OSError: the disk cannot take it.
    """
    with path.open('rb') as file:
        os.fsync(file.fileno())

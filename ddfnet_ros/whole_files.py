# SPDX-License-Identifier: Apache-2.0
"""Write files atomically: they appear complete or not at all."""

from __future__ import annotations

import os
import shutil
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
    # Short and ASCII, whatever the name of the file is.
    name = f'.{os.getpid()}_{threading.get_ident()}_{next(_numbers)}.partial'
    partial = behind_links(path).with_name(name)
    try:
        yield partial
        put_in_place(partial, path)
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
    behind_links(path).parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        partial.write_bytes(content)


def put_in_place(partial: Path, path: Path) -> None:
    """Rename a complete file to its final name, once it is safely on the disk (fsync).

    A link stays; a file that is replaced passes its permissions on.

    Args:
        partial: The complete file, on the file system of the other.
        path: Its final name.

    Raises:
        OSError: writing to the disk failed; an existing file stays.
    """
    target = behind_links(path)
    if target.exists():
        shutil.copymode(target, partial)
    with partial.open('rb') as file:
        os.fsync(file.fileno())
    partial.replace(target)


@contextmanager
def whole_target(path: Path) -> Iterator[Path]:
    """As `replacing`; where that is not possible, such as for /dev/null, the path itself.

    Raises:
        OSError: no file can be written there.
    """
    check_writable(path)
    folder = behind_links(path).parent
    if not os.access(folder, os.W_OK) or (path.exists() and not path.is_file()):
        yield path
        return
    with replacing(path) as partial:
        yield partial


def check_writable(path: Path | str) -> None:
    """Raise OSError, naming the remedy, unless a file can be written at `path`."""
    path = Path(path)
    folder = behind_links(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(f'{path}: expected its folder to exist, got none; create it')
    target = path if path.exists() else folder
    if path.is_dir() or not os.access(target, os.W_OK):
        raise PermissionError(f'{path}: expected a file that may be written, got '
                              f'{"a folder" if path.is_dir() else "no permission"}; '
                              'choose another path')

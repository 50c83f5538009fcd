# SPDX-License-Identifier: Apache-2.0
"""Engines on disk, so that each is built once per machine. A damaged file counts as none."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import re
from pathlib import Path

from ddfnet_ros.whole_files import write_whole

_DIGEST = 32  # bytes of the SHA-256 digest that precedes the engine in a file

_log = logging.getLogger(__name__)


def path_of(checksum: str, *about: str) -> Path:
    """Path of an engine in the user's cache folder, named after all that the engine depends on.

    Args:
        checksum: Checksum of the weights; a digest of this package's code is added to it.
        about: What else the engine depends on, such as GPU and precision.
    """
    cache = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
    digest = hashlib.sha256(f'{checksum} {_sources()}'.encode()).hexdigest()[:16]
    parts = [re.sub(r'[^A-Za-z0-9.]+', '_', part) for part in (*about, digest)]
    return cache / 'ddfnet_ros' / 'tensorrt' / f'{"-".join(parts)}.engine'


def load(path: Path) -> bytes | None:
    """Read an engine; None if there is none, or, with a warning, if the file is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    engine = content[_DIGEST:]
    if hashlib.sha256(engine).digest() == content[:_DIGEST]:
        return engine
    _log.warning('%s: expected the whole engine that was kept there, got a damaged file; it is '
                 'built again', path)
    return None


def store(path: Path, engine: bytes) -> None:
    """Write an engine; a failure is only a warning."""
    try:
        write_whole(path, hashlib.sha256(engine).digest() + engine)
    except OSError as error:
        _log.warning('engines are built at every start, in minutes: expected a folder to keep '
                     'them in, got: %s; set XDG_CACHE_HOME', error)


@functools.cache
def _sources() -> str:
    """Digest of this package's code, because an engine depends on it, too."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[2].rglob('*.py')):
        digest.update(path.read_bytes())
    return digest.hexdigest()

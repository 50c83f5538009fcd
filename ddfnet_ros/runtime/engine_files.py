# SPDX-License-Identifier: Apache-2.0
"""Engines on disk, so that they are built once per machine: whole, or as if they were not."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import re
from pathlib import Path

from ddfnet_ros.whole_files import write_whole

_DIGEST = 32  # bytes of SHA-256, before the engine

_log = logging.getLogger(__name__)


def file_of(checksum: str, *about: str) -> Path:
    """Where an engine is kept: in the user's cache folder, under all that it depends on.

    Args:
        checksum: Of the weights; what this package makes of them counts too.
        about: What else tells it from others, such as GPU and precision.
    """
    cache = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
    digest = hashlib.sha256(f'{checksum} {_sources()}'.encode()).hexdigest()[:16]
    parts = [re.sub(r'[^A-Za-z0-9.]+', '_', part) for part in (*about, digest)]
    return cache / 'ddfnet_ros' / 'tensorrt' / f'{"-".join(parts)}.engine'


def kept(path: Path) -> bytes | None:
    """The engine that was kept there, or None; of a damaged one the log tells."""
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


def keep(path: Path, engine: bytes) -> None:
    """Write it whole or not at all; where that cannot be done, say so and go on."""
    try:
        write_whole(path, hashlib.sha256(engine).digest() + engine)
    except OSError as error:
        _log.warning('engines are built at every start, in minutes: expected a folder to keep '
                     'them in, got: %s; set XDG_CACHE_HOME', error)


@functools.cache
def _sources() -> str:
    """Of this package: an engine is what its code made of the weights."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob('*.py')):
        digest.update(path.read_bytes())
    return digest.hexdigest()

# SPDX-License-Identifier: Apache-2.0
"""Compile kernels once per machine, not once per process."""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache

_Function = TypeVar('_Function', bound=Callable[..., Any])

_OPTIONS = {'nogil': True, 'error_model': 'numpy', 'fastmath': {'contract'}}

_log = logging.getLogger(__name__)


def kernel(function: _Function) -> _Function:
    """Compile a function at its first call with each kind of arguments, or load it from disk.

    Numba puts compiled functions into `__pycache__` or, where that is not writable, into
    `NUMBA_CACHE_DIR` or the user's cache folder.
    """
    compiled = numba.njit(**_OPTIONS)(function)
    try:
        compiled._cache = _KernelCache(function)
    except RuntimeError:
        _warn_that_nothing_is_cached()
    return compiled


class _KernelCache(FunctionCache):  # type: ignore[misc]  # Numba counts as untyped
    """Numba's cache, but never stale, and without errors.

    Numba only checks whether a kernel's own file has changed, not the files of the kernels that it
    calls; here, all files count. With a damaged file or a full disk, kernels are compiled anew.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file._source_stamp = _sources()

    def load_overload(self, signature: Any, target: Any) -> Any:
        try:
            return super().load_overload(signature, target)
        except Exception:  # whatever unpickling damaged bytes may raise
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        with suppress(OSError):
            super().save_overload(signature, compiled)


@functools.cache
def _sources() -> str:
    """Digest of the code of all kernels."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob('*.py')):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@functools.cache
def _warn_that_nothing_is_cached() -> None:
    _log.warning('kernels are compiled at every start, in seconds: expected a folder to keep them '
                 'in, got none that can be written to; set NUMBA_CACHE_DIR')

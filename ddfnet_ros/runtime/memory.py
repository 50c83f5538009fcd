# SPDX-License-Identifier: Apache-2.0
"""Keep freed memory: an image-sized tensor costs more to map in fresh than to compute.

glibc hands freed blocks of this size back to the kernel, which zeroes pages again for the next
frame: a quarter of the CPU time of `fast` at 640x360 (measured in a process with 3 frames).
"""

from __future__ import annotations

import ctypes

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_NEVER = 2**31 - 1
_LARGEST_BLOCKS = (2**30, 2**25)  # bytes; older glibc refuses more than the second


def keep_freed_memory() -> bool:
    """Let the C library's allocator reuse large blocks; the process keeps its peak size.

    Only one arena is left, because those of other threads give their memory back regardless.

    Returns:
        Whether it could: only glibc has these settings, elsewhere nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # no such function, or no such library
        return False
    done = [
        mallopt(_M_ARENA_MAX, 1),
        mallopt(_M_TRIM_THRESHOLD, _NEVER),
        any(mallopt(_M_MMAP_THRESHOLD, size) for size in _LARGEST_BLOCKS),
    ]
    return all(done)

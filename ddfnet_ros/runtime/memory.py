# SPDX-License-Identifier: Apache-2.0
"""Keep freed memory for the next frame; give it back when memory runs short.

glibc returns freed blocks as large as an image to the operating system, which zeroes pages again
for the next frame. For a tensor of this size that costs more than computing it: a quarter of the
CPU time of `fast` at 640x360 (measured in a process with 3 frames).
"""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

import cv2
import torch

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_NEVER = 2**31 - 1
_LARGEST_BLOCKS = (2**30, 2**25)  # bytes; older versions of glibc refuse the first

# Words in out-of-memory errors of torch, cuDNN, cuBLAS, OpenCV, OpenVINO and TensorRT that have no
# class of their own. Where no cuDNN engine has room for its workspace, torch finds none.
_SHORTAGE = ('out of memory', "can't allocate memory", 'not enough memory', 'ALLOC_FAILED',
             'ALLOCATION_FAILED', 'unable to find an engine', 'Insufficient memory', 'bad_alloc',
             'OutOfMemory')


def keep_freed_memory() -> bool:
    """Let the C library's allocator reuse large blocks; the process keeps its peak size.

    All threads share one arena from now on: other arenas would give their memory back regardless.

    Returns:
        Whether it worked. Only glibc has these settings; elsewhere nothing changes.
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


def give_back_freed_memory(device: torch.device) -> None:
    """Free unused memory: reference cycles, and what the C library and the device's cache keep."""
    gc.collect()
    with suppress(OSError, TypeError, AttributeError):  # as above
        ctypes.CDLL(None).malloc_trim(0)
    if device.type == 'cuda':
        torch.cuda.empty_cache()


def is_shortage(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on any device and in the words of any library."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError | cv2.error) and any(
        words in str(error) for words in _SHORTAGE)

# SPDX-License-Identifier: Apache-2.0
"""Process pieces of a picture in parallel, each on one CPU thread.

Torch splits every single operation among its threads and waits for all of them each time. For
short operations, such as those on a few rows, waiting takes most of the time. If each piece runs
on one thread from begin to end, threads have to wait only once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

import torch

BAND_ROWS = 184
"""Rows of a band: gives one or two bands per thread for a small picture, and limits memory."""

_START_TIMEOUT = 60  # seconds for all threads to start

Piece = TypeVar('Piece')
Result = TypeVar('Result')


def each(work: Callable[[Piece], Result], pieces: Sequence[Piece]) -> list[Result]:
    """Apply `work` to each piece; in parallel in inference mode. Returns the results in order."""
    threads = torch.get_num_threads()
    if len(pieces) < 2 or threads < 2 or not torch.is_inference_mode_enabled():
        return [work(piece) for piece in pieces]
    low = torch.is_autocast_enabled('cpu')

    def alone(piece: Piece) -> Result:  # torch's modes are per thread, so they are set again
        with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16, enabled=low):
            return work(piece)

    begun = [_pool(threads).submit(alone, piece) for piece in pieces]
    wait(begun)  # for all, so that none still runs when one has failed
    return [future.result() for future in begun]


def row_pieces(height: int, step: int) -> list[tuple[int, int]]:
    """Split a picture into pieces: first row and number of rows of each."""
    return [(first, min(step, height - first)) for first in range(0, height, step)]


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Make a pool whose threads do not split their operations among further threads."""
    together = threading.Barrier(threads)

    def start(_place: int) -> None:
        torch.get_num_threads()  # the first call copies the global number to this thread
        torch.set_num_threads(1)
        together.wait(_START_TIMEOUT)  # so that each thread runs this once

    pool = ThreadPoolExecutor(threads, thread_name_prefix='rows')
    list(pool.map(start, range(threads)))
    torch.set_num_threads(threads)  # for this thread and for later ones
    return pool

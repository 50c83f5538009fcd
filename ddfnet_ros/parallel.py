# SPDX-License-Identifier: Apache-2.0
"""Work on pieces of a picture at the same time, each on one CPU thread.

Torch shares every single operation among its threads, and waits for all of them each time. Where
operations are as short as those on a few rows, most of the time is waiting: with pieces that go
their own way from begin to end, threads meet once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

import torch

BAND_ROWS = 184
"""Rows of a picture's bands: one or two for each thread of a small one, memory for no more."""

_PATIENCE = 60  # seconds for all threads to start

Piece = TypeVar('Piece')
Result = TypeVar('Result')


def each(work: Callable[[Piece], Result], pieces: Sequence[Piece]) -> list[Result]:
    """What `work` makes of each piece, in order; at the same time where nothing is learnt."""
    threads = torch.get_num_threads()
    if len(pieces) < 2 or threads < 2 or not torch.is_inference_mode_enabled():
        return [work(piece) for piece in pieces]
    low = torch.is_autocast_enabled('cpu')

    def alone(piece: Piece) -> Result:  # modes are of a thread
        with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16, enabled=low):
            return work(piece)

    begun = [_pool(threads).submit(alone, piece) for piece in pieces]
    wait(begun)  # all of them, so that none goes on where one has failed
    return [future.result() for future in begun]


def row_pieces(height: int, step: int) -> list[tuple[int, int]]:
    """First row and number of rows of each piece of a picture."""
    return [(first, min(step, height - first)) for first in range(0, height, step)]


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads whose operations are not shared among further ones."""
    together = threading.Barrier(threads)

    def start(_place: int) -> None:
        torch.get_num_threads()  # a thread takes over the number of all when it is first asked
        torch.set_num_threads(1)
        together.wait(_PATIENCE)  # so that each of them comes here

    pool = ThreadPoolExecutor(threads, thread_name_prefix='rows')
    list(pool.map(start, range(threads)))
    torch.set_num_threads(threads)  # of this thread, and of those that start later
    return pool

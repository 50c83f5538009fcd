# SPDX-License-Identifier: Apache-2.0
"""A sign of life on the terminal while something takes long, and nobody can tell how long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

_PATIENCE = 1.5  # seconds that need no sign, after those that a verb needs to begin
_EVERY = 0.5  # seconds between two looks at the clock


@contextmanager
def waiting(what: str) -> Iterator[Callable[[], None]]:
    """Show on stderr what is being done and for how long; on a terminal, unless it is quick.

    Args:
        what: Such as 'fusing'.

    Yields:
        What wipes the sign off before the end of the block, where a bar of its own goes on.
    """
    done = threading.Event()
    with tqdm(desc=what, bar_format='{desc}: {elapsed}', delay=_PATIENCE, mininterval=0,
              miniters=0, leave=False, disable=None) as line:
        def show() -> None:
            while not done.wait(_EVERY):
                line.update(0)

        shower = threading.Thread(target=show, daemon=True)
        if not line.disable:
            shower.start()

        def stop() -> None:
            done.set()
            if shower.is_alive():
                shower.join()
            line.close()

        try:
            yield stop
        finally:
            stop()

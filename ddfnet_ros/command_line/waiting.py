# SPDX-License-Identifier: Apache-2.0
"""Show a running clock on the terminal during a long step of unknown duration."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

_DELAY = 1.5  # seconds until the clock is shown
_REFRESH = 0.5  # seconds between two updates


@contextmanager
def waiting(what: str) -> Iterator[Callable[[], None]]:
    """Show on stderr what is being done and for how long, if it is a terminal and takes long.

    Args:
        what: Name of the step, such as 'fusing'.

    Yields:
        Function that removes the clock before the end of the block, for example to show a
        progress bar instead.
    """
    done = threading.Event()
    with tqdm(desc=what, bar_format='{desc}: {elapsed}', delay=_DELAY, mininterval=0,
              miniters=0, leave=False, disable=None) as line:
        def show() -> None:
            while not done.wait(_REFRESH):
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

# SPDX-License-Identifier: Apache-2.0
"""A sign of life on the terminal while something takes long, and nobody can tell how long."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

_PATIENCE = 2.0  # seconds that need no sign
_EVERY = 0.5  # seconds between two looks at the clock


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on stderr what is being done and for how long; on a terminal, after two seconds.

    Args:
        what: Such as 'fusing'.
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
        try:
            yield
        finally:
            done.set()
            if not line.disable:
                shower.join()

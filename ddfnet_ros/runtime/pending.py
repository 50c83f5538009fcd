# SPDX-License-Identifier: Apache-2.0
"""A bracket on its way through a `Deghoster`, while the next one is submitted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar('Result')


class Pending(Generic[Result]):
    """What will have become of a bracket; on a CPU it is there at once.

    May be asked from another thread than the one that submits, and by several. Until it has been
    asked it holds, on a GPU, the radiance and the motion of the padded picture there (12 bytes
    per pixel, and 8 for each frame but the reference), and on the host radiance and picture in
    pinned memory (15 bytes per pixel of RGB). None is written over, however many are pending.
    """

    def __init__(self, finish: Callable[[], Result]) -> None:
        """Hold what is not finished.

        Args:
            finish: Waits for the result; called again only where it failed.
        """
        self._finish: Callable[[], Result] | None = finish
        self._results: list[Result] = []
        self._lock = threading.Lock()

    def result(self) -> Result:
        """Wait for it; the same each time.

        Raises:
            RuntimeError: from the device, where it failed after the bracket was submitted.
        """
        with self._lock:
            if self._finish is not None:
                self._results.append(self._finish())
                self._finish = None
        return self._results[0]

# SPDX-License-Identifier: Apache-2.0
"""The result of a bracket that a `Deghoster` may still be working on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar('Result')


class Pending(Generic[Result]):
    """A result that may not be ready yet; on a CPU it is ready at once.

    Any number of threads may ask for it, not only the one that submits. On a GPU, it holds memory
    until it was asked for: on the device the radiance and motion of the padded picture (12 bytes
    per pixel, and 8 for each frame but the reference), and on the host radiance and picture in
    pinned memory (15 bytes per pixel of RGB). However many are pending, none overwrites another.
    """

    def __init__(self, finish: Callable[[], Result]) -> None:
        """Remember how to wait for the result.

        Args:
            finish: Waits for the result and returns it; called again only after it raised.
        """
        self._finish: Callable[[], Result] | None = finish
        self._results: list[Result] = []
        self._lock = threading.Lock()

    def result(self) -> Result:
        """Wait for the result; every call returns the same object.

        Raises:
            RuntimeError: the device failed after the bracket was submitted.
        """
        with self._lock:
            if self._finish is not None:
                self._results.append(self._finish())
                self._finish = None
        return self._results[0]

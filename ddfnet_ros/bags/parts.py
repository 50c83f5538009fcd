# SPDX-License-Identifier: Apache-2.0
"""Store the results of a run in parts, so that an interrupted run can continue."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ddfnet_ros.bags.reading import BagError, BagReader, Message
from ddfnet_ros.bags.writing import BagWriter
from ddfnet_ros.whole_files import write_whole

PART_SIZE = 20  # brackets in a part: an interruption loses at most these
_LOCK, _PURPOSE = 'lock', 'purpose.json'


class Parts:
    """Context manager for the folder of a run, which holds several small, complete bags.

    The folder records the purpose of the run. If it is from a run with another purpose, such as
    other settings, it is emptied; one that no run has made is refused. Only one process at a time
    can have it open.
    """

    def __init__(self, folder: Path, purpose: Mapping[str, Any]) -> None:
        """Name the folder.

        Args:
            folder: Folder of the parts; made if missing.
            purpose: Everything that must be equal for parts to be reused; JSON types only.
        """
        self._folder = folder
        self._purpose = json.dumps(dict(purpose), sort_keys=True, indent=1)
        self._done: dict[Path, list[str]] = {}
        self._stack = ExitStack()
        self._writer: BagWriter | None = None
        self._keys: list[str] = []

    def __enter__(self) -> Parts:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._check_ours()
        with ExitStack() as stack:
            self._lock(stack)
            self._reuse_or_clear()
            self._unlock = stack.pop_all()
        return self

    def __exit__(self, *raised: Any) -> None:
        with self._unlock:
            self._stack.__exit__(*raised)  # a part that is being written is lost
            if not self._done and self._folder.is_dir():
                self.remove()

    @property
    def done(self) -> frozenset[str]:
        """The keys of all results in completed parts."""
        return frozenset(key for keys in self._done.values() for key in keys)

    def add(self, key: str, messages: Sequence[Message]) -> None:
        """Store the messages of one result."""
        if self._writer is None:
            self._writer = self._stack.enter_context(BagWriter(self._path(len(self._done))))
        for message in messages:
            self._writer.write_cdr(message)
        self._keys.append(key)
        if len(self._keys) >= PART_SIZE:
            self.flush()

    def flush(self) -> None:
        """Complete the part that is being written."""
        if self._writer is None:
            return
        self._stack.close()
        path, keys = self._path(len(self._done)), self._keys
        write_whole(path.with_suffix('.json'), json.dumps(keys).encode())
        self._done[path] = keys
        self._writer, self._keys = None, []

    def messages(self) -> Iterator[Message]:
        """Yield all stored messages, in order."""
        for path in self._done:
            with BagReader(path) as bag:
                yield from bag.messages()

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self._folder)

    def _path(self, number: int) -> Path:
        return self._folder / f'part_{number:05}.mcap'

    def _check_ours(self) -> None:
        """Raise BagError if the folder holds files that no run has left."""
        names = {path.name for path in self._folder.iterdir()}
        if names and not names & {_LOCK, _PURPOSE}:
            raise BagError(f'{self._folder}: expected a folder of an earlier run, or none, got '
                           f'one with {min(names)}; move it away, or choose another name for the '
                           'result')

    def _lock(self, stack: ExitStack) -> None:
        file = stack.enter_context((self._folder / _LOCK).open('w'))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BagError(f'{self._folder}: expected to be alone, got another run that is at it; '
                           'wait for it') from error

    def _reuse_or_clear(self) -> None:
        """Reuse completed parts of a run with the same purpose; remove all other files."""
        purpose = self._folder / _PURPOSE
        same = purpose.is_file() and purpose.read_text() == self._purpose
        while same and (self._path(len(self._done)).with_suffix('.json')).is_file():
            path = self._path(len(self._done))
            self._done[path] = json.loads(path.with_suffix('.json').read_text())
        kept = {_LOCK, _PURPOSE, *(p.name for p in self._done),
                *(p.with_suffix('.json').name for p in self._done)}
        for path in self._folder.iterdir():
            if path.name in kept:
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not same:
            write_whole(purpose, self._purpose.encode())

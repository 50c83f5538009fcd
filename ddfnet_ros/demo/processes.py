# SPDX-License-Identifier: Apache-2.0
"""Child processes that never outlive the demo, and whose last words are not lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import ddfnet_ros

# Ways to ask a process to end, from polite to final, and how long it may take [s].
_FAREWELLS = ((signal.SIGINT, 10.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0))
_POLL = 0.05


class ProcessError(RuntimeError):
    """A child process did not do what it was started for."""


class Child:
    """One `python -m` process; what it prints goes to a log file.

    Attributes:
        name: What errors call it.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str]
                 ) -> None:
        self.name = name
        self._log_path = log
        self._read = 0
        with log.open('wb') as file:
            # A session of its own: Ctrl-C reaches the demo alone, which ends them in order.
            self._process = subprocess.Popen(
                [*_tied_to_parent(), sys.executable, '-u', '-m', *command], env=dict(env),
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def new_lines(self) -> list[str]:
        """The lines that it has printed since the last call."""
        with self._log_path.open('rb') as file:
            file.seek(self._read)
            complete, end, _ = file.read().rpartition(b'\n')
        self._read += len(complete) + len(end)
        return complete.decode(errors='replace').splitlines()

    def last_words(self, lines: int = 8) -> str:
        """The end of its log, for an error message."""
        text = self._log_path.read_text(errors='replace').rstrip().splitlines()
        return '\n'.join(f'  {self.name}: {line}' for line in text[-lines:])

    def check_running(self) -> None:
        """Raise ProcessError, with the end of its log, if it has ended."""
        if self.exit_code is not None:
            raise ProcessError(f'{self.name}: expected it to keep running, got exit code '
                               f'{self.exit_code}:\n{self.last_words()}')

    def stop(self) -> int:
        """End it, politely at first; gives its exit code."""
        for farewell, patience in _FAREWELLS:
            if self.exit_code is not None:
                break
            os.killpg(self._process.pid, farewell)
            deadline = time.monotonic() + patience
            while self.exit_code is None and time.monotonic() < deadline:
                time.sleep(_POLL)
        return self._process.wait()


class Children:
    """Context manager that ends whatever was started in it, the youngest first."""

    def __init__(self, log_folder: Path, environment: Mapping[str, str]) -> None:
        self._log_folder = log_folder
        self._environment = {**os.environ, **environment, 'PYTHONPATH': _import_path()}
        self._children: list[Child] = []

    def __enter__(self) -> Children:
        self._log_folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        while self._children:
            self._children.pop().stop()

    def start(self, name: str, command: Sequence[str]) -> Child:
        """Start `python -m COMMAND...` with its log in `NAME.log`."""
        child = Child(name, command, self._log_folder / f'{name}.log', self._environment)
        self._children.append(child)
        return child


def end_on_signals() -> None:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does, so that children are ended too."""
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, interrupt)


def _tied_to_parent() -> list[str]:
    """A prefix by which the kernel ends the child even if the demo itself is killed."""
    tool = shutil.which('setpriv')
    return [tool, '--pdeathsig', 'KILL'] if tool else []


def _import_path() -> str:
    """This very package first, whether it is installed or run from its checkout."""
    here = str(Path(ddfnet_ros.__file__).parents[1])
    return os.pathsep.join(filter(None, (here, os.environ.get('PYTHONPATH'))))

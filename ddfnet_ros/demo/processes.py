# SPDX-License-Identifier: Apache-2.0
"""Child processes that never outlive the demo; their output is kept in log files."""

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

# Signals that end a process, from polite to forced, and how long to wait after each [s].
_STOP_SIGNALS = ((signal.SIGINT, 10.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0))
_POLL = 0.05


class ProcessError(RuntimeError):
    """A child process did not do what it was started for."""


class Child:
    """One `python -m` process; what it prints goes to a log file.

    Attributes:
        name: Its name in error messages.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str]
                 ) -> None:
        self.name = name
        self._log_path = log
        self._read = 0
        with log.open('wb') as file:
            # A session of its own: Ctrl-C reaches only the demo, which ends its children in order.
            self._process = subprocess.Popen(
                [*_killed_with_parent(), sys.executable, '-u', '-m', *command], env=dict(env),
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def new_lines(self) -> list[str]:
        """Lines that it has printed since the last call."""
        with self._log_path.open('rb') as file:
            file.seek(self._read)
            complete, end, _ = file.read().rpartition(b'\n')
        self._read += len(complete) + len(end)
        return complete.decode(errors='replace').splitlines()

    def log_tail(self, lines: int = 8) -> str:
        """The end of its log, for an error message."""
        text = self._log_path.read_text(errors='replace').rstrip().splitlines()
        return '\n'.join(f'  {self.name}: {line}' for line in text[-lines:])

    def check_running(self) -> None:
        """Raise ProcessError, with the end of its log, if it has ended."""
        if self.exit_code is not None:
            raise ProcessError(f'{self.name}: expected it to keep running, got exit code '
                               f'{self.exit_code}:\n{self.log_tail()}')

    def stop(self) -> int:
        """End the process, politely at first; return its exit code."""
        for stop_signal, patience in _STOP_SIGNALS:
            if self.exit_code is not None:
                break
            os.killpg(self._process.pid, stop_signal)
            deadline = time.monotonic() + patience
            while self.exit_code is None and time.monotonic() < deadline:
                time.sleep(_POLL)
        return self._process.wait()


class Children:
    """Context manager that ends all processes started in it, the last one first."""

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
    """Handle SIGTERM and SIGHUP like Ctrl-C, so that child processes are ended too."""
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, interrupt)


def _killed_with_parent() -> list[str]:
    """Command prefix that makes the kernel kill the child if the demo itself is killed."""
    tool = shutil.which('setpriv')
    return [tool, '--pdeathsig', 'KILL'] if tool else []


def _import_path() -> str:
    """PYTHONPATH that starts with this package, installed or in its checkout."""
    here = str(Path(ddfnet_ros.__file__).parents[1])
    return os.pathsep.join(filter(None, (here, os.environ.get('PYTHONPATH'))))

# SPDX-License-Identifier: Apache-2.0
"""The folder of a run: one process at a time writes to it, and its settings lie in it."""

from __future__ import annotations

import errno
import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from ddfnet_ros.training.checkpoint import SETTINGS
from ddfnet_ros.training.settings import TrainingSettings

LOCK = 'lock'
_UNLOCKABLE = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)  # of file systems without locks


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Lock the folder of a run, which is made if missing, and removed if nothing comes into it.

    Raises:
        ValueError: another run is at it.
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    with path.open('w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(f'--run: expected to be alone in {folder}, got another run that is '
                             'at it; wait for it, or choose another --run') from error
        except OSError as error:
            if error.errno not in _UNLOCKABLE:
                raise
        try:
            yield
        finally:
            with suppress(OSError):
                if [found.name for found in folder.iterdir()] == [LOCK]:
                    path.unlink()
                    folder.rmdir()


def write_settings(settings: TrainingSettings) -> None:
    """Write the settings into the folder of their run.

    Raises:
        OSError: they cannot be written.
    """
    path = Path(settings.run) / SETTINGS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(settings), indent=2) + '\n')

# SPDX-License-Identifier: Apache-2.0
"""Saves brackets to disk on request, in a thread of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ddfnet_ros
from ddfnet_ros.node.diagnostics import one_line
from ddfnet_ros.node.engine import Engine
from ddfnet_ros.node.services import Answer
from ddfnet_ros.results.saving import save
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.settings import NodeSettings


class Saver:
    """Fuses the latest bracket again and saves it with its frames and all settings."""

    def __init__(self) -> None:
        self._writer = ThreadPoolExecutor(1, 'writer')

    def save_latest(self, engine: Engine, settings: NodeSettings, answer: Answer) -> None:
        """Fuse the latest bracket, then save it in the other thread. Call from the worker thread.

        Args:
            engine: Engine that holds the latest bracket.
            settings: Settings to fuse with; they name the folder.
            answer: Called once with whether it was saved, and where or why not.
        """
        try:
            if engine.latest is None:
                answer(False, 'expected a bracket to save, got none yet; try again later')
                return
            deghosted = engine(engine.latest, settings)
            about = {
                'ddfnet_ros': ddfnet_ros.__version__, 'model': engine.model_name,
                'device': engine.device, 'precision': engine.precision,
                'settings': dataclasses.asdict(settings),
            }
            self._writer.submit(_write, deghosted, settings, about, answer)
        except Exception as error:  # of any kind: the caller waits for the answer
            answer(False, f'cannot fuse the bracket: {one_line(error)}')

    def close(self) -> None:
        """Wait until pending brackets are written."""
        self._writer.shutdown()


def _write(deghosted: Deghosted, settings: NodeSettings, about: Mapping[str, Any],
           answer: Answer) -> None:
    try:
        folder = _expand_home(settings.save_folder)
        answer(True, f'saved {save(deghosted, folder, about, settings.save_blur)}')
    except OSError as error:  # no such folder, no permission, disk full
        answer(False, f'cannot save: {one_line(error)}')
    except Exception as error:  # of any kind: the caller waits for the answer
        answer(False, f'cannot save: {type(error).__name__}: {one_line(error)}')


def _expand_home(folder: str) -> Path:
    """Expand `~` in a folder; OSError if there is no such user."""
    try:
        return Path(folder).expanduser()
    except RuntimeError as error:
        raise FileNotFoundError(f'expected a folder, got {folder} of a user who is not there; set '
                                'save_folder') from error

# SPDX-License-Identifier: Apache-2.0
"""Logging of a run: progress bar, log.jsonl, TensorBoard."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor
from tqdm import tqdm

from ddfnet_ros.training.checkpoint import CHECKPOINT, State
from ddfnet_ros.training.settings import TrainingSettings

LOG = 'log.jsonl'
LOG_EVERY = 50  # steps averaged in a row of the log; fewer when a checkpoint is due

_log = logging.getLogger(__name__)


class Record:
    """Log of a run, written by the leading process; use it in a `with`."""

    def __init__(self, settings: TrainingSettings, step: int, steps: int) -> None:
        self._settings = settings
        self._progress = tqdm(total=steps, initial=step, unit='step', smoothing=0.02,
                              disable=None)
        self._board = _open_board(Path(settings.run)) if settings.tensorboard else None

    def __enter__(self) -> Record:
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.close()
        if self._board is not None:
            self._board.close()

    def step(self, step: int, picture: Callable[[], Tensor]) -> None:
        """Advance the progress bar, and log a picture if one is due.

        Args:
            step: Number of steps done.
            picture: Function that makes a (3, H, W) picture in [0, 1]; called only if due.
        """
        self._progress.update()
        if self._board is not None and step % self._settings.picture_every == 0:
            self._board.add_image('picture', picture(), step)

    def row(self, step: int, seconds: float, scalars: dict[str, float]) -> None:
        """Log the means of the steps since the last row.

        Args:
            step: Number of steps done.
            seconds: Training time so far [s].
            scalars: Values by name, among them `loss`.

        Raises:
            OSError: the disk is full.
        """
        self._progress.set_postfix(loss=f'{scalars["loss"]:.5f}')
        with (Path(self._settings.run) / LOG).open('a') as log:
            log.write(json.dumps({'step': step, 'seconds': round(seconds, 1), **scalars}) + '\n')
        if self._board is not None:
            for name, value in scalars.items():
                self._board.add_scalar(name, value, step)


def state_json(settings: TrainingSettings, state: State) -> str:
    """Outcome of a run as JSON."""
    return json.dumps({
        'run': settings.run, 'checkpoint': str(Path(settings.run) / CHECKPOINT),
        'steps': state.step, 'seconds': round(state.seconds, 1)})


def _open_board(run: Path) -> Any:
    """TensorBoard writer, or None if TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  (optional)
    except ImportError:
        _log.warning('tensorboard: expected the package, got none; pip install tensorboard, or '
                     'read %s', run / LOG)
        return None
    return SummaryWriter(run / 'tensorboard')

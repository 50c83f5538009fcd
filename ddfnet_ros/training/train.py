# SPDX-License-Identifier: Apache-2.0
"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from ddfnet_ros.runtime.machine import hardware
from ddfnet_ros.runtime.memory import keep_freed_memory
from ddfnet_ros.runtime.selection import choose_precision
from ddfnet_ros.training import checkpoint, slim, sources
from ddfnet_ros.training.batches import Batch, Batches, loader
from ddfnet_ros.training.checkpoint import CHECKPOINT, State
from ddfnet_ros.training.data import make_draw
from ddfnet_ros.training.processes import ProcessGroup, join
from ddfnet_ros.training.record import LOG_EVERY, Record
from ddfnet_ros.training.run_folder import alone_in, write_settings
from ddfnet_ros.training.schedule import Schedule
from ddfnet_ros.training.settings import TrainingSettings
from ddfnet_ros.training.start import start, unfreeze_flow
from ddfnet_ros.training.stop import StopFlag
from ddfnet_ros.training.tasks import Task, make_task


class NotFiniteError(ValueError):
    """Loss or gradient became infinite or NaN; the checkpoint on disk is from before that."""


def train(settings: TrainingSettings, ready: Callable[[], object] = lambda: None) -> State:
    """Train until the schedule, the time or a signal ends it, and save a checkpoint.

    Args:
        settings: Training settings.
        ready: Called when data and weights are loaded, before the progress bar is shown.

    Returns:
        The final state, which the checkpoint holds too.

    Raises:
        ValueError: unusable folders or settings, or another run in the same folder.
        NotFiniteError: loss or gradient are no longer finite; the checkpoint is from before that.
        OSError: a file cannot be written, as on a full disk; the last checkpoint is intact.
    """
    with StopFlag(settings.minutes) as stop, join(settings.device) as group:
        torch.manual_seed(settings.seed)
        torch.set_num_threads(settings.threads)
        keep_freed_memory()
        torch.backends.cudnn.benchmark = True  # pays because only a few shapes occur
        draw = make_draw(settings)
        with alone_in(Path(settings.run)) if group.leads else nullcontext():
            state = start(settings, group.device)
            _note_hardware(state, group)
            sources.note(state.history, settings, state.step)
            batches = Batches(draw, settings.seed, state.step, group.rank, group.size)
            ready()
            _Trainer(settings, state, group, stop).train(batches)
    return state


class _Trainer:
    """The training loop of one process."""

    def __init__(
        self, settings: TrainingSettings, state: State, group: ProcessGroup, stop: StopFlag
    ) -> None:
        self._settings = settings
        self._state = state
        self._group = group
        self._stop = stop
        self._schedule = Schedule(settings, group.size)
        self._bfloat16 = choose_precision(settings.precision, group.device) is torch.bfloat16
        self._unlogged_losses: list[Tensor] = []
        self._timed_until = self._saved_at = 0.0  # of time.monotonic()

    def train(self, batches: Batches) -> None:
        """Train until it is time to stop; log and save on the way."""
        state = self._state
        if state.step >= self._schedule.steps:
            self._save_if_missing()
            return
        task = make_task(self._settings, state.model, state.flow)
        with self._open_record() as record:
            self._timed_until = self._saved_at = time.monotonic()
            for batch in loader(batches, self._settings.workers):
                moved = batch.to(self._group.device)
                gradient_norm = self._step(task, moved)
                over = self._group.any(self._stop.raised) or state.step >= self._schedule.steps
                if record is not None:
                    with _explain_write_errors(self._path.parent):
                        record.step(state.step, partial(task.picture, moved))
                self._log_and_save(record, gradient_norm, over)
                if over:
                    break

    @contextmanager
    def _open_record(self) -> Iterator[Record | None]:
        """Log of the run in the leading process; None in the others."""
        if not self._group.leads:
            yield None
            return
        write_settings(self._settings)
        with Record(self._settings, self._state.step, self._schedule.steps) as record:
            yield record

    def _step(self, task: Task, batch: Batch) -> Tensor:
        """Update weights and averages once; returns the norm of the gradient."""
        state = self._state
        if self._schedule.trains_flow(state.step) and state.flow_average is None:
            unfreeze_flow(state)
        loss, gradient_norm = self._update(task, batch)
        self._unlogged_losses.append(loss)
        now = time.monotonic()
        state.seconds += now - self._timed_until
        self._timed_until = now
        return gradient_norm

    def _update(self, task: Task, batch: Batch) -> tuple[Tensor, Tensor]:
        """Take one optimizer step; returns the loss and the norm of the gradient."""
        state, settings = self._state, self._settings
        for group in state.optimizer.param_groups:
            group['lr'] = self._schedule.rate(state.step, state.ramp)
        with torch.autocast(self._group.device.type, torch.bfloat16, enabled=self._bfloat16):
            loss = task(batch)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._group.average([p.grad for p in task.parameters() if p.grad is not None])
        norm = nn.utils.clip_grad_norm_(task.parameters(), settings.gradient_clip or math.inf)
        state.optimizer.step()
        state.step += 1
        _update_averages(state, min(settings.ema_decay, (1 + state.step) / (10 + state.step)))
        return loss.detach(), norm.detach()

    def _log_and_save(self, record: Record | None, gradient_norm: Tensor, over: bool) -> None:
        """Write what is due after a step; logging comes first, as it stops on NaN."""
        now, every, step = self._timed_until, self._settings.keep_every, self._state.step
        save = over or now - self._saved_at > self._settings.save_every
        keep = every > 0 and step % every == 0
        if save or keep or step % LOG_EVERY == 0:
            self._log(record, gradient_norm)
        if save:
            self._save()
            self._saved_at = now
        if keep:
            self._keep()

    def _log(self, record: Record | None, gradient_norm: Tensor) -> None:
        """Log the mean loss since the last row.

        Raises:
            NotFiniteError: loss or gradient are not finite.
        """
        state = self._state
        loss, gradient = torch.stack(self._unlogged_losses).mean().item(), gradient_norm.item()
        self._unlogged_losses.clear()
        if not math.isfinite(loss + gradient):
            raise NotFiniteError(
                f'expected a finite loss and gradient, got {loss:g} and {gradient:g} by step '
                f'{state.step}; lower learning_rate; {self._path} is from before')
        if record is not None:
            rate = self._schedule.rate(state.step, state.ramp)
            with _explain_write_errors(self._path.parent):
                record.row(state.step, state.seconds,
                           {'loss': loss, 'gradient': gradient, 'learning_rate': rate})

    def _save(self) -> None:
        """Write the full checkpoint, and a slim one if the settings name a folder for it."""
        if not self._group.leads:
            return
        with _explain_write_errors(self._path):
            checkpoint.save(self._state, self._path, self._settings)
        if self._settings.slim:
            folder = Path(self._settings.slim)
            with _explain_write_errors(folder):
                slim.write(checkpoint.read(self._path), folder)

    def _save_if_missing(self) -> None:
        """Write a checkpoint where a run begins at its end, as one started from another's may."""
        if self._group.leads and not self._path.is_file():
            write_settings(self._settings)
            self._save()

    def _keep(self) -> None:
        """Write a slim checkpoint to a folder of its own, which later ones do not replace."""
        if not self._group.leads:
            return
        folder = self._path.parent / f'{slim.KEPT_PREFIX}{self._state.step:07d}'
        with _explain_write_errors(folder):
            slim.write(checkpoint.snapshot(self._state, self._settings), folder)

    @property
    def _path(self) -> Path:
        return Path(self._settings.run) / CHECKPOINT


@contextmanager
def _explain_write_errors(path: Path) -> Iterator[None]:
    """Raise an OSError that names the path and says how to resume."""
    try:
        yield
    except OSError as error:
        raise OSError(f'{path}: expected to write it, got: {error.strerror or error}; make room '
                      'and give the same command again, which goes on from the last checkpoint'
                      ) from error


@torch.no_grad()
def _update_averages(state: State, decay: float) -> None:
    pairs = [(state.average, state.model)]
    if state.flow is not None and state.flow_average is not None:
        pairs.append((state.flow_average, state.flow))
    for average, network in pairs:
        get_ema_multi_avg_fn(decay)(list(average.parameters()), list(network.parameters()), 0)


def _note_hardware(state: State, group: ProcessGroup) -> None:
    name = hardware(group.device)
    name = name if group.size == 1 else f'{group.size} x {name}'
    used = state.history.setdefault('hardware', [])
    if name not in used:
        used.append(name)

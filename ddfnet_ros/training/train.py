# SPDX-License-Identifier: Apache-2.0
"""The training loop."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
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
from ddfnet_ros.training.checkpoint import CHECKPOINT, SETTINGS, State
from ddfnet_ros.training.data import data
from ddfnet_ros.training.processes import ProcessGroup, join
from ddfnet_ros.training.record import EVERY, Record
from ddfnet_ros.training.schedule import Schedule
from ddfnet_ros.training.settings import TrainingSettings
from ddfnet_ros.training.start import join_flow, start
from ddfnet_ros.training.stop import StopFlag
from ddfnet_ros.training.tasks import Task, task


class NotFiniteError(ValueError):
    """Training has run away; the checkpoint on disk is from before."""


def train(settings: TrainingSettings, ready: Callable[[], object] = lambda: None) -> State:
    """Train until the schedule, the time or a signal ends it; the checkpoint holds the state.

    Args:
        settings: All of it.
        ready: Called when data and weights are read, before progress is shown.

    Raises:
        ValueError: unusable folders or settings.
        NotFiniteError: loss or gradient are no longer finite; the checkpoint is from before.
        OSError: what is written does not fit on the disk; the last checkpoint is whole.
    """
    with StopFlag(settings.minutes) as stop, join(settings.device) as group:
        torch.manual_seed(settings.seed)
        torch.set_num_threads(settings.threads)
        keep_freed_memory()
        torch.backends.cudnn.benchmark = True  # the same few shapes again and again
        draw = data(settings)
        state = start(settings, group.device)
        _note_hardware(state, group)
        sources.note(state.history, settings, state.step)
        batches = Batches(draw, settings.seed, state.step, group.rank, group.size)
        ready()
        _Run(settings, state, group, stop).go(batches)
    return state


class _Run:
    """One process's part of a training."""

    def __init__(
        self, settings: TrainingSettings, state: State, group: ProcessGroup, stop: StopFlag
    ) -> None:
        self._settings = settings
        self._state = state
        self._group = group
        self._stop = stop
        self._schedule = Schedule(settings, group.size)
        self._low = choose_precision(settings.precision, group.device) is torch.bfloat16

    def go(self, batches: Batches) -> None:
        """Take steps until it is time to stop, and save."""
        state = self._state
        if state.step >= self._schedule.steps:
            return
        learnt = task(self._settings, state.model, state.flow)
        losses: list[Tensor] = []
        with self._record() as record:
            saved = before = time.monotonic()
            for batch in loader(batches, self._settings.workers):
                self._join()
                moved = batch.to(self._group.device)
                loss, norm = self._step(learnt, moved)
                losses.append(loss)
                now = time.monotonic()
                state.seconds, before = state.seconds + now - before, now
                over = self._group.any(self._stop.raised) or state.step >= self._schedule.steps
                due = over or now - saved > self._settings.save_every
                if record is not None:
                    with _told(self._path.parent):
                        record.step(state.step, partial(learnt.picture, moved))
                if due or self._keeps or state.step % EVERY == 0:
                    self._report(record, losses, norm)
                    losses = []
                if due:
                    self._save()
                    saved = now
                if self._keeps:
                    self._keep()
                if over:
                    break

    def _join(self) -> None:
        """Let PWC-Net learn along from its time on."""
        state = self._state
        if self._schedule.joint(state.step) and state.flow_average is None:
            join_flow(state)

    @contextmanager
    def _record(self) -> Iterator[Record | None]:
        """What the process that leads writes down."""
        if not self._group.leads:
            yield None
            return
        _note_settings(self._settings)
        with Record(self._settings, self._state.step, self._schedule.steps) as record:
            yield record

    def _step(self, learnt: Task, batch: Batch) -> tuple[Tensor, Tensor]:
        """One update of weights and averages; gives loss and norm of the gradient."""
        state, settings = self._state, self._settings
        for group in state.optimizer.param_groups:
            group['lr'] = self._schedule.rate(state.step, state.ramp)
        with torch.autocast(self._group.device.type, torch.bfloat16, enabled=self._low):
            loss = learnt(batch)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._group.average([p.grad for p in learnt.parameters() if p.grad is not None])
        norm = nn.utils.clip_grad_norm_(learnt.parameters(), settings.gradient_clip or math.inf)
        state.optimizer.step()
        state.step += 1
        _average(state, min(settings.ema_decay, (1 + state.step) / (10 + state.step)))
        return loss.detach(), norm.detach()

    def _report(self, record: Record | None, losses: list[Tensor], norm: Tensor) -> None:
        """Note how it goes; stop a training that has run away, before its weights are saved."""
        state = self._state
        loss, gradient = torch.stack(losses).mean().item(), norm.item()
        if not math.isfinite(loss + gradient):
            raise NotFiniteError(
                f'expected a finite loss and gradient, got {loss:g} and {gradient:g} by step '
                f'{state.step}; lower learning_rate; {self._path} is from before')
        if record is not None:
            rate = self._schedule.rate(state.step, state.ramp)
            with _told(self._path.parent):
                record.row(state.step, state.seconds,
                           {'loss': loss, 'gradient': gradient, 'learning_rate': rate})

    def _save(self) -> None:
        if not self._group.leads:
            return
        with _told(self._path):
            checkpoint.save(self._state, self._path, self._settings)
        if self._settings.slim:
            folder = Path(self._settings.slim)
            with _told(folder):
                slim.write(checkpoint.read(self._path), folder)

    @property
    def _keeps(self) -> bool:
        """Whether a slim checkpoint of this step is asked for."""
        every = self._settings.keep_every
        return every > 0 and self._state.step % every == 0

    def _keep(self) -> None:
        """Write a slim checkpoint that later ones do not replace."""
        if not self._group.leads:
            return
        folder = self._path.parent / f'{slim.KEPT}{self._state.step:07d}'
        with _told(folder):
            slim.write(checkpoint.stored(self._state, self._settings), folder)

    @property
    def _path(self) -> Path:
        return Path(self._settings.run) / CHECKPOINT


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say what could not be written, and that nothing is lost."""
    try:
        yield
    except OSError as error:
        raise OSError(f'{path}: expected to write it, got: {error.strerror or error}; make room '
                      'and give the same command again, which goes on from the last checkpoint'
                      ) from error


@torch.no_grad()
def _average(state: State, decay: float) -> None:
    pairs = [(state.average, state.model)]
    if state.flow is not None and state.flow_average is not None:
        pairs.append((state.flow_average, state.flow))
    for mean, new in pairs:
        get_ema_multi_avg_fn(decay)(list(mean.parameters()), list(new.parameters()), 0)


def _note_settings(settings: TrainingSettings) -> None:
    path = Path(settings.run) / SETTINGS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(settings), indent=2) + '\n')


def _note_hardware(state: State, group: ProcessGroup) -> None:
    name = hardware(group.device)
    name = name if group.size == 1 else f'{group.size} x {name}'
    used = state.history.setdefault('hardware', [])
    if name not in used:
        used.append(name)

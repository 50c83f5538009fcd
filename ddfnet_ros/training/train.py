# SPDX-License-Identifier: Apache-2.0
"""The training loop."""

from __future__ import annotations

import copy
import json
import math
import signal
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from ddfnet_ros import network
from ddfnet_ros.synthesis.backdrop import PanoramaBank
from ddfnet_ros.synthesis.layers import CutoutBank
from ddfnet_ros.synthesis.scene_settings import SceneSettings
from ddfnet_ros.synthesis.scenes import SceneSource
from ddfnet_ros.training import checkpoint
from ddfnet_ros.training.batches import Batch, SceneBatches, loader
from ddfnet_ros.training.loss import mu_law_l1
from ddfnet_ros.training.settings import TrainingSettings
from ddfnet_ros.training.shipping import CHECKPOINT, SETTINGS


def train(settings: TrainingSettings) -> checkpoint.State:
    """Train until the schedule, the time or a signal ends it; the checkpoint holds the state.

    Raises:
        ValueError: unusable folders or settings.
        FloatingPointError: the loss is no longer finite; the checkpoint is from before.
    """
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    device = _device(settings.device)
    state = _start(settings, device)
    _note_settings(settings)
    stop = _StopFlag(settings.minutes)
    saved = time.monotonic()
    progress = tqdm(total=settings.steps, initial=state.step, unit='step', smoothing=0.02)
    for batch in loader(_batches(settings, state.step), settings.workers):
        began = time.monotonic()
        loss = _step(state, batch.to(device), settings)
        state.seconds += time.monotonic() - began
        progress.update()
        if state.step % 50 == 0:
            _report(settings, state, loss, progress)
        over = stop.raised or state.step >= settings.steps
        if over or time.monotonic() - saved > settings.save_every:
            checkpoint.save(state, _checkpoint_path(settings))
            saved = time.monotonic()
        if over:
            break
    progress.close()
    return state


def _start(settings: TrainingSettings, device: torch.device) -> checkpoint.State:
    model: Any = network.build(settings.network).to(device)
    if device.type == 'cuda':  # on a CPU without AMX the plain layout is faster
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=1e-4, betas=(0.9, 0.99)
    )
    state = checkpoint.State(model, copy.deepcopy(model), optimizer)
    if _checkpoint_path(settings).exists():
        checkpoint.load(state, _checkpoint_path(settings))
    return state


def _step(state: checkpoint.State, batch: Batch, settings: TrainingSettings) -> float:
    """One update of weights and average; returns the loss."""
    for group in state.optimizer.param_groups:
        group['lr'] = settings.learning_rate * _schedule(state.step, settings)
    with torch.autocast(batch.stack.device.type, torch.bfloat16, batch.stack.is_cuda):
        radiance = state.model(batch.stack, batch.flow, batch.reference_index)
    loss = mu_law_l1(radiance.float(), batch.truth)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    if not torch.isfinite(norm):
        raise FloatingPointError(
            f'expected a finite gradient, got {norm} at step {state.step}; lower learning_rate'
        )
    state.optimizer.step()
    state.step += 1
    _average(state, min(settings.decay, (1 + state.step) / (10 + state.step)))
    return loss.item()


@torch.no_grad()
def _average(state: checkpoint.State, decay: float) -> None:
    for mean, new in zip(state.average.parameters(), state.model.parameters(), strict=True):
        mean.lerp_(new, 1 - decay)


def _schedule(step: int, settings: TrainingSettings) -> float:
    """Linear warm-up, then a cosine down to one hundredth."""
    warm = min(1.0, (step + 1) / max(settings.warmup, 1))
    done = min(1.0, step / settings.steps)
    return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


def _batches(settings: TrainingSettings, first_step: int) -> SceneBatches:
    for name in ('panoramas', 'cutouts'):
        folder = getattr(settings, name)
        if folder and not Path(folder).is_dir():
            raise ValueError(f'{name}: expected a folder, got {folder!r}')
    cutouts = CutoutBank(Path(settings.cutouts)) if settings.cutouts else None
    scenes = SceneSettings(size=settings.patch, max_motion=0.45 * settings.patch)
    source = SceneSource(PanoramaBank(Path(settings.panoramas)), scenes, cutouts)
    return SceneBatches(source, settings.batch_size, settings.seed, first_step)


def _report(
    settings: TrainingSettings, state: checkpoint.State, loss: float, progress: tqdm[None]
) -> None:
    progress.set_postfix(loss=f'{loss:.5f}')
    row = {'step': state.step, 'seconds': round(state.seconds, 1), 'loss': loss}
    path = Path(settings.run) / 'log.jsonl'
    with path.open('a') as log:
        log.write(json.dumps(row) + '\n')


def _note_settings(settings: TrainingSettings) -> None:
    path = Path(settings.run) / SETTINGS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(settings), indent=2) + '\n')


def _checkpoint_path(settings: TrainingSettings) -> Path:
    return Path(settings.run) / CHECKPOINT


def _device(name: str) -> torch.device:
    if name == 'auto':
        name = 'cuda' if torch.cuda.is_available() else 'cpu'
    return torch.device(name)


class _StopFlag:
    """Raised by SIGTERM, SIGINT or when the time is up."""

    def __init__(self, minutes: float) -> None:
        self._deadline = time.monotonic() + 60 * minutes if minutes else math.inf
        self._signalled = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _stack: object) -> None:
        self._signalled = True

    @property
    def raised(self) -> bool:
        return self._signalled or time.monotonic() > self._deadline

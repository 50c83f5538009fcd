# SPDX-License-Identifier: Apache-2.0
"""What a camera fuses with, and how another model takes over while it runs."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.node.diagnostics import one_line
from ddfnet_ros.node.models import Models
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.runtime.fallback import FallbackDeghoster
from ddfnet_ros.runtime.pending import Pending
from ddfnet_ros.runtime.request import Request
from ddfnet_ros.runtime.selection import choose_device, choose_model
from ddfnet_ros.settings import NodeSettings


class Engine:
    """Fuses with one model while the next is loaded, and changes between two brackets.

    Attributes:
        latest: The latest bracket, fused or not; new models warm up with it.
    """

    def __init__(self, settings: NodeSettings, models: Models, logger: Any) -> None:
        """Load the weights and warm up, unless another camera has.

        Args:
            settings: Model, device and size of the pictures.
            models: Models that the process has loaded.
            logger: The node's; models that take over, or cannot, are logged there.

        Raises:
            ValueError: a device that is not there, or weights that cannot be used.
            FileNotFoundError: no such weights; names those present.
        """
        self.latest: Bracket | None = None
        self._unusable = ''
        self._models, self._logger = models, logger
        self._deghoster = models.get(settings, _black_bracket(settings))
        self._counts: Counter[str] = Counter()
        self._model = settings.model
        self._successor: FallbackDeghoster | None = None
        self._lock = threading.Lock()
        self._loader = ThreadPoolExecutor(1, 'loader')

    @property
    def model_name(self) -> str:
        """Name of the weights in use."""
        return self._deghoster.in_use.model_name

    @property
    def device(self) -> str:
        """Torch device in use."""
        return self._deghoster.in_use.device

    @property
    def precision(self) -> str:
        """Precision of the convolutions."""
        return self._deghoster.in_use.precision

    @property
    def backend(self) -> str:
        """What computes the convolutions."""
        return self._deghoster.in_use.backend

    @property
    def fallbacks(self) -> dict[str, int]:
        """How many brackets were fused in another way because memory ran out, by way."""
        return {way: n for way, n in self._counts.items() if way != 'whole'}

    @property
    def problem(self) -> str:
        """Why the model that was asked for is not in use, or not as always; '' where it is.

        A shortage of memory concerns all cameras that share the model.
        """
        return self._unusable or self._deghoster.ladder.problem

    @property
    def batch_key(self) -> FallbackDeghoster | None:
        """Equal for all whose brackets may be fused as one batch; None for lack of memory."""
        return self._deghoster if self._deghoster.ladder.together else None

    def __call__(self, bracket: Bracket, settings: NodeSettings) -> Deghosted:
        """Fuse one bracket; in the thread that submits."""
        return self.submit([(self, Request(bracket, settings))])[0].result()

    @staticmethod
    def submit(requests: Sequence[tuple[Engine, Request]]) -> list[Pending[Deghosted]]:
        """Start to fuse brackets of several cameras: as one batch where all share a model.

        To be called in one thread, the same for all engines that share models.

        Raises:
            Exception: what one of them would raise alone. Submit each alone then.
        """
        engines = [engine for engine, _ in requests]
        for engine in engines:
            engine._take_over()
        batch = None
        if len(requests) > 1 and len({engine._deghoster for engine in engines}) == 1:
            batch = engines[0]._deghoster.submit_batch(
                [request for _, request in requests], engines[0]._logger.warning)
        pending = batch or [engine._deghoster.submit(request, engine._logger.warning)
                            for engine, request in requests]
        return [Pending(partial(engine._count, one))
                for engine, one in zip(engines, pending, strict=True)]

    def load(self, settings: NodeSettings) -> None:
        """Load another model in a thread, if the settings name one; it takes over when ready.

        One that could not be loaded is tried again.
        """
        if settings.model != self._model or self._unusable:
            self._model = settings.model
            self._loader.submit(self._load_model, settings)

    def close(self) -> None:
        """Wait for a model that is being loaded, and forget it."""
        self._loader.shutdown(cancel_futures=True)

    def _take_over(self) -> None:
        """Change to the model that was loaded meanwhile, if there is one."""
        with self._lock:
            successor, self._successor = self._successor, None
        if successor is not None:
            self._deghoster = successor
            self._logger.info(f'now fusing with {self.model_name}')

    def _count(self, pending: Pending[Deghosted]) -> Deghosted:
        """Wait for a bracket, and count the way that it was fused."""
        deghosted = pending.result()
        with self._lock:
            # A new object each time, because other threads iterate over it.
            self._counts = self._counts + Counter([deghosted.way])
        return deghosted

    def _load_model(self, settings: NodeSettings) -> None:
        if settings.model != self._model:  # asked for yet another one meanwhile
            return
        try:
            successor = self._models.get(settings, self.latest or _black_bracket(settings))
        except Exception as error:  # of whatever kind: the model in use goes on
            self._unusable = f'cannot load model {settings.model}: {one_line(error)}; staying ' \
                             f'with {self.model_name}'
            self._logger.error(self._unusable)
            return
        self._unusable = ''
        with self._lock:
            self._successor = successor


def check(settings: NodeSettings) -> None:
    """Raise ValueError or FileNotFoundError if there is no such model; names those present."""
    choose_model(settings.model, choose_device(settings.device))


def _black_bracket(settings: NodeSettings) -> Bracket:
    """A bracket of the configured exposures and size; raises where they make none."""
    times = settings.exposure_times or tuple(4.0**k for k in range(settings.size))
    pixels = np.zeros((settings.image_height, settings.image_width, 3), np.uint8)
    frames = (Frame(pixels=pixels, exposure_time=t, stamp_ns=k) for k, t in enumerate(times))
    return Bracket.of(frames, settings.reference)

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
from ddfnet_ros.runtime.selection import choose_device, choose_model
from ddfnet_ros.settings import NodeSettings


class Engine:
    """Fuses with one model while the next is loaded, and changes between two brackets.

    Attributes:
        latest: The bracket that came last, fused or not; new models warm up with it.
    """

    def __init__(self, settings: NodeSettings, models: Models, logger: Any) -> None:
        """Load the weights and warm up, unless another camera has.

        Args:
            settings: Name the model and the device.
            models: Of the process.
            logger: The node's; told of models that take over or cannot.

        Raises:
            ValueError: a device that is not there, or weights that cannot be used.
            FileNotFoundError: no such weights; names those present.
        """
        self.latest: Bracket | None = None
        self._unusable = ''
        self._models, self._logger = models, logger
        self._deghoster = models.get(settings, _black_bracket(settings))
        self._counts: Counter[str] = Counter()
        self._wanted = settings.model
        self._successor: FallbackDeghoster | None = None
        self._lock = threading.Lock()
        self._loader = ThreadPoolExecutor(1, 'loader')

    @property
    def model_name(self) -> str:
        """Of the weights in use."""
        return self._deghoster.in_use.model_name

    @property
    def device(self) -> str:
        """Torch device in use."""
        return self._deghoster.in_use.device

    @property
    def precision(self) -> str:
        """Of the convolutions."""
        return self._deghoster.in_use.precision

    @property
    def backend(self) -> str:
        """What computes them."""
        return self._deghoster.in_use.backend

    @property
    def fallbacks(self) -> dict[str, int]:
        """Brackets that were fused in another way because memory ran out, by that way."""
        return {way: n for way, n in self._counts.items() if way != 'whole'}

    @property
    def problem(self) -> str:
        """Why the model that was asked for is not in use, or not as always; '' where it is.

        What is done for lack of memory is done for all who share the model.
        """
        return self._unusable or self._deghoster.ladder.problem

    @property
    def batch_key(self) -> FallbackDeghoster | None:
        """Equal for all whose brackets may be fused as one batch; None for lack of memory."""
        return self._deghoster if self._deghoster.ladder.together else None

    def __call__(self, bracket: Bracket, settings: NodeSettings) -> Deghosted:
        """Fuse one bracket; from the same thread as `submit`."""
        return self.submit(bracket, settings).result()

    def submit(self, bracket: Bracket, settings: NodeSettings) -> Pending[Deghosted]:
        """Begin to fuse one; from one thread only, the same for all who share models."""
        self._take_over()
        # Other cameras may have used it meanwhile: by their settings, and with their own log.
        self._deghoster.settings = settings
        self._deghoster.ladder.log = self._logger.warning
        return Pending(partial(self._counted, self._deghoster.submit(bracket)))

    @staticmethod
    def submit_together(
        asked: Sequence[tuple[Engine, Bracket, NodeSettings]]
    ) -> list[Pending[Deghosted]]:
        """Begin to fuse brackets of several cameras: together where all have one model.

        Raises what one of them would by itself; then all are to be begun anew.
        """
        engines = [engine for engine, _, _ in asked]
        for engine in engines:
            engine._take_over()
        together = None
        if len(asked) > 1 and len({engine._deghoster for engine in engines}) == 1:
            deghoster = engines[0]._deghoster
            deghoster.ladder.log = engines[0]._logger.warning
            together = deghoster.submit_together(
                [(bracket, settings) for _, bracket, settings in asked])
        if together is None:
            return [engine.submit(bracket, settings) for engine, bracket, settings in asked]
        return [Pending(partial(engine._counted, pending))
                for engine, pending in zip(engines, together, strict=True)]

    def want(self, settings: NodeSettings) -> None:
        """Load another model in a thread, if the settings name one; it takes over when ready.

        One that could not be loaded is tried again.
        """
        if settings.model != self._wanted or self._unusable:
            self._wanted = settings.model
            self._loader.submit(self._load, settings)

    def close(self) -> None:
        """Wait for a model that is being loaded, and forget it."""
        self._loader.shutdown(cancel_futures=True)

    def _take_over(self) -> None:
        """Have the model that was loaded meanwhile fuse, if there is one."""
        with self._lock:
            successor, self._successor = self._successor, None
        if successor is not None:
            self._deghoster = successor
            self._logger.info(f'now fusing with {self.model_name}')

    def _counted(self, pending: Pending[Deghosted]) -> Deghosted:
        """Wait for a bracket, and count the way that it went."""
        deghosted = pending.result()
        with self._lock:
            # Another object each time, because other threads look through it.
            self._counts = self._counts + Counter([deghosted.way])
        return deghosted

    def _load(self, settings: NodeSettings) -> None:
        if settings.model != self._wanted:  # asked for yet another one meanwhile
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
    """Raise ValueError or FileNotFoundError, naming what there is, if there is no such model."""
    choose_model(settings.model, choose_device(settings.device))


def _black_bracket(settings: NodeSettings) -> Bracket:
    """A bracket of the configured exposures and size; also shows early that those make one."""
    times = settings.exposure_times or tuple(4.0**k for k in range(settings.size))
    pixels = np.zeros((settings.image_height, settings.image_width, 3), np.uint8)
    frames = (Frame(pixels=pixels, exposure_time=t, stamp_ns=k) for k, t in enumerate(times))
    return Bracket.of(frames, settings.reference)

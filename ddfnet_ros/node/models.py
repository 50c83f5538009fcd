# SPDX-License-Identifier: Apache-2.0
"""Shared by the cameras of a process: loaded models, and the thread that fuses with them."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

import numpy as np

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.node.worker import WorkThread
from ddfnet_ros.runtime.fallback import FallbackDeghoster
from ddfnet_ros.runtime.selection import choose_device, choose_model
from ddfnet_ros.settings import DeghosterSettings


class Models:
    """Loaded deghosters by weights, device and arithmetic; freed when no camera uses them."""

    def __init__(self) -> None:
        self._deghosters: WeakValueDictionary[Hashable, FallbackDeghoster] = WeakValueDictionary()
        self._lock = threading.Lock()

    def get(self, settings: DeghosterSettings, bracket: Bracket) -> FallbackDeghoster:
        """Return the deghoster of these settings; load it and warm it up if there is none.

        After the warm-up, the first real bracket takes no longer than others. A deghoster that is
        loaded already is not warmed up again: another thread may be using it.

        Args:
            settings: Settings with the model, device, precision, backend and threads.
            bracket: Bracket to warm up with.

        Raises:
            ValueError: a device that does not exist, or weights that cannot be used.
            FileNotFoundError: no such weights; names those present.
        """
        device = choose_device(settings.device)
        path = choose_model(settings.model, device)
        key = (path.resolve(), path.stat().st_mtime_ns, device, settings.precision,
               settings.backend, settings.threads)
        with self._lock:
            model = self._deghosters.get(key)
            if model is None:
                model = _load(
                    dataclasses.replace(settings, model=str(path), device=str(device)), bracket)
                self._deghosters[key] = model
            return model


@dataclass(frozen=True)
class SharedRuntime:
    """Models, and the only thread that may fuse with them."""

    models: Models = field(default_factory=Models)
    thread: WorkThread = field(default_factory=WorkThread)


def _load(settings: DeghosterSettings, bracket: Bracket) -> FallbackDeghoster:
    deghoster = FallbackDeghoster(settings)
    deghoster(bracket)
    deghoster(_small_uint16(bracket))  # kernels of each pixel type are compiled once, in seconds
    return deghoster


def _small_uint16(bracket: Bracket) -> Bracket:
    return dataclasses.replace(bracket, frames=tuple(
        dataclasses.replace(frame, pixels=np.zeros((16, 16, 3), np.uint16))
        for frame in bracket.frames))

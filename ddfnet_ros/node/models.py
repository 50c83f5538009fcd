# SPDX-License-Identifier: Apache-2.0
"""What the cameras of a process share: loaded models, and the thread that works with them."""

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
    """Deghosters by their weights, device and arithmetic; each lives as long as it is held."""

    def __init__(self) -> None:
        self._present: WeakValueDictionary[Hashable, FallbackDeghoster] = WeakValueDictionary()
        self._lock = threading.Lock()

    def get(self, settings: DeghosterSettings, bracket: Bracket) -> FallbackDeghoster:
        """One that is there, or a new one that has fused a bracket.

        So the first real bracket takes no longer than the others. One that is there is not warmed
        up again: it may be at work in another thread.

        Args:
            settings: Name the model and the device.
            bracket: To warm up with.

        Raises:
            ValueError: a device that is not there, or weights that cannot be used.
            FileNotFoundError: no such weights; names those present.
        """
        device = choose_device(settings.device)
        path = choose_model(settings.model, device)
        key = (path.resolve(), path.stat().st_mtime_ns, device, settings.precision,
               settings.backend, settings.threads)
        with self._lock:
            model = self._present.get(key)
            if model is None:
                model = _loaded(
                    dataclasses.replace(settings, model=str(path), device=str(device)), bracket)
                self._present[key] = model
            return model


@dataclass(frozen=True)
class SharedRuntime:
    """Models, and the only thread that may fuse with them."""

    models: Models = field(default_factory=Models)
    thread: WorkThread = field(default_factory=WorkThread)


def _loaded(settings: DeghosterSettings, bracket: Bracket) -> FallbackDeghoster:
    deghoster = FallbackDeghoster(settings)
    deghoster(bracket)
    deghoster(_small_of_16_bits(bracket))  # kernels are compiled for each type: seconds, once
    return deghoster


def _small_of_16_bits(bracket: Bracket) -> Bracket:
    return dataclasses.replace(bracket, frames=tuple(
        dataclasses.replace(frame, pixels=np.zeros((16, 16, 3), np.uint16))
        for frame in bracket.frames))

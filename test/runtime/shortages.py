# SPDX-License-Identifier: Apache-2.0
"""Memory that runs out in a network or in its results, and brackets that are fused meanwhile."""

import weakref
from dataclasses import replace

import cv2
import numpy as np
import torch

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.runtime.in_flight import InFlight
from ddfnet_ros.runtime.request import Request
from ddfnet_ros.settings import DeghosterSettings

EXPOSURES = (0.001, 0.004, 0.016)
HEIGHT = 328
SHORTAGES = {
    'torch on a GPU': torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB'),
    'Python': MemoryError(),
    'torch on a CPU': RuntimeError('DefaultCPUAllocator: not enough memory: you tried to '
                                   'allocate 8 bytes.'),
    'cuDNN': RuntimeError('cuDNN error: CUDNN_STATUS_ALLOC_FAILED'),
    'cuDNN 9': RuntimeError('cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED'),
    'cuDNN without room for its workspace': RuntimeError(
        'GET was unable to find an engine to execute this computation'),
}


class Hungry:
    """A network that runs out of memory.

    Attributes:
        rows: That there is memory for.
        brackets: That there is memory for at once.
        given: Rows that it was asked for, and whether it could.
        batches: Brackets likewise.
    """

    def __init__(self, network, rows, error, brackets):
        self.network, self.rows, self.error = network, rows, error
        self.brackets, self.batches = brackets, []
        self.reach, self.shares, self.multiple = network.reach, network.shares, network.multiple
        self.given = []
        self.left = lambda: None

    def __call__(self, stack, flow, reference_index):
        assert self.left() is None, 'a failed attempt still holds its memory'
        rows = stack.shape[-2]
        self.given.append(rows)
        self.batches.append(len(stack))
        if rows > self.rows or len(stack) > self.brackets:
            made = stack.clone()
            self.left = weakref.ref(made)
            raise type(self.error)(*self.error.args)
        return self.network(stack, flow, reference_index)


def settings_for(model):
    return DeghosterSettings(model=model, device='cpu', threads=1, precision='float32',
                             backend='torch')


def bracket(dtype=np.uint8, channels=3, height=HEIGHT):
    rng = np.random.default_rng(3)
    base = cv2.resize(rng.random((20, 8, 3)).astype(np.float32), (32, height)).clip(0.02, 1) / 4
    frames = []
    for exposure in EXPOSURES:
        ldr = np.clip(base * exposure / EXPOSURES[0], 0, 1) ** (1 / 2.2)
        top = np.iinfo(dtype).max if dtype != np.float32 else 1
        pixels = (ldr * top).astype(dtype)
        frames.append(Frame(pixels=pixels if channels == 3 else pixels[..., 0],
                            exposure_time=exposure))
    return Bracket.of(frames)


def network_of(made):
    return made._first._stacked.model


def two():
    """Requests of two cameras with brackets that agree."""
    given, settings = bracket(height=16), settings_for('fast')
    return [Request(given, settings), Request(given, replace(settings, tone_map='mu'))]


def together(made):
    """What becomes of two brackets: fused together, or one by one where that is asked for."""
    requests = two()
    pending = made.submit_batch(requests) or [made.submit(request) for request in requests]
    return [one.result() for one in pending]


class LateShortages:
    """Has results that are waited for run out of memory.

    Attributes:
        left: How many of them still do.
        least: Bands without which all do.
        bands: Those that they were fused in, of all that were waited for.
    """

    def __init__(self, monkeypatch, error=SHORTAGES['torch on a GPU']):
        self.left, self.least, self.bands = 0, 1, []
        results, failed = InFlight.results, lambda: None

        def scarce(flight):
            nonlocal failed
            assert failed() is None, 'a failed attempt still holds its memory'
            self.bands.append(flight.request.bands)
            self.left -= 1
            if self.left < 0 and flight.request.bands >= self.least:
                return results(flight)
            failed = weakref.ref(flight)
            raise type(error)(*error.args)

        monkeypatch.setattr(InFlight, 'results', scarce)

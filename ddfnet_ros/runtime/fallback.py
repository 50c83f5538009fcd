# SPDX-License-Identifier: Apache-2.0
"""A result with whatever memory there is: where the best way needs too much, the next best."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import torch

from ddfnet_ros import weights
from ddfnet_ros.bracket import Bracket
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.memory import give_back_freed_memory, is_shortage
from ddfnet_ros.runtime.pending import Pending
from ddfnet_ros.runtime.rendering import reference_alone
from ddfnet_ros.runtime.request import Request
from ddfnet_ros.runtime.ways import ON_CPU, REFERENCE, SINGLE, SPARE, Ladder, Way
from ddfnet_ros.settings import DeghosterSettings

T = TypeVar('T')
Log = Callable[[str], object]

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Attempt:
    """A bracket that is being fused.

    Attributes:
        request: What is fused.
        way: How.
        log: Where shortages are logged.
        pending: Its result; None once there was too little memory for it.
        shortage: The message of that shortage.
    """

    request: Request
    way: Way
    log: Log
    pending: Pending[Deghosted] | None
    shortage: str = ''


class FallbackDeghoster:
    """Fuses like a `Deghoster`; where memory runs out, in the next way that needs less.

    Memory may run out where a bracket is submitted or where its result is waited for, which
    another thread may do; there, too, it is then fused in the next way. `Deghosted.way` tells
    which way it was.

    Attributes:
        settings: Those that the model was loaded with.
        ladder: Which way is taken now.
    """

    def __init__(self, settings: DeghosterSettings) -> None:
        """Find and load the weights.

        Raises:
            ValueError: as a `Deghoster` does.
            FileNotFoundError: likewise.
        """
        self.settings = settings
        self._first = Deghoster(settings)
        self._spare: Deghoster | None = None
        self.ladder = Ladder(spare=_has_spare(self._first))
        self._ever_together = False
        self._lock = threading.Lock()  # results that are waited for can have a bracket fused, too

    @property
    def in_use(self) -> Deghoster:
        """The one of the two that the latest bracket went through."""
        return self._spare or self._first

    @property
    def sha256(self) -> str:
        """Checksum of the weights that were asked for."""
        return self._first.sha256

    def __call__(self, bracket: Bracket) -> Deghosted:
        """Fuse one bracket; raises what `submit` does."""
        return self.submit(Request(bracket, self.settings)).result()

    def submit(self, request: Request, log: Log = _log.warning) -> Pending[Deghosted]:
        """Start to fuse a bracket, as `Deghoster.submit`.

        Args:
            request: The bracket, and how; bands are chosen here.
            log: Called with a line when memory runs out, and when it is back.

        Raises:
            ValueError: as a `Deghoster` does.
            MemoryError: there is too little even for the reference frame alone.
        """
        with self._lock:
            self._choose_ways(request.bracket)
            pending = self._submit_first_that_fits(
                self.ladder.best(), partial(self._submit, request), log)
            return self._with_retry(request, pending, log)

    def submit_batch(
        self, requests: Sequence[Request], log: Log = _log.warning
    ) -> list[Pending[Deghosted]] | None:
        """Start to fuse several brackets, as `Deghoster.submit_batch`.

        Args:
            requests: The brackets, and how; bands are chosen here.
            log: Called with a line when memory runs out, and when it is back.

        Returns:
            None where there is too little memory for a batch: submit them one by one.

        Raises:
            ValueError: as a `Deghoster` does; none of them is started.
        """
        with self._lock:
            self._ever_together = True
            self._choose_ways(requests[0].bracket)
            if not self.ladder.together:
                return None
            ways = self.ladder.down_from(self.ladder.best(), together=True)
            pending, _ = self._try(
                ways, len(requests), lambda _: self._first.submit_batch(requests), log)
            if pending is None:
                self.ladder.settle(SINGLE, 0, ran_out=True)
                return None
            return [self._with_retry(request, one, log)
                    for request, one in zip(requests, pending, strict=True)]

    def _with_retry(
        self, request: Request, pending: Pending[Deghosted], log: Log
    ) -> Pending[Deghosted]:
        """A result that, where memory runs out while it is waited for, is fused anew."""
        return Pending(partial(
            self._result, _Attempt(request, self.ladder.now, log, pending)))

    def _result(self, attempt: _Attempt) -> Deghosted:
        """Wait for a bracket; fuse it anew where there is too little memory for that."""
        try:
            if attempt.pending:
                return replace(attempt.pending.result(), way=attempt.way.name)
        except Exception as error:
            if not is_shortage(error):
                raise
            attempt.shortage = _message(error)
        attempt.pending = None  # it, and the error's traceback, hold what the attempt had made
        return self._fuse_anew(attempt)

    def _fuse_anew(self, attempt: _Attempt) -> Deghosted:
        """Fuse a bracket in the next best way, after the shortage of an attempt."""
        def fuse(way: Way) -> Deghosted:
            if way == attempt.way:
                raise MemoryError(attempt.shortage)
            return self._submit(attempt.request, way).result()

        with self._lock:
            self._choose_ways(attempt.request.bracket)
            deghosted = self._submit_first_that_fits(
                self.ladder.least(attempt.way), fuse, attempt.log)
            return replace(deghosted, way=self.ladder.now.name)

    def _choose_ways(self, bracket: Bracket) -> None:
        self.ladder.choose(
            divisible=self._first.divisible(bracket), together=self._ever_together)

    def _submit_first_that_fits(self, first: Way, submit: Callable[[Way], T], log: Log) -> T:
        """Submit one bracket in the first way, from `first` on, that there is memory for.

        Raises:
            MemoryError: there is none.
        """
        submitted, shortage = self._try(self.ladder.down_from(first), 1, submit, log)
        if submitted is None:
            raise MemoryError(f'expected memory for one frame at least, got: {shortage}; choose '
                              'smaller images')
        return submitted

    def _try(
        self, ways: Iterable[Way], brackets: int, submit: Callable[[Way], T], log: Log
    ) -> tuple[T | None, str]:
        """Try one way after the other.

        Returns:
            What the first way that worked returned, or None; and the message of the last shortage.
        """
        shortage = ''
        for way in ways:
            try:
                submitted = submit(way)
            except Exception as error:
                if not is_shortage(error):
                    raise
                shortage = _message(error)
            else:
                if way != ON_CPU:
                    self._spare = None
                _log_if_any(log, self.ladder.settle(way, brackets, ran_out=bool(shortage)))
                return submitted, shortage
            # Not before: the error's traceback holds what the failed attempt had made.
            self._make_room(way)
            _log_if_any(log, self.ladder.leave(way, shortage))
        return None, shortage

    def _make_room(self, failed: Way) -> None:
        if failed == ON_CPU:
            self._spare = None
        self._first.forget()
        give_back_freed_memory(torch.device(self._first.device))

    def _submit(self, request: Request, way: Way) -> Pending[Deghosted]:
        if way == REFERENCE:
            alone = reference_alone(request.bracket, request.settings)
            return Pending(lambda: alone)
        if way == ON_CPU and self._spare is None:
            self._spare = Deghoster(replace(
                request.settings, model=SPARE, device='cpu', precision='auto', backend='auto'))
        deghoster = self._spare if way == ON_CPU and self._spare else self._first
        return deghoster.submit(replace(request, bands=way.bands))


def _has_spare(deghoster: Deghoster) -> bool:
    """Whether `fast` on the CPU is there, and would need less."""
    light = deghoster.device == 'cpu' and deghoster.architecture == SPARE
    return not light and SPARE in weights.present()


def _message(shortage: Exception) -> str:
    return ' '.join(str(shortage).split())[:200] or type(shortage).__name__


def _log_if_any(log: Log, line: str) -> None:
    if line:
        log(line)

# SPDX-License-Identifier: Apache-2.0
"""A result with whatever memory there is: where the best way needs too much, the next best."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import torch

from ddfnet_ros import weights
from ddfnet_ros.bracket import Bracket
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.runtime.deghoster import Asked, Deghoster
from ddfnet_ros.runtime.memory import give_back_freed_memory, is_shortage
from ddfnet_ros.runtime.pending import Pending
from ddfnet_ros.runtime.reference import reference_alone
from ddfnet_ros.runtime.ways import ON_CPU, REFERENCE, SINGLE, SPARE, Ladder, Way
from ddfnet_ros.settings import DeghosterSettings

Begun = TypeVar('Begun')


@dataclass(eq=False)
class _Attempt:
    """A bracket that is being fused.

    Attributes:
        asked: What is fused.
        way: How.
        pending: Its result; None once there was too little memory for it.
        said: By that shortage.
    """

    asked: Asked
    way: Way
    pending: Pending[Deghosted] | None
    said: str = ''


class FallbackDeghoster:
    """Fuses like a `Deghoster`; where memory runs out, in the next way that needs less.

    Memory may run out where a bracket is submitted or where its result is waited for, which
    another thread may do: there it is then fused in the next way, too.

    Attributes:
        settings: What it works by; live fields may differ from call to call.
        counts: Brackets by the way that they were fused, `whole` being the best.
        ladder: Which way that is now.
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
        self.counts = dict.fromkeys(self.ladder.names, 0)
        self._ever_together = False
        self._turn = threading.Lock()  # results can have a bracket fused too
        self._counting = threading.Lock()  # one of its own: results do not wait for what is begun

    @property
    def in_use(self) -> Deghoster:
        """Of the two, the one that the latest bracket went through."""
        return self._spare or self._first

    @property
    def sha256(self) -> str:
        """Checksum of the weights that were asked for."""
        return self._first.sha256

    def __call__(self, bracket: Bracket) -> Deghosted:
        """Fuse one bracket; raises what `submit` does."""
        return self.submit(bracket).result()

    def submit(self, bracket: Bracket) -> Pending[Deghosted]:
        """Begin to fuse a bracket, as `Deghoster.submit`.

        Raises:
            ValueError: as a `Deghoster` does.
            MemoryError: there is too little even for the reference frame alone.
        """
        asked = bracket, self.settings
        with self._turn:
            self._choose_ways(bracket)
            return self._waited_for(
                asked, self._fused(self.ladder.best(), partial(self._fuse, asked)))

    def submit_together(self, asked: Sequence[Asked]) -> list[Pending[Deghosted]] | None:
        """Begin to fuse several brackets, as `Deghoster.submit_together`.

        Returns:
            None where there is too little memory for that: they are to be submitted one by one.

        Raises:
            ValueError: as a `Deghoster` does; none of them is begun.
        """
        with self._turn:
            self._ever_together = True
            self._choose_ways(asked[0][0])
            if not self.ladder.together:
                return None
            ways = self.ladder.down_from(self.ladder.best(), together=True)
            begun, _ = self._in_next_best(ways, len(asked), partial(self._fuse_all, asked))
            if begun is None:
                self.ladder.settle(SINGLE, 0, ran_out=True)
                return None
            return [self._waited_for(*one) for one in zip(asked, begun, strict=True)]

    def _waited_for(self, asked: Asked, begun: Pending[Deghosted]) -> Pending[Deghosted]:
        """What has just begun, in the way of now, and begins anew where memory runs out later."""
        return Pending(partial(self._result, _Attempt(asked, self.ladder.now, begun)))

    def _result(self, attempt: _Attempt) -> Deghosted:
        """Wait for a bracket; where there is too little memory for that, in the next best way."""
        deghosted = None
        try:
            if attempt.pending:
                deghosted = replace(attempt.pending.result(), way=attempt.way.name)
        except Exception as error:
            if not is_shortage(error):
                raise
            attempt.said = _words_of(error)
        attempt.pending = None
        if deghosted is None:
            deghosted = self._anew(attempt)
        with self._counting:
            self.counts[deghosted.way] += 1
        return deghosted

    def _anew(self, attempt: _Attempt) -> Deghosted:
        """Fuse a bracket in the next best way, after the shortage of an attempt."""
        def fuse(way: Way) -> Deghosted:
            if way == attempt.way:
                raise MemoryError(attempt.said)
            return self._fuse(attempt.asked, way).result()

        with self._turn:
            self._choose_ways(attempt.asked[0])
            deghosted = self._fused(self.ladder.least(attempt.way), fuse)
            return replace(deghosted, way=self.ladder.now.name)

    def _choose_ways(self, bracket: Bracket) -> None:
        self.ladder.choose(
            divisible=self._first.divisible(bracket), together=self._ever_together)

    def _fused(self, first: Way, begin: Callable[[Way], Begun]) -> Begun:
        """One bracket in the first way from `first` on that there is memory for.

        Raises:
            MemoryError: there is none.
        """
        begun, said = self._in_next_best(self.ladder.down_from(first), 1, begin)
        if begun is None:
            raise MemoryError(f'expected memory for one frame at least, got: {said}; choose '
                              'smaller images')
        return begun

    def _in_next_best(
        self, ways: Iterable[Way], brackets: int, begin: Callable[[Way], Begun]
    ) -> tuple[Begun | None, str]:
        """Begin in the first of these ways that there is memory for.

        Returns:
            What has begun, or None and what the last shortage said.
        """
        said = ''
        for way in ways:
            try:
                begun = begin(way)
            except Exception as error:
                if not is_shortage(error):
                    raise
                said = _words_of(error)
            else:
                if way != ON_CPU:
                    self._spare = None
                self.ladder.settle(way, brackets, ran_out=bool(said))
                return begun, said
            # Not before: the error's traceback holds what the failed attempt had made.
            self._make_room(way)
            self.ladder.leave(way, said)
        return None, said

    def _make_room(self, failed: Way) -> None:
        if failed == ON_CPU:
            self._spare = None
        self._first.forget()
        give_back_freed_memory(torch.device(self._first.device))

    def _fuse_all(self, asked: Sequence[Asked], way: Way) -> list[Pending[Deghosted]]:
        self._first.bands = way.bands
        return self._first.submit_together(asked)

    def _fuse(self, asked: Asked, way: Way) -> Pending[Deghosted]:
        bracket, settings = asked
        if way == REFERENCE:
            alone = reference_alone(bracket, settings)
            return Pending(lambda: alone)
        if way == ON_CPU and self._spare is None:
            self._spare = Deghoster(replace(
                settings, model=SPARE, device='cpu', precision='auto', backend='auto'))
        deghoster = self._spare if way == ON_CPU and self._spare else self._first
        deghoster.settings, deghoster.bands = settings, way.bands
        return deghoster.submit(bracket)


def _has_spare(deghoster: Deghoster) -> bool:
    """Whether `fast` on the CPU is there, and would need less."""
    light = deghoster.device == 'cpu' and deghoster.architecture == SPARE
    return not light and SPARE in weights.present()


def _words_of(shortage: Exception) -> str:
    return ' '.join(str(shortage).split())[:200] or type(shortage).__name__

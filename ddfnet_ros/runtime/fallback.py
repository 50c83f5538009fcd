# SPDX-License-Identifier: Apache-2.0
"""A result with whatever memory there is: where the best way needs too much, the next best.

The ways, from best to least: as always; the same after caches were freed; where several cameras'
brackets are fused together, one by one; the network in bands of rows, 2, 4 and 8 of them (the same
picture); `fast` on the CPU; the reference frame alone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
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
from ddfnet_ros.settings import DeghosterSettings

_SPARE = 'fast'
_FIRST_WAIT, _LONGEST_WAIT = 15, 1920  # brackets; the second is a minute at 30 Hz

_log = logging.getLogger(__name__)

Begun = TypeVar('Begun')


@dataclass(frozen=True)
class _Way:
    """One way to fuse.

    Attributes:
        name: What it is counted under.
        what: What is done, for people.
        bands: Of rows that the network takes one after the other.
    """

    name: str
    what: str
    bands: int = 1


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
    way: _Way
    pending: Pending[Deghosted] | None
    said: str = ''


_WHOLE = (_Way('whole', 'fusing as always'), _Way('caches', 'freed caches, fusing as always'))
_SINGLE = _Way('single', 'fusing brackets one by one')
_BANDS = tuple(_Way('bands', 'the network runs in bands of rows', bands) for bands in (2, 4, 8))
_ON_CPU = _Way('cpu', f'fusing with {_SPARE} on the CPU')
_REFERENCE = _Way('reference', 'the reference frame is all there is')


class FallbackDeghoster:
    """Fuses like a `Deghoster`; where memory runs out, in the next way that needs less.

    The way that worked is that of the next brackets too. After some of them, twice as many each
    time that memory ran out again, the next better one is tried, until the best works again.
    Memory may run out where a bracket is submitted or where its result is waited for, which
    another thread may do: there it is then fused in the next way, too.

    Attributes:
        settings: What it works by; live fields may differ from call to call.
        counts: Brackets by the way that they were fused, `whole` being the best.
        log: Told of each way, once, when it has to be taken, and of the return to the best.
    """

    def __init__(self, settings: DeghosterSettings) -> None:
        """Find and load the weights.

        Raises:
            ValueError: as a `Deghoster` does.
            FileNotFoundError: likewise.
        """
        self.settings = settings
        self.log: Callable[[str], object] = _log.warning
        self._first = Deghoster(settings)
        self._spare: Deghoster | None = None
        self._all = self._ways = _ways_for(self._first)
        self.counts = dict.fromkeys((way.name for way in self._all), 0)
        self._way = self._ways[0]  # of now; other threads look at it
        self._ever_together = False
        self._told: set[str] = set()
        self._calm, self._wait = 0, _FIRST_WAIT  # brackets since memory ran out; to be waited for
        self._turn = threading.Lock()  # results can have a bracket fused too
        self._counting = threading.Lock()  # one of its own: results do not wait for what is begun

    @property
    def in_use(self) -> Deghoster:
        """Of the two, the one that the latest bracket went through."""
        return self._spare or self._first

    @property
    def problem(self) -> str:
        """What is done for lack of memory; '' where nothing has to be."""
        way = self._way
        return f'out of memory: {way.what}' if way != _WHOLE[0] else ''

    @property
    def together(self) -> bool:
        """Whether there is memory to fuse several brackets together, as far as is known."""
        return self._way in _WHOLE

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
            return self._waited_for(asked, self._fused(self._best(), partial(self._fuse, asked)))

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
            if not self.together:
                return None
            begun, _ = self._in_next_best(
                self._best(), len(_WHOLE), len(asked), partial(self._fuse_all, asked))
            if begun is None:
                self._settle(len(_WHOLE), 0, ran_out=True)
                return None
            return [self._waited_for(*one) for one in zip(asked, begun, strict=True)]

    def _waited_for(self, asked: Asked, begun: Pending[Deghosted]) -> Pending[Deghosted]:
        """What has just begun, in the way of now, and begins anew where memory runs out later."""
        return Pending(partial(self._result, _Attempt(asked, self._way, begun)))

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
        def fuse(way: _Way) -> Deghosted:
            if way == attempt.way:
                raise MemoryError(attempt.said)
            return self._fuse(attempt.asked, way).result()

        with self._turn:
            self._choose_ways(attempt.asked[0])
            # Another bracket may have had less memory meanwhile.
            failed = max(self._ways.index(attempt.way), self._place)
            return replace(self._fused(failed, fuse), way=self._way.name)

    @property
    def _place(self) -> int:
        """Of the way of now."""
        return self._ways.index(self._way)

    def _best(self) -> int:
        """Place of the best way that is worth trying."""
        place = self._place
        return place - (place > 0 and self._calm >= self._wait)

    def _fused(self, first: int, begin: Callable[[_Way], Begun]) -> Begun:
        """One bracket in the first way from `first` on that there is memory for.

        Raises:
            MemoryError: there is none.
        """
        begun, said = self._in_next_best(first, len(self._ways), 1, begin)
        if begun is None:
            raise MemoryError(f'expected memory for one frame at least, got: {said}; choose '
                              'smaller images')
        return begun

    def _in_next_best(
        self, first: int, end: int, brackets: int, begin: Callable[[_Way], Begun]
    ) -> tuple[Begun | None, str]:
        """Begin in the first way from `first`, and before `end`, that there is memory for.

        Returns:
            What has begun, or None and what the last shortage said.
        """
        said = ''
        for place in range(first, end):
            try:
                begun = begin(self._ways[place])
            except Exception as error:
                if not is_shortage(error):
                    raise
                said = _words_of(error)
            else:
                self._settle(place, brackets, ran_out=place > first)
                return begun, said
            # Not before: the error's traceback holds what the failed attempt had made.
            self._leave(place, said)
        return None, said

    def _choose_ways(self, bracket: Bracket) -> None:
        """Keep those that make sense for a bracket; where they change, begin with the best."""
        divisible = self._first.divisible(bracket)
        ways = [way for way in self._all if (divisible or way.bands == 1)
                and (self._ever_together or way != _SINGLE)]
        if ways != self._ways:
            self._ways, self._way, self._calm = ways, ways[0], 0

    def _leave(self, place: int, said: str) -> None:
        """Make room after a way has failed, and tell of the next one."""
        if self._ways[place] == _ON_CPU:
            self._spare = None
        self._first.forget()
        give_back_freed_memory(torch.device(self._first.device))
        if place + 1 < len(self._ways):
            way = self._ways[place + 1]
            if way.name not in self._told:
                self._told.add(way.name)
                self.log(f'out of memory: {way.what} ({said})')

    def _settle(self, place: int, brackets: int, *, ran_out: bool) -> None:
        """Stay with the way that worked, and remember how long nothing has run out."""
        if self._ways[place] != _ON_CPU:
            self._spare = None
        if ran_out:
            self._wait = min(2 * self._wait, _LONGEST_WAIT)
        self._calm = 0 if ran_out or place < self._place else self._calm + brackets
        self._way = self._ways[place]
        if not place and self._told and self._calm >= self._wait:
            self.log('there is memory again: fusing as always')
            self._told.clear()
            self._wait = _FIRST_WAIT

    def _fuse_all(self, asked: Sequence[Asked], way: _Way) -> list[Pending[Deghosted]]:
        self._first.bands = way.bands
        return self._first.submit_together(asked)

    def _fuse(self, asked: Asked, way: _Way) -> Pending[Deghosted]:
        bracket, settings = asked
        if way == _REFERENCE:
            alone = reference_alone(bracket, settings)
            return Pending(lambda: alone)
        if way == _ON_CPU and self._spare is None:
            self._spare = Deghoster(replace(
                settings, model=_SPARE, device='cpu', precision='auto', backend='auto'))
        deghoster = self._spare if way == _ON_CPU and self._spare else self._first
        deghoster.settings, deghoster.bands = settings, way.bands
        return deghoster.submit(bracket)


def _ways_for(deghoster: Deghoster) -> list[_Way]:
    """Those that make sense for a model."""
    light = deghoster.device == 'cpu' and deghoster.architecture == _SPARE
    spare = not light and _SPARE in weights.present()
    return [*_WHOLE, _SINGLE, *_BANDS, *([_ON_CPU] if spare else ()), _REFERENCE]


def _words_of(shortage: Exception) -> str:
    return ' '.join(str(shortage).split())[:200] or type(shortage).__name__

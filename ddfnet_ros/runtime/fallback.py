# SPDX-License-Identifier: Apache-2.0
"""A result with whatever memory there is: where the best way needs too much, the next best.

The ways, from best to least: as always; the same after caches were freed; where several cameras'
brackets are fused together, one by one; the network in bands of rows, 2, 4 and 8 of them (the same
picture); `fast` on the CPU; the reference frame alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros import weights
from ddfnet_ros.bracket import Bracket, white_level
from ddfnet_ros.radiance import linearise
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.runtime.deghoster import Asked, Deghoster
from ddfnet_ros.runtime.memory import give_back_freed_memory, is_shortage
from ddfnet_ros.runtime.pending import Pending
from ddfnet_ros.runtime.shown import shown_of
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.settings import DeghosterSettings, RadianceSettings

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


_WHOLE = (_Way('whole', 'fusing as always'), _Way('caches', 'freed caches, fusing as always'))
_SINGLE = _Way('single', 'fusing brackets one by one')
_BANDS = tuple(_Way('bands', 'the network runs in bands of rows', bands) for bands in (2, 4, 8))
_ON_CPU = _Way('cpu', f'fusing with {_SPARE} on the CPU')
_REFERENCE = _Way('reference', 'the reference frame is all there is')


class FallbackDeghoster:
    """Fuses like a `Deghoster`; where memory runs out, in the next way that needs less.

    The way that worked is that of the next brackets too. After some of them, twice as many each
    time that memory ran out again, the next better one is tried, until the best works again.

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
        self._place = 0
        self._ever_together = False
        self._told: set[str] = set()
        self._calm, self._wait = 0, _FIRST_WAIT  # brackets since memory ran out; to be waited for

    @property
    def in_use(self) -> Deghoster:
        """Of the two, the one that the latest bracket went through."""
        return self._spare or self._first

    @property
    def problem(self) -> str:
        """What is done for lack of memory; '' where nothing has to be."""
        return f'out of memory: {self._ways[self._place].what}' if self._place else ''

    @property
    def way(self) -> str:
        """What the latest bracket is counted under."""
        return self._ways[self._place].name

    @property
    def together(self) -> bool:
        """Whether there is memory to fuse several brackets together, as far as is known."""
        return self._ways[self._place] in _WHOLE

    def __call__(self, bracket: Bracket) -> Deghosted:
        """Fuse one bracket; raises what `submit` does."""
        return self.submit(bracket).result()

    def submit(self, bracket: Bracket) -> Pending[Deghosted]:
        """Begin to fuse a bracket, as `Deghoster.submit`.

        Raises:
            ValueError: as a `Deghoster` does.
            MemoryError: there is too little even for the reference frame alone.
        """
        self._choose_ways(bracket)
        begun, said = self._in_next_best(len(self._ways), 1, partial(self._fuse, bracket))
        if begun is None:
            raise MemoryError(f'expected memory for one frame at least, got: {said}; choose '
                              'smaller images')
        return begun

    def submit_together(self, asked: Sequence[Asked]) -> list[Pending[Deghosted]] | None:
        """Begin to fuse several brackets, as `Deghoster.submit_together`.

        Returns:
            None where there is too little memory for that: they are to be submitted one by one.

        Raises:
            ValueError: as a `Deghoster` does; none of them is begun.
        """
        self._ever_together = True
        self._choose_ways(asked[0][0])
        if not self.together:
            return None
        begun, _ = self._in_next_best(len(_WHOLE), len(asked), partial(self._fuse_all, asked))
        if begun is None:
            self._settle(len(_WHOLE), 0, ran_out=True)
        return begun

    def _in_next_best(
        self, end: int, brackets: int, begin: Callable[[_Way], Begun]
    ) -> tuple[Begun | None, str]:
        """Begin in the first way before `end` that there is memory for.

        Returns:
            What has begun, or None and what the last shortage said.
        """
        first = self._place - (self._place > 0 and self._calm >= self._wait)
        said = ''
        for place in range(first, end):
            try:
                begun = begin(self._ways[place])
            except Exception as error:
                if not is_shortage(error):
                    raise
                said = ' '.join(str(error).split())[:200] or type(error).__name__
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
            self._ways, self._place, self._calm = ways, 0, 0

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
        way = self._ways[place]
        self.counts[way.name] += brackets
        if way != _ON_CPU:
            self._spare = None
        if ran_out:
            self._wait = min(2 * self._wait, _LONGEST_WAIT)
        self._calm = 0 if ran_out or place < self._place else self._calm + brackets
        self._place = place
        if not place and self._told and self._calm >= self._wait:
            self.log('there is memory again: fusing as always')
            self._told.clear()
            self._wait = _FIRST_WAIT

    def _fuse_all(self, asked: Sequence[Asked], way: _Way) -> list[Pending[Deghosted]]:
        self._first.bands = way.bands
        return self._first.submit_together(asked)

    def _fuse(self, bracket: Bracket, way: _Way) -> Pending[Deghosted]:
        if way == _REFERENCE:
            alone = reference_alone(bracket, self.settings)
            return Pending(lambda: alone)
        if way == _ON_CPU and self._spare is None:
            self._spare = Deghoster(replace(
                self.settings, model=_SPARE, device='cpu', precision='auto', backend='auto'))
        deghoster = self._spare if way == _ON_CPU and self._spare else self._first
        deghoster.settings, deghoster.bands = self.settings, way.bands
        return deghoster.submit(bracket)


def _ways_for(deghoster: Deghoster) -> list[_Way]:
    """Those that make sense for a model."""
    light = deghoster.device == 'cpu' and deghoster.architecture == _SPARE
    spare = not light and _SPARE in weights.present()
    return [*_WHOLE, _SINGLE, *_BANDS, *([_ON_CPU] if spare else ()), _REFERENCE]


def reference_alone(bracket: Bracket, settings: RadianceSettings) -> Deghosted:
    """What the reference frame shows by itself; takes little memory beyond the result's.

    Args:
        bracket: Whose reference it is.
        settings: Name response and tone map.
    """
    pixels = bracket.reference.pixels
    height, width = pixels.shape[:2]
    finish = Stage('finish', torch.device('cpu'))
    with finish.after():
        ldr = torch.from_numpy(pixels.astype(np.float32)).reshape(height, width, -1)
        linear = linearise((ldr / white_level(pixels)).permute(2, 0, 1), settings.response,
                           settings.gamma)
        relative = linear / (bracket.reference.exposure / min(bracket.exposures))
        radiance, image = shown_of(bracket, relative, settings, finish)
    return Deghosted(
        bracket, radiance.numpy(), image.numpy(), {finish.name: finish.ms},
        lambda: np.zeros((len(bracket.frames) - 1, height, width, 2), np.float32),
        partial(_reference_only, bracket))


def _reference_only(bracket: Bracket) -> npt.NDArray[np.float32]:
    """Shares of the frames, where all is the reference's."""
    width, height = bracket.reference.size
    shares = np.zeros((len(bracket.frames), height, width), np.float32)
    shares[bracket.reference_index] = 1
    return shares

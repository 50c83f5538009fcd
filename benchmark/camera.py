# SPDX-License-Identifier: Apache-2.0
"""Simulate a bracketing camera and a transport that loses, delays and doubles its frames.

The pixels of each frame hold its bracket, its place in the bracket and the round of a looped bag,
so that assembled brackets can be checked.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ddfnet_ros.assembly import BracketAssembler
from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.settings import AssemblySettings

START_NS = 1_700_000_000_000_000_000  # a realistic wall-clock time


@dataclass(frozen=True, kw_only=True)
class Shot:
    """Ground truth of one exposure, independent of its frame's metadata.

    Attributes:
        bracket: Number of its bracket; unique over restarts.
        place: Index in the exposure cycle, from 0.
        stamp_ns: Stamp [ns].
        counter: The camera's frame counter.
        turn: Frame counter per topic, for a driver with one topic per exposure.
        late: Number of frames by which it arrives late.
        played: Number of the round of a looped bag.
    """

    bracket: int
    place: int
    stamp_ns: int
    counter: int
    turn: int
    late: int = 0
    played: int = 0


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A bracketing camera.

    Attributes:
        exposures: Exposure times in the order of the cycle [s].
        period: Period of the cycle [s].
        spread: Share of the period in which frames are evenly spaced; a pause follows; 1: none.
        offsets: Time of each frame in the cycle, in periods; replaces `spread`.
        jitter: Largest error of the stamps, in intervals between frames.
        drift: Relative growth of the period per cycle.
        bits: Width of the frame counter [bits].
    """

    exposures: tuple[float, ...] = (0.001, 0.004, 0.016)
    period: float = 0.033
    spread: float = 1.0
    offsets: tuple[float, ...] = ()
    jitter: float = 0.0
    drift: float = 0.0
    bits: int = 32

    @property
    def size(self) -> int:
        """Frames in a bracket."""
        return len(self.exposures)

    def shoot(self, brackets: int, rng: random.Random, *, first: int = 0, counter: int = 0,
              place: int = 0, start_ns: int = START_NS) -> list[Shot]:
        """Take brackets; the first one can start in mid-cycle.

        Args:
            brackets: Number of brackets.
            rng: Generator of the jitter.
            first: Number of the first bracket.
            counter: Frame counter of the first frame.
            place: Index of the first frame in its cycle.
            start_ns: Begin of the first cycle [ns].
        """
        offsets = self.offsets or tuple(self.spread * k / self.size for k in range(self.size))
        ends = (*offsets[1:], 1.0 if self.spread == 1.0 else 2.0)
        interval = min(b - a for a, b in zip(offsets, ends, strict=True)) * self.period
        shots: list[Shot] = []
        taken = [0] * self.size
        begin, period = 0.0, self.period
        for bracket in range(first, first + brackets):
            for k, offset in enumerate(offsets):
                if bracket == first and k < place:
                    continue
                seconds = begin + offset * period + rng.uniform(-1, 1) * self.jitter * interval
                number = counter + len(shots)
                shots.append(Shot(
                    bracket=bracket, place=k, stamp_ns=start_ns + round(seconds * 1e9),
                    counter=number % 2**self.bits,
                    turn=(counter // self.size + taken[k]) % 2**self.bits))
                taken[k] += 1
            begin += period
            period *= 1 + self.drift
        return shots


@dataclass(frozen=True, kw_only=True)
class Channel:
    """Faults of the transport between camera and assembler.

    Attributes:
        lost: Share of frames that never arrive.
        reordered: Share of frames that arrive late by less than a bracket.
        delayed: Share of frames that arrive later than that.
        doubled: Share of frames that arrive twice.
        joined: Number of frames that are missed before the assembler starts.
        rounds: Number of times that a bag of these frames is played.
    """

    lost: float = 0.0
    reordered: float = 0.0
    delayed: float = 0.0
    doubled: float = 0.0
    joined: int = 0
    rounds: int = 1

    def travel(self, shots: Sequence[Shot], size: int, rng: random.Random) -> list[Shot]:
        """Transport frames; returns those that arrive, in order of arrival."""
        arrived: list[Shot] = []
        for played in range(self.rounds):
            arrived += self._play_once([replace(shot, played=played) for shot in shots], size, rng)
        return arrived[self.joined:]

    def _play_once(self, shots: Sequence[Shot], size: int, rng: random.Random) -> list[Shot]:
        queue: list[tuple[float, Shot]] = []
        for k, shot in enumerate(shots):
            if rng.random() < self.lost:
                continue
            late = 0
            if rng.random() < self.reordered:
                late = rng.randint(1, size - 1)
            elif rng.random() < self.delayed:
                late = rng.randint(size, 5 * size)
            queue.append((k + late + 0.5 * bool(late), replace(shot, late=late)))
            if rng.random() < self.doubled:
                queue.append((k + rng.randint(0, 2 * size) + 0.7, replace(shot, late=late)))
        return [shot for _, shot in sorted(queue, key=lambda item: item[0])]


@dataclass(frozen=True, kw_only=True)
class Mode:
    """Which metadata frames have, and the assembler's settings."""

    settings: AssemblySettings
    metadata: bool = False
    counter: bool = False
    topics: bool = False

    def frame(self, shot: Shot, camera: Camera) -> Frame:
        """Make the frame of a shot; its pixels are bracket, place and round."""
        number = shot.turn if self.topics else shot.counter
        return Frame(
            pixels=np.array([[shot.bracket, shot.place, shot.played]], np.uint16),
            exposure_time=camera.exposures[shot.place] if self.metadata else None,
            stamp_ns=shot.stamp_ns,
            sequence_id=number if self.counter else None,
            stream=shot.place if self.topics else 0,
        )


def modes(camera: Camera, window: str = 'cycle') -> dict[str, Mode]:
    """Every way to find a frame's place in the cycle, for one camera.

    Args:
        camera: The camera.
        window: See `AssemblySettings`.
    """
    times, period = camera.exposures, camera.period
    offset = math.fmod(START_NS, period * 1e9) * 1e-9
    interval = camera.spread * period / camera.size
    timed = AssemblySettings(exposure_times=times, window=window)
    untimed = AssemblySettings(bracket_size=len(times), window=window)
    clocked = replace(timed, cycle_period=period)
    grid = replace(clocked, cycle_offset=offset)
    pause = replace(timed, cycle_gap=(interval + (period - camera.spread * period + interval)) / 2)
    return {
        'metadata and counter': Mode(settings=timed, metadata=True, counter=True),
        'metadata and counter, times not configured':
            Mode(settings=untimed, metadata=True, counter=True),
        'metadata': Mode(settings=timed, metadata=True),
        'metadata, times not configured': Mode(settings=untimed, metadata=True),
        'metadata and period': Mode(settings=clocked, metadata=True),
        'counter': Mode(settings=timed, counter=True),
        'topic and counter': Mode(settings=timed, counter=True, topics=True),
        'topic': Mode(settings=timed, topics=True),
        'topic and period': Mode(settings=clocked, topics=True),
        'phase': Mode(settings=grid),
        'gap': Mode(settings=pause),
    }


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Counts of assembled brackets. Each sliding window counts as a bracket.

    Attributes:
        sets: Number of assembled brackets.
        mixed: Those with frames of several brackets, or windows of non-consecutive shots.
        complete: Number of brackets whose frames all arrived, none of them too late.
        emitted: Number of complete brackets that were assembled.
    """

    sets: int
    mixed: int
    complete: int
    emitted: int

    @property
    def share(self) -> float:
        """Share of the complete brackets that were assembled."""
        return self.emitted / self.complete if self.complete else 1.0


def judge(sets: Iterable[frozenset[int]], arrived: Sequence[Shot], size: int) -> Verdict:
    """Compare the bracket numbers in each assembled set with the frames that arrived."""
    sets = list(sets)
    places: dict[tuple[int, int], set[int]] = {}
    for shot in arrived:
        if shot.late < size:
            places.setdefault((shot.bracket, shot.played), set()).add(shot.place)
    complete = Counter(name for (name, _), arrivals in places.items() if len(arrivals) == size)
    whole = Counter(name for names in sets if len(names) == 1 for name in names)
    return Verdict(sets=len(sets), mixed=sum(len(names) > 1 for names in sets),
                   complete=complete.total(), emitted=(complete & whole).total())


def judge_windows(windows: Iterable[Sequence[tuple[int, int]]], arrived: Sequence[Shot],
                  size: int) -> Verdict:
    """Compare the rounds and shot numbers in each window with the frames that arrived."""
    windows = [sorted(window) for window in windows]
    arrivals = {(shot.played, size * shot.bracket + shot.place)
             for shot in arrived if shot.late < size}
    complete = {first for first in arrivals if arrivals.issuperset(_consecutive(first, size))}
    whole = Counter(window[0] for window in windows if window == _consecutive(window[0], size))
    return Verdict(sets=len(windows), mixed=len(windows) - whole.total(), complete=len(complete),
                   emitted=len(complete & whole.keys()))


def _consecutive(first: tuple[int, int], size: int) -> list[tuple[int, int]]:
    """`size` consecutive shots from `first` on, as (round, shot number)."""
    played, ordinal = first
    return [(played, ordinal + k) for k in range(size)]


def shots_of(bracket: Bracket) -> list[tuple[int, int]]:
    """Round and shot number of each frame of a bracket."""
    size = len(bracket.frames)
    pixels = (map(int, frame.pixels.flat) for frame in bracket.frames)
    return [(played, size * name + place) for name, place, played in pixels]


def names_of(bracket: Bracket) -> frozenset[int]:
    """Numbers of the brackets that the frames belong to."""
    return frozenset(int(frame.pixels.flat[0]) for frame in bracket.frames)


def assemble(mode: Mode, camera: Camera, arrived: Sequence[Shot]) -> Verdict:
    """Assemble the frames that arrived; sliding windows take the latest as reference."""
    sliding = mode.settings.window == 'sliding'
    assembler = BracketAssembler(
        mode.settings, camera.size if mode.topics else 1, 'latest' if sliding else 0)
    frames = (mode.frame(shot, camera) for shot in arrived)
    brackets = [bracket for frame in frames for bracket in assembler.add(frame)]
    if sliding:
        return judge_windows(map(shots_of, brackets), arrived, camera.size)
    return judge(map(names_of, brackets), arrived, camera.size)

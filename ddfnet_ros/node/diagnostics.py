# SPDX-License-Identifier: Apache-2.0
"""Counts of the node, and what /diagnostics says about them."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from ddfnet_ros.results.shares import Clipping

ALL_WELL = 'fusing'
IDLE = 'nobody listens to the results: brackets are not fused'
PATIENCE = 5.0  # seconds without images before that is a problem
_RECENT = 100  # brackets whose latencies are kept
_LATE = 3  # times the longest recent latency without a result: fusing has stopped
_MANY_IMAGES = 20  # without a bracket: none has so many

# What a user can do about drops, by their reason.
REMEDIES = {
    'incomplete': 'an exposure is missing; lost in transport? see dds_profile; or exposure_times '
                  'that are not the camera\'s, or not in its order?',
    'stale': 'late or from before a time jump; see max_span',
    'duplicate': 'sent twice, or two publishers on one topic?',
    'superseded': 'brackets come faster than they are fused; choose a faster model or device',
    'invalid': 'see the log for what was expected',
    'no_metadata': 'nothing with the stamp of the image on ~/meta, or too late; check its '
                   'remapping, and the log',
    'failed': 'the fusion raised an error; see the log',
}


@dataclass(frozen=True)
class Snapshot:
    """The counts at one moment.

    Attributes:
        time: Time of the snapshot, by the monotonic clock [s].
        silence: Time since the last image, or since subscribing [s].
        unfused: Time since the last bracket was published, or since subscribing [s].
        received: Images received.
        fused: Brackets fused and published.
        idle: Brackets not fused because nobody listened.
        dropped: Counts by reason: brackets for 'failed' and 'superseded', else frames or messages.
        latencies_ms: Latencies of the most recent brackets: from the arrival of the last frame,
            not yet decoded, until the result was published.
        stage_ms: Times of the most recent bracket: decoding its last frame, waiting for the
            worker, each stage of the fusion, waiting for its turn to be published, publishing.
        clipping: Clipping of the most recent bracket.
        together: Number of brackets in the batch of the most recent one; 1 for it alone.
        mismatch: Why the most recent bracket cannot have the exposures given for it; '' if it can.
    """

    time: float = field(default_factory=time.monotonic)
    silence: float = 0.0
    unfused: float = 0.0
    received: int = 0
    fused: int = 0
    idle: int = 0
    dropped: Mapping[str, int] = field(default_factory=Counter)
    latencies_ms: tuple[float, ...] = ()
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    clipping: Clipping | None = None
    together: int = 1
    mismatch: str = ''

    @property
    def brackets(self) -> int:
        """Number of complete brackets, whatever became of them."""
        return self.fused + self.idle + sum(
            self.dropped.get(reason, 0) for reason in ('superseded', 'failed'))


class Statistics:
    """Counts since the node was configured; safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received = self._fused = self._idle = 0
        self._heard_at = self._fused_at = time.monotonic()
        self._dropped: Counter[str] = Counter()
        self._latencies_ms: deque[float] = deque(maxlen=_RECENT)
        self._stage_ms: dict[str, float] = {}
        self._clipping: Clipping | None = None
        self._together = 1
        self._mismatch = ''

    def begin(self) -> None:
        """Measure silence from now on."""
        with self._lock:
            self._heard_at = self._fused_at = time.monotonic()

    def receive(self) -> None:
        """Count an image."""
        with self._lock:
            self._received += 1
            self._heard_at = time.monotonic()

    def drop(self, reason: str) -> None:
        """Count a drop: of a bracket for 'failed' and 'superseded', else of a frame or message.

        Args:
            reason: A key of `REMEDIES`.
        """
        with self._lock:
            self._dropped[reason] += 1

    def fuse(self, latency_ms: float, stage_ms: dict[str, float], clipping: Clipping,
             together: int) -> None:
        """Count a bracket that was fused and published.

        Args:
            latency_ms: Time from the arrival of its last frame until it was published [ms].
            stage_ms: Time of each stage [ms].
            clipping: Clipping before and after fusion.
            together: Number of brackets in its batch.
        """
        with self._lock:
            self._fused += 1
            self._fused_at = time.monotonic()
            self._latencies_ms.append(latency_ms)
            self._stage_ms, self._clipping, self._together = stage_ms, clipping, together

    def note_mismatch(self, mismatch: str) -> None:
        """Note why the current bracket cannot have the exposures given for it; '' if it can."""
        with self._lock:
            self._mismatch = mismatch

    def skip(self) -> None:
        """Count a bracket that is not fused because nobody listens."""
        with self._lock:
            self._idle += 1
            self._mismatch = ''

    def snapshot(self, elsewhere: Counter[str]) -> Snapshot:
        """Copy the counts.

        Args:
            elsewhere: Drops counted by others, by reason; added to those counted here.
        """
        with self._lock:
            return Snapshot(
                silence=time.monotonic() - self._heard_at,
                unfused=time.monotonic() - self._fused_at,
                received=self._received, fused=self._fused, idle=self._idle,
                dropped=self._dropped + elsewhere,
                latencies_ms=tuple(self._latencies_ms), stage_ms=dict(self._stage_ms),
                clipping=self._clipping, together=self._together, mismatch=self._mismatch,
            )


def new_drops(now: Snapshot, before: Snapshot) -> dict[str, int]:
    """What was dropped between two snapshots, by reason."""
    counts = {reason: n - before.dropped.get(reason, 0) for reason, n in now.dropped.items()}
    return {reason: n for reason, n in counts.items() if n > 0}


def judge(
    now: Snapshot, before: Snapshot, productive: Snapshot, explain_silence: Callable[[], str]
) -> tuple[bytes, str]:
    """Diagnostic level and message of an active node.

    Args:
        now: The counts.
        before: Those of the message before.
        productive: Those when there last was a new bracket.
        explain_silence: Returns why no images may come.
    """
    drops = new_drops(now, before)
    # A model slower than the camera may be intended: superseded brackets alone are no warning.
    fuses = now.unfused < max(PATIENCE, _LATE * max(now.latencies_ms, default=0.0) / 1e3)
    if drops and not (fuses and set(drops) == {'superseded'}):
        return DiagnosticStatus.WARN, _describe_drops(drops)
    if now.silence > PATIENCE:
        return DiagnosticStatus.WARN, explain_silence()
    if problem := _why_no_brackets(now, productive) or now.mismatch:
        return DiagnosticStatus.WARN, problem
    if drops:
        return DiagnosticStatus.OK, _describe_drops(drops)
    if now.idle > before.idle and now.fused == before.fused:
        return DiagnosticStatus.OK, IDLE
    return DiagnosticStatus.OK, ALL_WELL


def _why_no_brackets(now: Snapshot, productive: Snapshot) -> str:
    """Why there has been no bracket for a while although images come; '' if there has been one."""
    images, seconds = now.received - productive.received, now.time - productive.time
    if images < _MANY_IMAGES or seconds < PATIENCE:
        return ''
    drops = new_drops(now, productive)
    why = _describe_drops(drops) if drops else (
        'frames wait for their metadata or for the rest of their bracket; see metadata_depth')
    return f'{images} images but no bracket for {seconds:.0f} s: {why}'


def _describe_drops(drops: Mapping[str, int]) -> str:
    worst = max(drops, key=lambda reason: drops[reason])
    counts = ', '.join(f'{reason} {n}' for reason, n in sorted(drops.items()))
    return f'dropped {counts} ({REMEDIES.get(worst, "unexpected")})'


def values_of(now: Snapshot, before: Snapshot) -> list[KeyValue]:
    """Counts, rates and latencies as key-value pairs."""
    elapsed = max(now.time - before.time, 1e-3)
    values = {
        'images_received': f'{now.received}',
        'images_per_second': f'{(now.received - before.received) / elapsed:.2f}',
        'brackets_fused': f'{now.fused}',
        'brackets_per_second': f'{(now.fused - before.fused) / elapsed:.2f}',
        'brackets_nobody_wanted': f'{now.idle}',
    }
    values |= {f'dropped.{reason}': f'{n}' for reason, n in sorted(now.dropped.items())}
    if latencies := now.latencies_ms:
        values['latency_ms.median'] = f'{statistics.median(latencies):.1f}'
        values['latency_ms.p95'] = f'{np.percentile(latencies, 95, method="higher"):.1f}'
    values |= {f'stage_ms.{stage}': f'{ms:.1f}' for stage, ms in now.stage_ms.items()}
    if now.fused:
        values['fused_together'] = f'{now.together}'
    if now.clipping:
        values['clipped_fraction.before'] = f'{now.clipping.before:.4f}'
        values['clipped_fraction.after'] = f'{now.clipping.after:.4f}'
    return [KeyValue(key=key, value=value) for key, value in values.items()]


def one_line(error: Exception) -> str:
    """Text of an error on one line; its type if it has no text."""
    return ' '.join(str(error).split()) or type(error).__name__

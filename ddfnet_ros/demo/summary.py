# SPDX-License-Identifier: Apache-2.0
"""The demo's figures, and the bars that they must reach."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path

MIN_FUSED_SHARE = 0.95
MIN_BRACKETS_PER_SECOND = 5.0
MIN_GAIN_DB = 1.5
MAX_GHOST_RATIO = 1.05

PerMethod = dict[str, float | None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary:
    """The figures of `summary.json`.

    Attributes:
        brackets_played: Number of complete brackets sent, with repetitions.
        brackets_fused: Number of fused images that the recorder received.
        brackets_per_second: Rate of these, from the first to the last.
        rate: Speed of playing, relative to the recording.
        dropped: Drops by reason: brackets for 'superseded' and 'failed', else images.
        latency_ms: 'median' and 'p95' of the node's last 100 brackets, from the arrival of the
            last frame until the result was published.
        psnr_mu: PSNR-mu per method, mean over the brackets [dB].
        psnr_mu_moving: The same where something moves; None if nothing does.
        psnr_mu_clipped: The same where the reference frame is clipped.
        ghost_score: Ghost score per method; lower is better.
        model: Name of the weights.
        device: Torch device.
    """

    brackets_played: int
    brackets_fused: int
    brackets_per_second: float
    rate: float
    dropped: dict[str, int]
    latency_ms: PerMethod
    psnr_mu: PerMethod
    psnr_mu_moving: PerMethod
    psnr_mu_clipped: PerMethod
    ghost_score: PerMethod
    model: str
    device: str

    def write(self, path: Path) -> None:
        """Save as JSON, with rounded numbers."""
        path.write_text(json.dumps(_rounded(dataclasses.asdict(self)), indent=2) + '\n')

    def missed_bars(self, pace: float = math.inf) -> list[str]:
        """One line for each bar that is missed.

        Args:
            pace: Brackets per second that were sent; limits the required rate.
        """
        return list(self._misses(min(MIN_BRACKETS_PER_SECOND, MIN_FUSED_SHARE * pace)))

    def _misses(self, rate: float) -> Iterator[str]:
        share = self.brackets_fused / max(self.brackets_played, 1)
        if share < MIN_FUSED_SHARE:
            yield (f'brackets_fused: expected at least {MIN_FUSED_SHARE:.0%} of '
                   f'{self.brackets_played}, got {self.brackets_fused} ({share:.0%}); '
                   'is the machine busy? --pace plays slower')
        if self.brackets_per_second < rate:
            yield (f'brackets_per_second: expected at least {rate:.3g}, got '
                   f'{self.brackets_per_second:.2f}')
        yield from _too_low('psnr_mu', self.psnr_mu, MIN_GAIN_DB)
        yield from _too_low('psnr_mu_moving', self.psnr_mu_moving, 0.0)
        yield from _too_low('psnr_mu_clipped', self.psnr_mu_clipped, 0.0)
        ghost, limit = self.ghost_score['fused'], self.ghost_score['reference']
        if ghost is not None and limit is not None and not ghost <= limit * MAX_GHOST_RATIO:
            yield (f'ghost_score: expected at most {limit * MAX_GHOST_RATIO:.4f} (reference + '
                   f'{MAX_GHOST_RATIO - 1:.0%}), got {ghost:.4f}')


def _too_low(name: str, psnr: PerMethod, gain: float) -> Iterator[str]:
    fused, others = psnr['fused'], [psnr['reference'], psnr['static_merge']]
    known = [value for value in others if value is not None]
    if fused is None or not known:
        return
    bar = max(known) + gain
    if not fused > bar:
        yield (f'{name}: expected fused above {bar:.2f} dB (the better of the others + '
               f'{gain:g}), got {fused:.2f}')


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return round(value, 4) if isinstance(value, float) else value

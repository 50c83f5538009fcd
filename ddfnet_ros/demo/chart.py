# SPDX-License-Identifier: Apache-2.0
"""A chart of latencies as plain SVG, without scripts, fonts or libraries."""

from __future__ import annotations

import math
from collections.abc import Sequence

_WIDTH, _HEIGHT = 960, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 68, 88, 14, 40
_LINE_HEIGHT = 15
_STEPS = (1, 2, 2.5, 5, 10)


def latency_chart(latencies_ms: Sequence[float], lines: dict[str, float]) -> str:
    """Draw a dot per bracket in the order of publishing, and labelled horizontal lines.

    Args:
        latencies_ms: Latencies, at least one, finite.
        lines: Heights of the lines [ms] by CSS class, which is also the label.
    """
    highest = max(*latencies_ms, *lines.values(), 1.0)
    step = _round_step(highest / 4)
    top = math.ceil(highest * 1.02 / step) * step

    def y(value: float) -> float:
        return _TOP + (1 - value / top) * (_HEIGHT - _TOP - _BOTTOM)

    def x(place: float) -> float:
        return _LEFT + place / max(len(latencies_ms) - 1, 1) * (_WIDTH - _LEFT - _RIGHT)

    parts = [_gridline(value * step, y(value * step)) for value in range(round(top / step) + 1)]
    parts += [f'<circle class="dot" cx="{x(k):.1f}" cy="{y(value):.1f}" r="3.5">'
              f'<title>{value:.1f} ms</title></circle>' for k, value in enumerate(latencies_ms)]
    label = math.inf
    for name, value in sorted(lines.items(), key=lambda line: line[1]):
        label = min(y(value), label - _LINE_HEIGHT)  # so that labels do not overlap
        parts.append(_labelled_line(name, value, y(value), label))
    parts += [f'<text x="{x(k):.0f}" y="{_HEIGHT - 20}" text-anchor="middle">{k + 1}</text>'
              for k in _ticks(len(latencies_ms))]
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 3}" text-anchor="middle">'
                 'bracket, in the order of publishing</text>')
    values = ', '.join(f'{name} {value:.1f} ms' for name, value in lines.items())
    return (f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Latency of '
            f'{len(latencies_ms)} brackets: {values}.">{"".join(parts)}</svg>')


def _gridline(value: float, height: float) -> str:
    return (f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height:.1f}" '
            f'y2="{height:.1f}"/><text x="{_LEFT - 8}" y="{height + 4:.1f}" '
            f'text-anchor="end">{value:g} ms</text>')


def _labelled_line(name: str, value: float, height: float, label: float) -> str:
    return (f'<line class="{name}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height:.1f}" '
            f'y2="{height:.1f}" stroke-width="1.5"/><text class="{name}-text" '
            f'x="{_WIDTH - _RIGHT + 6}" y="{label + 4:.1f}">{name} {value:.0f}</text>')


def _round_step(raw: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `raw`."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in _STEPS if factor * power >= raw * (1 - 1e-9))


def _ticks(count: int) -> list[int]:
    stride = max(1, round(_round_step(count / 8)))
    return sorted({0, *range(stride - 1, count, stride)})

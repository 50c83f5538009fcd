# SPDX-License-Identifier: Apache-2.0
"""Charts of records as plain SVG, without scripts or libraries, to embed in pages."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 300, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 12, 26, 30
_COLUMNS = 3
COLOURS = ('#888888', '#d62728', '#1f77b4', '#2ca02c', '#9467bd', '#ff7f0e')
_STEPS = (1, 2, 5, 10)
_FRAME = 'font-family="sans-serif" font-size="11"'


@dataclass(frozen=True)
class Curve:
    """One curve of a chart.

    Attributes:
        name: Name in the legend.
        values: Value at each place; None: no value.
    """

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Panel:
    """One chart of several.

    Attributes:
        title: Title above the chart.
        places: Labels along the x axis, evenly spaced.
        curves: Curves with one value per place.
        marked: Indices of the places that get a dashed line.
    """

    title: str
    places: Sequence[str]
    curves: Sequence[Curve]
    marked: Collection[int] = ()


def curves(panels: Sequence[Panel], unit: str) -> str:
    """Draw panels side by side with a common scale and legend.

    Args:
        panels: At least one, all with the same curve names.
        unit: Unit of all values.
    """
    found = [v for panel in panels for c in panel.curves for v in c.values if v is not None]
    low, high, step = _scale(min(found), max(found))
    rows = -(-len(panels) // _COLUMNS)
    parts = []
    for index, panel in enumerate(panels):
        x, y = index % _COLUMNS * _WIDTH, index // _COLUMNS * _HEIGHT
        parts.append(f'<g transform="translate({x},{y})">{_panel(panel, low, high, step)}</g>')
    parts.append(_legend([c.name for c in panels[0].curves], rows * _HEIGHT + 16, unit))
    return svg(_COLUMNS * _WIDTH, rows * _HEIGHT + 26, parts)


def boxes(quartiles: Mapping[str, Sequence[float]], unit: str) -> str:
    """Draw a box plot: a box between the quartiles, whiskers to minimum and maximum.

    Args:
        quartiles: Minimum, lower quartile, median, upper quartile and maximum by name.
        unit: Unit of all values.
    """
    low, high, step = _scale(min(q[0] for q in quartiles.values()),
                             max(q[4] for q in quartiles.values()))
    width, left, row = 720, 110, 26
    height = row * len(quartiles)

    def x(value: float) -> float:
        return round(left + (value - low) / (high - low) * (width - left - 20), 1)

    parts = []
    for tick in _ticks(low, high, step):
        parts.append(f'<line x1="{x(tick)}" x2="{x(tick)}" y1="0" y2="{height}" stroke="#ddd"/>'
                     f'<text x="{x(tick)}" y="{height + 14}" text-anchor="middle">{tick:g}</text>')
    for index, (name, (least, lower, median, upper, greatest)) in enumerate(quartiles.items()):
        y = row * index + row / 2
        parts.append(
            f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{escape(name)}</text>'
            f'<line x1="{x(least)}" x2="{x(greatest)}" y1="{y}" y2="{y}" stroke="#555"/>'
            f'<rect x="{x(lower)}" width="{round(x(upper) - x(lower), 1)}" y="{y - 8}" '
            f'height="16" fill="#9ecae1" stroke="#1f77b4"/>'
            f'<line x1="{x(median)}" x2="{x(median)}" y1="{y - 8}" y2="{y + 8}" '
            'stroke="#08306b" stroke-width="2"/>')
    parts.append(f'<text x="{width - 20}" y="{height + 28}" text-anchor="end">'
                 f'{escape(unit)}</text>')
    return svg(width, height + 34, parts)


def _panel(panel: Panel, low: float, high: float, step: float) -> str:
    last = max(len(panel.places) - 1, 1)

    def x(index: int) -> float:
        return round(_LEFT + index / last * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        return round(_TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM), 1)

    parts = [f'<text x="{_LEFT}" y="15" font-weight="bold">{escape(panel.title)}</text>']
    for tick in _ticks(low, high, step):
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(tick)}" y2="{y(tick)}" '
                     f'stroke="#ddd"/><text x="{_LEFT - 5}" y="{y(tick) + 4}" text-anchor="end">'
                     f'{tick:g}</text>')
    parts += [f'<text x="{x(index)}" y="{_HEIGHT - 14}" text-anchor="middle">{escape(label)}'
              '</text>' for index, label in enumerate(panel.places)]
    parts += [f'<line x1="{x(index)}" x2="{x(index)}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" '
              'stroke="#000" stroke-dasharray="3 3"/>' for index in sorted(panel.marked)]
    for curve, colour in zip(panel.curves, COLOURS, strict=False):
        points = [(x(k), y(value)) for k, value in enumerate(curve.values) if value is not None]
        line = ' '.join(f'{a},{b}' for a, b in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" '
                     'stroke-width="2"/>')
        parts += [f'<circle cx="{a}" cy="{b}" r="2.5" fill="{colour}"/>' for a, b in points]
    return ''.join(parts)


def _legend(names: Sequence[str], height: int, unit: str) -> str:
    parts = []
    for index, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        x = _LEFT + 130 * index
        parts.append(f'<line x1="{x}" x2="{x + 20}" y1="{height - 4}" y2="{height - 4}" '
                     f'stroke="{colour}" stroke-width="3"/>'
                     f'<text x="{x + 26}" y="{height}">{escape(name)}</text>')
    parts.append(f'<text x="{_COLUMNS * _WIDTH - _RIGHT}" y="{height}" text-anchor="end">'
                 f'{escape(unit)}</text>')
    return ''.join(parts)


def svg(width: int, height: int, parts: Sequence[str]) -> str:
    """Wrap SVG elements into a white picture of this size [px]."""
    inside = '\n'.join(parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" {_FRAME}>\n'
            f'<rect width="{width}" height="{height}" fill="#fff"/>\n{inside}\n</svg>\n')


def _scale(low: float, high: float) -> tuple[float, float, float]:
    """Round lower and upper limit of an axis, and the step of its grid lines."""
    raw = max(high - low, 1e-9) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in _STEPS if factor * power >= raw)
    bottom, top = math.floor(low / step) * step, math.ceil(high / step) * step
    return bottom, max(top, bottom + step), step


def _ticks(low: float, high: float, step: float) -> list[float]:
    return [round(low + k * step, 9) for k in range(round((high - low) / step) + 1)]

# SPDX-License-Identifier: Apache-2.0
"""Table and roofline chart of the record of `benchmark.gpu`.

Roofline model (Williams, Waterman and Patterson, CACM 2009): the speed of a layer is limited by
the arithmetic rate of the device and by its memory bandwidth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from ddfnet_ros.evaluation.charts import COLOURS, svg
from ddfnet_ros.evaluation.record import Record

_WIDTH, _HEIGHT = 720, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 150, 26, 40
_STAGES = ('upload', 'flow', 'compute', 'download', 'total', 'overlapping')


def device_table(record: Record) -> str:
    """Time of a bracket by stage, one row per run; a note if the record is empty."""
    if not record:
        return 'Not measured yet: `make gpu-bench` does, on a machine with a GPU.'
    columns = ('', 'frames', *_STAGES[:4], 'a call', 'three pending', 'TFLOP/s',
               'over the floor', 'memory')
    lines = [f'| {" | ".join(columns)} |', f'|{"---|" * len(columns)}']
    for row in record['rows']:
        stages = ' | '.join(f'{row[f"{name}_ms"]:.1f} ms' for name in _STAGES)
        memory = '-' if row['peak_mib'] is None else f'{row["peak_mib"]:.0f} MiB'
        lines.append(
            f'| {row["run"]} | {row["frames"]} of {row["width"]}x{row["height"]} | {stages} | '
            f'{row["tflops"]:.3g} | {row["floor_ratio"]:.2f} | {memory} |')
    rates = record['matrix_tflops']
    return '\n'.join([
        *lines, '', f'{record["device"]}: {rates["bfloat16"]:.3g} TFLOP/s in bfloat16 and '
        f'{rates["float32"]:.3g} in float32 by a large matrix product, '
        f'{record["memory_gb_per_s"]:.0f} GB/s by a large copy; medians; commit '
        f'{record["commit"]}, {record["date"]}.'])


def roofline_chart(record: Record) -> str:
    """TFLOP/s of each convolution of the paper's network, below the roof of the device."""
    layers, peak = record['profile']['layers'], record['matrix_tflops']['bfloat16']
    memory = record['memory_gb_per_s'] * 1e-3  # TB/s
    points = [(layer['name'], layer['gflop'] / layer['mb'] * 1e3, layer['gflop'] / layer['ms'])
              for layer in layers]
    axes = _Axes([x for _, x, _ in points] + [peak / memory], [y for *_, y in points] + [peak])
    roof = [(axes.left, min(peak, memory * axes.left)), (peak / memory, peak), (axes.right, peak)]
    parts = list(dict.fromkeys(name.partition('.')[0] for name, *_ in points))
    colours = dict(zip(parts, COLOURS[1:], strict=False))
    drawn = [axes.grid(), axes.line([p for p in roof if axes.left <= p[0] <= axes.right])]
    for name, x, y in points:
        part = name.partition('.')[0]
        drawn.append(f'<circle cx="{axes.x(x)}" cy="{axes.y(y)}" r="4" fill="{colours[part]}" '
                     f'fill-opacity="0.7"><title>{escape(name)}</title></circle>')
    drawn += [_legend_entry(row, part.replace('_', ' '), colours[part])
              for row, part in enumerate(parts)]
    what = f'{record["device"]}, {record["profile"]["width"]}x{record["profile"]["height"]}'
    drawn.append(f'<text x="{_LEFT}" y="15" font-weight="bold">{escape(what)}</text>')
    return svg(_WIDTH, _HEIGHT, drawn)


class _Axes:
    """Logarithmic axes whose decades cover all values."""

    def __init__(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        self._columns = _decades(xs)
        self._rows = _decades(ys)
        self.left, self.right = 10.0**self._columns[0], 10.0**self._columns[-1]

    def x(self, value: float) -> float:
        low, high = self._columns[0], self._columns[-1]
        return round(_LEFT + (math.log10(value) - low) / (high - low)
                     * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        low, high = self._rows[0], self._rows[-1]
        share = (math.log10(value) - low) / (high - low)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)

    def line(self, points: Sequence[tuple[float, float]]) -> str:
        """A polyline, clipped at the bottom of the chart."""
        floor = 10.0**self._rows[0]
        through = ' '.join(f'{self.x(x)},{self.y(max(y, floor))}' for x, y in points)
        return f'<polyline points="{through}" fill="none" stroke="#000" stroke-width="2"/>'

    def grid(self) -> str:
        right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
        parts = [
            f'<line x1="{self.x(10.0**k)}" x2="{self.x(10.0**k)}" y1="{_TOP}" y2="{bottom}" '
            f'stroke="#ddd"/><text x="{self.x(10.0**k)}" y="{bottom + 14}" text-anchor="middle">'
            f'{10.0**k:g}</text>' for k in self._columns]
        parts += [
            f'<line x1="{_LEFT}" x2="{right}" y1="{self.y(10.0**k)}" y2="{self.y(10.0**k)}" '
            f'stroke="#ddd"/><text x="{_LEFT - 5}" y="{self.y(10.0**k) + 4}" text-anchor="end">'
            f'{10.0**k:g}</text>' for k in self._rows]
        parts.append(f'<text x="{right}" y="{_HEIGHT - 8}" text-anchor="end">'
                     'operations per byte moved; TFLOP/s</text>')
        return ''.join(parts)


def _decades(values: Sequence[float]) -> range:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return range(low, max(high, low + 1) + 1)


def _legend_entry(row: int, part: str, colour: str) -> str:
    x, y = _WIDTH - _RIGHT + 16, _TOP + 14 + 18 * row
    return (f'<circle cx="{x}" cy="{y - 4}" r="4" fill="{colour}"/>'
            f'<text x="{x + 10}" y="{y}">{escape(part)}</text>')

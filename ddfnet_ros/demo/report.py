# SPDX-License-Identifier: Apache-2.0
"""The report: one self-contained HTML file, made from the template `report.html`."""

from __future__ import annotations

import base64
import math
import statistics
from collections.abc import Callable, Sequence
from html import escape
from importlib.resources import files
from string import Template

import cv2
import numpy as np

from ddfnet_ros.demo.chart import latency_chart
from ddfnet_ros.demo.shots import METHODS, Picture, Shot, Window, display, milliseconds
from ddfnet_ros.demo.summary import PerMethod, Summary

_JPEG_QUALITY = 88
_ZOOM = 4  # enlargement of the zoomed tiles
_MEASURES = (
    ('PSNR-µ [dB]', 'psnr_mu', 2, max),
    ('PSNR-µ where things move', 'psnr_mu_moving', 2, max),
    ('PSNR-µ where the reference is clipped', 'psnr_mu_clipped', 2, max),
    ('ghost score', 'ghost_score', 4, min),
)


def report(shots: Sequence[Shot], window: Window, summary: Summary,
           latencies_ms: Sequence[float]) -> str:
    """Return the HTML of the report.

    Args:
        shots: All fused brackets of the recording.
        window: Part of a picture to show enlarged.
        summary: Figures of the run.
        latencies_ms: Latency of every result at a subscriber [ms].
    """
    template = Template(files('ddfnet_ros.demo').joinpath('report.html').read_text('utf-8'))
    return template.substitute(
        lead=_lead(shots, summary),
        facts=_facts(summary),
        comparisons='\n'.join(_comparison(shot) for shot in shots),
        zoom_note=_zoom_note(window),
        zoom=_zoom(window),
        bracket_count=len(shots),
        rows=_rows(summary),
        latency_note=_latency_note(summary, latencies_ms),
        latency=latency_chart(latencies_ms, {
            'median': statistics.median(latencies_ms),
            'p95': float(np.percentile(latencies_ms, 95, method='higher'))}),
        colophon=_colophon(summary),
        shown=shots.index(window.shot),
    )


def _lead(shots: Sequence[Shot], summary: Summary) -> str:
    bracket = shots[0].bracket
    width, height = bracket.reference.size
    times = ', '.join(milliseconds(frame) for frame in bracket.frames)
    return (f'{len(shots)} brackets of {len(bracket.frames)} exposures each ({times}; '
            f'{width}x{height}) of a scene that moves while they are taken. They were played over '
            'DDS, again and again, to <code>fuse_node</code>, which made one HDR image of each '
            f'with the model <b>{escape(summary.model)}</b> on {escape(summary.device)}.')


def _facts(summary: Summary) -> str:
    share = summary.brackets_fused / max(summary.brackets_played, 1)
    gain = _gain(summary.psnr_mu)
    median, p95 = summary.latency_ms['median'], summary.latency_ms['p95']
    facts = [
        (f'{summary.brackets_fused} of {summary.brackets_played}',
         f'brackets fused ({share:.0%})'),
        (f'{summary.brackets_per_second:.1f} / s',
         f'brackets, over DDS, played at {summary.rate:.2f} times the recorded speed'),
        (f'{_number(median, 0)} ms', f'median latency (95 %: {_number(p95, 0)} ms)'),
        (f'+{gain:.1f} dB' if gain >= 0 else f'{gain:.1f} dB',
         'PSNR-µ over the better of reference and static merge'),
    ]
    return ''.join(f'<li><b>{value}</b><span>{label}</span></li>' for value, label in facts)


def _gain(psnr: PerMethod) -> float:
    others = [psnr[name] or 0.0 for name in METHODS if name != 'fused']
    return (psnr['fused'] or 0.0) - max(others)


def _comparison(shot: Shot) -> str:
    n, reference = shot.number, shot.bracket.reference
    before, after = data_uri(display(reference.pixels)), data_uri(shot.published)
    return f"""<figure class="bracket" id="bracket-{n}">
<div class="compare">
<img class="after" src="{after}" alt="Bracket {n}: the fused HDR image, tone-mapped">
<img class="before" src="{before}" alt="Bracket {n}: the reference frame">
<span class="tag left">reference frame</span><span class="tag right">fused</span>
<span class="edge"></span>
<input type="range" min="0" max="100" step="0.5" value="50"
 aria-label="Bracket {n}: percent of the width that shows the reference frame">
</div>
<figcaption>Bracket {n} of the recording, reference exposure {milliseconds(reference)}.
</figcaption>
</figure>"""


def _zoom_note(window: Window) -> str:
    return (f'Bracket {window.shot.number}, {_ZOOM} times enlarged: where the scene moved most '
            'while the bracket was taken.')


def _zoom(window: Window) -> str:
    shot = window.shot
    tiles = [(milliseconds(frame) + (
        ', the reference frame' if frame is shot.bracket.reference else ''),
        display(frame.pixels), '') for frame in shot.bracket.frames]
    tiles += [('static merge', shot.picture('static_merge'), 'ghost'),
              ('fused', shot.published, 'ours'), ('truth', shot.picture('truth'), '')]
    return '\n'.join(
        f'<figure class="{kind}"><img src="{data_uri(window.cut(picture, _ZOOM))}" '
        f'alt="{title}: enlarged part of bracket {shot.number}">'
        f'<figcaption>{title}</figcaption></figure>' for title, picture, kind in tiles)


def _rows(summary: Summary) -> str:
    return ''.join(
        f'<tr><th scope="row">{label}</th>{_cells(getattr(summary, field), digits, best)}</tr>'
        for label, field, digits, best in _MEASURES)


def _cells(values: PerMethod, digits: int, best_of: Callable[[list[float]], float]) -> str:
    known = [value for value in values.values() if value is not None]
    best = best_of(known) if known else math.nan
    return ''.join(f'<td{" class=best" if values[name] == best else ""}>'
                   f'{_number(values[name], digits)}</td>' for name in METHODS)


def _latency_note(summary: Summary, latencies_ms: Sequence[float]) -> str:
    return ('From the arrival of a bracket\'s last frame until its HDR image. The node itself '
            f'tells {_number(summary.latency_ms["median"], 1)} ms (median) and '
            f'{_number(summary.latency_ms["p95"], 1)} ms (95 %) until it published. The chart '
            f'shows what a subscriber in another process saw for all {len(latencies_ms)} results: '
            'the same, and the way there.')


def _colophon(summary: Summary) -> str:
    dropped = ', '.join(f'{n} {reason}' for reason, n in summary.dropped.items()) or 'nothing'
    return (f'Played at {summary.rate:.2f} times the speed of the recording. Dropped: '
            f'{escape(dropped)}. Beside this page: <code>fused.mcap</code>, '
            '<code>summary.json</code>, <code>contact_sheet.png</code> and HDR images as '
            '<code>.exr</code>. Made by <code>make demo</code>.')


def _number(value: float | None, digits: int) -> str:
    return '-' if value is None else f'{value:.{digits}f}'


def data_uri(picture: Picture) -> str:
    """Encode an RGB picture as a JPEG in a data URI."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
    return 'data:image/jpeg;base64,' + base64.b64encode(encoded.tobytes()).decode()

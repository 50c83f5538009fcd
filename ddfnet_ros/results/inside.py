# SPDX-License-Identifier: Apache-2.0
"""Records intermediate results of fusion for the rerun viewer.

Needs ddfnet_ros[view]. The recording is a file; nothing is sent anywhere.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import rerun as rr
import rerun.blueprint as rrb

from ddfnet_ros.bracket import Bracket, Pixels
from ddfnet_ros.results.pictures import colour_wheel, eight_bit, white
from ddfnet_ros.results.shares import clipping, ghost_share
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.runtime.preparation import stack_of
from ddfnet_ros.settings import NodeSettings

# Range and bin width of the histograms [EV]; the shortest exposure clips at 0.
_DARKEST, _BIN = -16.0, 0.5
_EDGES = np.arange(_DARKEST, _BIN / 2, _BIN)
# RGBA, translucent because the bars of all frames share one chart.
_COLOURS = ((31, 119, 255, 140), (44, 180, 44, 140), (255, 127, 14, 140), (214, 39, 160, 140))
_FUSED_COLOUR = (128, 128, 128, 110)


class InsideRecording:
    """Context manager that writes a rerun recording; the file is complete when it exits.

    All data is on the timeline `bracket`, a counter, and on `stamp`, that of the reference frame,
    if frames have stamps. `frames/2`, `histograms/frame_2` and so on count from the shortest
    exposure.
    """

    def __init__(self, path: Path, settings: NodeSettings) -> None:
        """Begin a file.

        Args:
            path: File to write; ends in .rrd.
            settings: Settings that the brackets are fused with.
        """
        self._settings = settings
        self._count = 0
        self._stream = rr.RecordingStream('ddfnet')
        self._stream.save(path)

    def __enter__(self) -> InsideRecording:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.disconnect()

    def add(self, deghosted: Deghosted) -> None:
        """Record one bracket and its result."""
        bracket = deghosted.bracket
        if not self._count:
            self._stream.send_blueprint(_layout(bracket))
        self._count += 1
        self._stream.set_time('bracket', sequence=self._count)
        if stamp := bracket.reference.stamp_ns:
            self._stream.set_time('stamp', timestamp=np.datetime64(stamp, 'ns'))
        self._add_pictures(deghosted)
        self._add_histograms(deghosted)
        self._add_curves(deghosted)

    def _add_pictures(self, deghosted: Deghosted) -> None:
        bracket = deghosted.bracket
        for place, frame in enumerate(bracket.frames, 1):
            self._stream.log(f'frames/{place}', _picture(frame.pixels))
        for place, vectors in zip(_other_places(bracket), deghosted.motion(), strict=True):
            self._stream.log(f'motion/{place}', _picture(colour_wheel(vectors)))
        try:
            shares = deghosted.shares()
        except ValueError:  # networks without fusion weights have no shares
            pass
        else:
            self._stream.log('reference_share', _picture(shares[bracket.reference_index]))
        # As float16, half the size; on this scale exact to 0.05 % over 14 EV.
        radiance = (deghosted.radiance / white(deghosted)).astype(np.float16)
        self._stream.log('fused/radiance', rr.Image(radiance))
        self._stream.log('fused/image', _picture(deghosted.image))

    def _add_histograms(self, deghosted: Deghosted) -> None:
        bracket = deghosted.bracket
        width, height = bracket.reference.size
        gamma_corrected = stack_of(bracket, self._settings, (height, width))[0, :, 3:].numpy()
        places = (bracket.reference_index + 1, *_other_places(bracket))
        for place, corrected in zip(places, gamma_corrected, strict=True):
            colour = _COLOURS[(place - 1) % len(_COLOURS)]
            self._stream.log(f'histograms/frame_{place}', _bars(corrected, colour))
        relative = deghosted.radiance / white(deghosted)
        self._stream.log('histograms/fused', _bars(relative, _FUSED_COLOUR))

    def _add_curves(self, deghosted: Deghosted) -> None:
        clipped = clipping(deghosted, self._settings)
        curves = {
            'shares/clipped_before': clipped.before,
            'shares/clipped_after': clipped.after,
            'shares/moving': ghost_share(deghosted, self._settings.moving_threshold),
        }
        curves |= {f'milliseconds/{stage}': ms for stage, ms in deghosted.stage_ms.items()}
        curves |= {f'exposures/{place}': exposure
                   for place, exposure in enumerate(deghosted.bracket.exposures, 1)}
        for name, value in curves.items():
            self._stream.log(name, rr.Scalars(value))


def _other_places(bracket: Bracket) -> list[int]:
    """Places of all frames except the reference, from 1, from short to long exposure."""
    count = len(bracket.frames)
    return [place for place in range(1, count + 1) if place != bracket.reference_index + 1]


def _picture(pixels: Pixels) -> rr.EncodedImage:
    """Encode (H, W) or (H, W, 3) RGB pixels of any type as an 8-bit PNG."""
    shown = eight_bit(pixels)
    ordered = np.ascontiguousarray(shown if shown.ndim == 2 else shown[..., ::-1])
    return rr.EncodedImage(
        contents=cv2.imencode('.png', ordered)[1].tobytes(), media_type='image/png')


def _bars(relative: npt.NDArray[np.float32], colour: tuple[int, int, int, int]) -> rr.BarChart:
    """Histogram: share of the values per half EV [%]; outliers count in the end bins."""
    stops = np.log2(np.maximum(relative, np.float32(2 ** _DARKEST))).clip(max=_EDGES[-1])
    counts = np.histogram(stops, _EDGES)[0]
    return rr.BarChart(counts * (100 / relative.size), color=colour,
                       abscissa=_EDGES[:-1] + _BIN / 2, widths=np.diff(_EDGES))


def _layout(bracket: Bracket) -> rrb.Blueprint:
    """Layout of the viewer: frames, motion and weights, fused result and charts."""
    names = {place: f'frame {place}: {exposure:.3g} s'
             for place, exposure in enumerate(bracket.exposures, 1)}
    names[bracket.reference_index + 1] += ', reference'
    frames = [_view(f'frames/{place}', name) for place, name in names.items()]
    inside = [_view(f'motion/{place}', f'motion to frame {place}')
              for place in _other_places(bracket)]
    inside.append(_view('reference_share', 'taken from the reference: white is all'))
    fused = [_view('fused/image', 'fused, tone-mapped'), _view('fused/radiance', 'radiance')]
    figures = [
        rrb.BarChartView(origin='histograms', name='histograms'),
        rrb.TimeSeriesView(origin='shares', name='shares'),
        rrb.TimeSeriesView(origin='milliseconds', name='ms'),
        rrb.TimeSeriesView(origin='exposures', name='exposures'),
    ]
    return rrb.Blueprint(
        rrb.Vertical(rrb.Horizontal(*frames), rrb.Horizontal(*inside),
                     rrb.Horizontal(*fused, rrb.Tabs(*figures))),
        rrb.TimePanel(state='collapsed', timeline='bracket'), collapse_panels=True)


def _view(origin: str, name: str) -> rrb.Spatial2DView:
    return rrb.Spatial2DView(origin=origin, name=name)

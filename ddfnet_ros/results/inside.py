# SPDX-License-Identifier: Apache-2.0
"""What happens inside while brackets are fused, as a recording for the viewer of rerun.

Needs ddfnet_ros[view]. A recording is a file; nothing is sent anywhere.
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

# Of the histograms [EV], 0 being where the shortest exposure clips.
_DARKEST, _BIN = -16.0, 0.5
_EDGES = np.arange(_DARKEST, _BIN / 2, _BIN)
# Translucent, because the bars of all frames stand in one chart; of the fused one, a mere shade.
_COLOURS = ((31, 119, 255, 140), (44, 180, 44, 140), (255, 127, 14, 140), (214, 39, 160, 140))
_FUSED = (128, 128, 128, 110)


class InsideRecording:
    """Context manager that writes a file; what it holds appears when it is left.

    Everything lies on the timeline `bracket`, which counts, and on `stamp`, the reference frame's,
    where frames have stamps. `frames/2`, `histograms/frame_2` and so on count from the shortest
    exposure.
    """

    def __init__(self, path: Path, settings: NodeSettings) -> None:
        """Begin a file.

        Args:
            path: Where it goes; ends in .rrd.
            settings: By which brackets are fused.
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
        """Write down one bracket and what became of it."""
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
        for place, vectors in zip(_others(bracket), deghosted.motion(), strict=True):
            self._stream.log(f'motion/{place}', _picture(colour_wheel(vectors)))
        try:
            shares = deghosted.shares()
        except ValueError:  # a network without weights has no such picture
            pass
        else:
            self._stream.log('reference_share', _picture(shares[bracket.reference_index]))
        # In halves of float32's size; on this scale they are exact to 0.05 % over 14 EV.
        radiance = (deghosted.radiance / white(deghosted)).astype(np.float16)
        self._stream.log('fused/radiance', rr.Image(radiance))
        self._stream.log('fused/image', _picture(deghosted.image))

    def _add_histograms(self, deghosted: Deghosted) -> None:
        bracket = deghosted.bracket
        width, height = bracket.reference.size
        told = stack_of(bracket, self._settings, (height, width))[0, :, 3:].numpy()
        places = (bracket.reference_index + 1, *_others(bracket))
        for place, corrected in zip(places, told, strict=True):
            colour = _COLOURS[(place - 1) % len(_COLOURS)]
            self._stream.log(f'histograms/frame_{place}', _bars(corrected, colour))
        relative = deghosted.radiance / white(deghosted)
        self._stream.log('histograms/fused', _bars(relative, _FUSED))

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


def _others(bracket: Bracket) -> list[int]:
    """Places of all frames but the reference, counted from 1, from short to long."""
    count = len(bracket.frames)
    return [place for place in range(1, count + 1) if place != bracket.reference_index + 1]


def _picture(pixels: Pixels) -> rr.EncodedImage:
    """(H, W) or (H, W, 3) RGB of any pixel type as a PNG of 8 bits."""
    shown = eight_bit(pixels)
    ordered = np.ascontiguousarray(shown if shown.ndim == 2 else shown[..., ::-1])
    return rr.EncodedImage(
        contents=cv2.imencode('.png', ordered)[1].tobytes(), media_type='image/png')


def _bars(relative: npt.NDArray[np.float32], colour: tuple[int, int, int, int]) -> rr.BarChart:
    """Share of the values in each half EV [%]; what lies beyond an end counts there."""
    stops = np.log2(np.maximum(relative, np.float32(2 ** _DARKEST))).clip(max=_EDGES[-1])
    counts = np.histogram(stops, _EDGES)[0]
    return rr.BarChart(counts * (100 / relative.size), color=colour,
                       abscissa=_EDGES[:-1] + _BIN / 2, widths=np.diff(_EDGES))


def _layout(bracket: Bracket) -> rrb.Blueprint:
    """Which picture lies where: frames, what is done with them, what comes of it, figures."""
    names = {place: f'frame {place}: {exposure:.3g} s'
             for place, exposure in enumerate(bracket.exposures, 1)}
    names[bracket.reference_index + 1] += ', reference'
    frames = [_view(f'frames/{place}', name) for place, name in names.items()]
    inside = [_view(f'motion/{place}', f'motion to frame {place}') for place in _others(bracket)]
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

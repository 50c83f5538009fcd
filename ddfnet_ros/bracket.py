# SPDX-License-Identifier: Apache-2.0
"""Frame and Bracket: the value types that all packages use."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ddfnet_ros.settings import MAX_FRAMES, MIN_FRAMES

_DTYPES = (np.uint8, np.uint16, np.float32)

_LONGEST_END = 64  # characters of a frame ID in which a counter is looked for

_OVERSHOOT = 0.25  # LDR values: what interpolation adds at an edge (Lanczos: 0.22)

_SAMPLES = 64  # rows and columns to sample when frames are compared
_DIFFERENT, _NOT_BLACK, _NOT_WHITE, _CLIPPED = 0.02, 0.1, 0.6, 0.98  # LDR values
_FEW, _MANY = 0.05, 0.2  # shares of the sampled pixels

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | npt.NDArray[np.float32]
_Grey = npt.NDArray[np.float32]  # (h, w), LDR values in [0, 1], see `_sample_grey`


@dataclass(frozen=True, eq=False, kw_only=True)
class Frame:
    """One LDR image and its exposure.

    Attributes:
        pixels: (H, W) grey or (H, W, 3) RGB. uint8 and uint16 use their full range; float32 is in
            [0, 1], and overshoot from interpolation at edges is clipped when frames are used. May
            be a view of a message's buffer, with any strides.
        exposure_time: Exposure time [s], > 0; None until the assembler has placed the frame.
        gain: Linear sensor gain, > 0; brightness is proportional to exposure_time * gain.
        stamp_ns: Acquisition time [ns].
        sequence_id: Frame counter of the camera; None if it has none.
        stream: Index of the topic that the frame came on; 0 if there is only one.
        frame_id: Coordinate frame of the camera.
    """

    pixels: Pixels
    exposure_time: float | None = None
    gain: float = 1.0
    stamp_ns: int = 0
    sequence_id: int | None = None
    stream: int = 0
    frame_id: str = ''

    def __post_init__(self) -> None:
        check_pixels(self.pixels)
        for name in ('exposure_time', 'gain'):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f'{name}: expected a positive number, got {value}')

    @property
    def exposure(self) -> float:
        """Exposure time times linear gain: the t of Eq. 2, in seconds at gain 1."""
        if self.exposure_time is None:
            raise ValueError('expected an exposure time, got none; set exposure_times')
        return self.exposure_time * self.gain

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


def check_pixels(pixels: Pixels) -> None:
    """Raise ValueError unless `pixels` is an image as `Frame` requires it."""
    if pixels.dtype not in _DTYPES:
        raise ValueError(f'expected uint8, uint16 or float32 pixels, got {pixels.dtype}; convert')
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise ValueError(f'expected pixels of shape (H, W) or (H, W, 3), got {pixels.shape}')
    if 0 in pixels.shape:
        raise ValueError(f'expected an image with pixels, got shape {pixels.shape}')
    if pixels.dtype == np.float32:
        _check_range(pixels)


def _check_range(pixels: Pixels) -> None:
    # Search in memory order: NumPy is ten times slower on a reversed view (RGB of BGR pixels).
    ordered = pixels[..., ::-1] if pixels.strides[-1] < 0 else pixels
    low, high = float(ordered.min()), float(ordered.max())
    if not math.isfinite(high - low):
        raise ValueError('expected finite pixels, got NaN or Inf; check the source of the frame')
    if low < -_OVERSHOOT or high > 1 + _OVERSHOOT:
        white = ', such as 255' if high <= 256 else ''  # larger values are radiance
        raise ValueError(f'expected float pixels of 0 to 1, got {low:.3g} to {high:.3g}; divide '
                         f'them by their white{white}')


def white_level(pixels: Pixels) -> float:
    """Return the pixel value of white (1.0)."""
    return {'uint8': 255.0, 'uint16': 65535.0}.get(pixels.dtype.name, 1.0)


def median_index(count: int) -> int:
    """Return the 0-based index of the reference frame, floor((N + 1) / 2) - 1 (Sec. 3.2.2)."""
    return (count + 1) // 2 - 1


@dataclass(frozen=True, eq=False)
class Bracket:
    """Frames of one scene, sorted from short to long exposure.

    Attributes:
        frames: 2 to 9 frames of equal shape and dtype.
        reference_index: 0-based index of the reference frame in `frames`.
    """

    frames: tuple[Frame, ...]
    reference_index: int

    @classmethod
    def of(cls, frames: Iterable[Frame], reference: int | str = 0) -> Bracket:
        """Sort frames by exposure and check that they belong together.

        Args:
            frames: Frames in any order.
            reference: Reference frame, counted from 1 after sorting; 0 chooses the median
                exposure, 'latest' the newest frame.

        Raises:
            ValueError: too few or too many frames, unequal shapes, equal exposures, or no such
                reference.
        """
        ordered = tuple(sorted(frames, key=lambda frame: frame.exposure))
        count = len(ordered)
        if not MIN_FRAMES <= count <= MAX_FRAMES:
            raise ValueError(f'expected {MIN_FRAMES} to {MAX_FRAMES} frames, got {count}')
        _check_alike(ordered)
        return cls(ordered, _reference_index(ordered, reference))

    @property
    def reference(self) -> Frame:
        """The frame that the fused image is aligned with: I_1 of the paper."""
        return self.frames[self.reference_index]

    @property
    def exposures(self) -> tuple[float, ...]:
        """Exposure time times gain of each frame, ascending [s]."""
        return tuple(frame.exposure for frame in self.frames)

    @property
    def reference_first(self) -> tuple[Frame, ...]:
        """The frames in the network's order: reference, then the others from short to long."""
        k = self.reference_index
        return (self.frames[k], *self.frames[:k], *self.frames[k + 1:])


def without_counter(frame_id: str) -> str:
    """Remove the last number from a frame ID that counts frames."""
    start, end = frame_id[:-_LONGEST_END], frame_id[-_LONGEST_END:]
    return start + re.sub(r'\d+(?=\D*$)', '', end)


def exposure_mismatch(bracket: Bracket) -> str:
    """Describe in one line that a longer exposure is not brighter; '' if all are."""
    if not (frames := mismatched_frames(bracket)):
        return ''
    shorter, longer = (f'{frame.exposure:.4g}' for frame in frames)
    return (f'expected the frame of exposure {longer} to be brighter than that of {shorter}, got '
            'one that is not; check that the camera changes its exposure, exposure_times, and '
            'what tells which frame has which (image_topics, cycle_offset)')


def mismatched_frames(bracket: Bracket) -> tuple[Frame, ...]:
    """Return a shorter and a longer exposure of which the longer is not brighter; () if none.

    Such frames do not have their nominal exposures: they have those of their neighbours in the
    cycle, or the camera does not change its exposure.
    """
    greys = [_sample_grey(frame.pixels) for frame in bracket.frames]
    for (shorter, a), (longer, b) in pairwise(zip(bracket.frames, greys, strict=True)):
        if _is_darker(a, b) or _is_as_bright(a, b, longer.exposure / shorter.exposure):
            return shorter, longer
    return ()


def _is_darker(a: _Grey, b: _Grey) -> bool:
    """Whether `b` is darker: motion and lamps do not darken four fifths of the changed pixels."""
    differ = (abs(a - b) > _DIFFERENT) & (np.minimum(a, b) < _CLIPPED)
    return bool(differ.mean() > _FEW and (a > b)[differ].mean() > 0.8)


def _is_as_bright(a: _Grey, b: _Grey, ratio: float) -> bool:
    """Whether `b` is only as bright as `a`, although its nominal exposure is `ratio` times longer.

    Even a response as flat as a gamma of 10 gives more of a difference; and where things move,
    some pixels become much brighter.
    """
    usable = (a > _NOT_BLACK) & (a < _NOT_WHITE)
    if usable.mean() < _MANY:
        return False
    half, most = np.percentile(b[usable] / a[usable], (50, 75))
    return bool(half < ratio**0.1 and most < ratio**0.2)


def _sample_grey(pixels: Pixels) -> _Grey:
    """Return the grey values of some rows and columns."""
    rows, columns = (max(1, side // _SAMPLES) for side in pixels.shape[:2])
    few = pixels[::rows, ::columns].astype(np.float32) / np.float32(white_level(pixels))
    return few if few.ndim == 2 else few.mean(axis=2)


def _reference_index(ordered: tuple[Frame, ...], reference: int | str) -> int:
    count = len(ordered)
    if isinstance(reference, int) and 0 <= reference <= count:
        return reference - 1 if reference else median_index(count)
    if reference != 'latest':
        raise ValueError(f'expected a reference from 1 to {count}, got {reference}; choose one '
                         'of the exposures, or 0 for the middle one')
    *_, before, latest = sorted(range(count), key=lambda k: ordered[k].stamp_ns)
    if ordered[before].stamp_ns == ordered[latest].stamp_ns:
        raise ValueError('expected a latest frame, got several with the last stamp; set reference '
                         f'to 1 to {count}')
    return latest


def _check_alike(ordered: tuple[Frame, ...]) -> None:
    first = ordered[0].pixels
    for shorter, frame in pairwise(ordered):
        if frame.pixels.shape != first.shape or frame.pixels.dtype != first.dtype:
            raise ValueError(
                f'expected frames alike, got {first.shape} {first.dtype} and '
                f'{frame.pixels.shape} {frame.pixels.dtype}; resize or convert them first'
            )
        if frame.exposure <= shorter.exposure * (1 + 1e-6):
            raise ValueError(
                f'expected different exposures, got {frame.exposure:g} s twice; '
                'check exposure_times'
            )

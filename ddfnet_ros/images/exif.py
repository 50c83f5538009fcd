# SPDX-License-Identifier: Apache-2.0
"""Read exposure time and ISO speed from the EXIF data of images."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

_EXIF_IFD = 0x8769  # tags of Exif 2.3, Table 8
_EXPOSURE_TIME, _ISO = 33434, 34855
_BASE_ISO = 100.0


def read_exposure_time(path: Path | str) -> float | None:
    """Return the exposure time [s] in the EXIF data of a JPEG, PNG or TIFF; None if missing."""
    return _positive_or_none(_read_exif(path).get(_EXPOSURE_TIME))


def read_gain(path: Path | str) -> float:
    """Return the linear gain by the ISO speed in EXIF data: 1 at ISO 100 or if missing."""
    iso = _read_exif(path).get(_ISO)
    speed = _positive_or_none(iso[0] if isinstance(iso, tuple) else iso)
    return speed / _BASE_ISO if speed else 1.0


def _read_exif(path: Path | str) -> dict[int, Any]:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  (training goes without)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # damaged data counts as missing
            with Image.open(path) as image:
                return dict(image.getexif().get_ifd(_EXIF_IFD))
    # The last two: an image larger than Pillow opens, and EXIF data that are not TIFF.
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError):
        return {}


def _positive_or_none(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if 0 < number < float('inf') else None

# SPDX-License-Identifier: Apache-2.0
"""What a camera noted in its pictures: exposure time and ISO speed."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

_EXIF_IFD = 0x8769  # tags of Exif 2.3, Table 8
_EXPOSURE_TIME, _ISO = 33434, 34855
_BASE_ISO = 100.0


def read_exposure_time(path: Path | str) -> float | None:
    """Seconds that the EXIF data of a JPEG, PNG or TIFF gives; None where it gives none."""
    return _positive(_exif(path).get(_EXPOSURE_TIME))


def read_gain(path: Path | str) -> float:
    """Linear sensor gain after EXIF's ISO speed, 1 at ISO 100 and where it gives none."""
    iso = _exif(path).get(_ISO)
    speed = _positive(iso[0] if isinstance(iso, tuple) else iso)
    return speed / _BASE_ISO if speed else 1.0


def _exif(path: Path | str) -> dict[int, Any]:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  (training goes without)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # what is damaged tells nothing: that is no news
            with Image.open(path) as image:
                return dict(image.getexif().get_ifd(_EXIF_IFD))
    # The last two: of a picture larger than Pillow opens, and of EXIF data that are no TIFF.
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError):
        return {}


def _positive(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if 0 < number < float('inf') else None

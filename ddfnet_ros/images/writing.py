# SPDX-License-Identifier: Apache-2.0
"""Write OpenEXR and PNG files atomically; arrays are RGB or grey."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ddfnet_ros.bracket import Pixels
from ddfnet_ros.images.reading import ImageError
from ddfnet_ros.whole_files import whole_target


def write_exr(
    path: Path | str, radiance: npt.NDArray[np.floating[Any]], *, compact: bool = False
) -> None:
    """Write an EXR file with channels R, G, B; a grey image is repeated.

    Args:
        path: File to write; its folder must exist.
        radiance: (H, W, 3) RGB or (H, W) grey.
        compact: Whether to write half floats with lossy DWAB compression, a tenth of the size,
            instead of exact float32.

    Raises:
        OSError: the file cannot be written.
    """
    import OpenEXR  # noqa: PLC0415

    rgb = np.broadcast_to(radiance[..., None], (*radiance.shape, 3)) if radiance.ndim == 2 \
        else radiance
    pixels = np.ascontiguousarray(rgb, np.float16 if compact else np.float32)
    header = {
        'compression': OpenEXR.DWAB_COMPRESSION if compact else OpenEXR.ZIP_COMPRESSION,
        'type': OpenEXR.scanlineimage,
    }
    with whole_target(Path(path)) as partial:
        try:
            OpenEXR.File(header, {'RGB': pixels}).write(str(partial))
        except RuntimeError as error:  # raised on a full disk
            raise OSError(f'{path}: expected a file that can be written, got: {error}; is the '
                          'disk full?') from error


def write_png(path: Path | str, image: Pixels) -> None:
    """Write an (H, W, 3) RGB or (H, W) grey image, uint8 or uint16.

    Raises:
        OSError: the file cannot be written.
    """
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    done, encoded = cv2.imencode('.png', pixels)
    if not done:
        raise ImageError(f'{path}: expected an image that PNG can hold, got {image.shape}')
    with whole_target(Path(path)) as partial:
        partial.write_bytes(encoded.tobytes())

# SPDX-License-Identifier: Apache-2.0
"""Read and write image files: PNG, JPEG, TIFF, HDR and OpenEXR; arrays are RGB or grey.

All functions raise OSError for files that cannot be opened and ImageError for bad contents, with
the file's name and the remedy in one line.
"""

from ddfnet_ros.images.exif import read_exposure_time, read_gain
from ddfnet_ros.images.reading import ImageError, decode, read_exr, read_ldr
from ddfnet_ros.images.writing import write_exr, write_png

__all__ = ['ImageError', 'decode', 'read_exposure_time', 'read_exr', 'read_gain',
           'read_ldr', 'write_exr', 'write_png']

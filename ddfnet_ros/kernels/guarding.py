# SPDX-License-Identifier: Apache-2.0
"""The result, held to the reference where that is well exposed: `runtime/guard.py` tells why."""

from __future__ import annotations

from typing import Any

from ddfnet_ros.kernels.compiling import kernel


@kernel
def guard(
    pixels: Any, least: Any, most: Any, share: Any, rows: tuple[int, int], out: Any
) -> None:
    """Hold these rows.

    Args:
        pixels: (h, w, 3) of the reference.
        least: (levels,) float32, of each channel by the reference's value there.
        most: Likewise.
        share: Likewise, how much that counts, by the brightest channel.
        rows: The first, and how many.
        out: (3, h, w) float32, the radiance.
    """
    for y in range(rows[0], rows[0] + rows[1]):
        for x in range(pixels.shape[1]):
            pixel = pixels[y, x]
            counts = share[max(pixel[0], pixel[1], pixel[2])]
            if counts > 0:
                for c in range(3):
                    value, level = out[c, y, x], pixel[c]
                    held = min(max(value, least[level]), most[level])
                    out[c, y, x] = value + counts * (held - value)

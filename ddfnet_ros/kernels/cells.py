# SPDX-License-Identifier: Apache-2.0
"""Cells: the squares of pixels that each feature vector of the small network describes."""

CELL = 4
"""Side of a cell [px]."""

CHANNELS = 9
"""Channels per pixel: LDR, the mu-law of the corrected value, and that of the moved frame."""

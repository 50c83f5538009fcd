# SPDX-License-Identifier: Apache-2.0
"""Cells: what one feature vector of the small network describes."""

CELL = 4
"""Pixels along the side of the square."""

CHANNELS = 9
"""Seen of each pixel: LDR, the mu-law of the corrected value, and the same moved."""

# SPDX-License-Identifier: Apache-2.0
"""Make Frames from image messages, or from any object with the same fields."""

from __future__ import annotations

from typing import Any

from ddfnet_ros.bracket import Frame, Pixels
from ddfnet_ros.metadata.fields import counter, look_up, nanoseconds


def frame_of(message: Any, pixels: Pixels, stream: int = 0, counter_field: str = '') -> Frame:
    """Make the Frame of an Image or a CompressedImage.

    Args:
        message: The message; only its header and the counter are read.
        pixels: The pixels decoded from it.
        stream: Index of its topic.
        counter_field: Path of the frame counter in the message; '' if it has none.

    Raises:
        ValueError: the pixels are invalid, the stamp is out of ROS' range, or the counter field is
            missing or not a counter.
    """
    return Frame(
        pixels=pixels, stamp_ns=_checked_stamp(stamp_ns(message)),
        frame_id=message.header.frame_id, stream=stream,
        sequence_id=counter(look_up(message, counter_field), counter_field)
        if counter_field else None,
    )


def stamp_ns(message: Any) -> int:
    """Return the stamp in a message's header [ns]."""
    return nanoseconds(message.header.stamp)


def _checked_stamp(time_ns: int) -> int:
    """Check that a stamp fits into a message; one with excess nanoseconds may not."""
    if not -(2**31) <= time_ns // 10**9 < 2**31:
        raise ValueError(f'header.stamp: expected seconds of 32 bits, got {time_ns // 10**9} s; '
                         'check the clock of the camera')
    return time_ns

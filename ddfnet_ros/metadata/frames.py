# SPDX-License-Identifier: Apache-2.0
"""What an image message says beside its pixels; works on any object with the fields of one."""

from __future__ import annotations

from typing import Any

from ddfnet_ros.bracket import Frame, Pixels
from ddfnet_ros.metadata.fields import counter, look_up, nanoseconds


def frame_of(message: Any, pixels: Pixels, stream: int = 0, counter_field: str = '') -> Frame:
    """The Frame of an Image or a CompressedImage.

    Args:
        message: With a header.
        pixels: Decoded from it.
        stream: Index of its topic.
        counter_field: Where the message has a frame counter; '' where it has none.

    Raises:
        ValueError: pixels that no frame has, a stamp beyond what ROS has, or a field that is not
            there or counts nothing.
    """
    return Frame(
        pixels=pixels, stamp_ns=_sendable(stamp_ns(message)), frame_id=message.header.frame_id,
        stream=stream,
        sequence_id=counter(look_up(message, counter_field), counter_field)
        if counter_field else None,
    )


def stamp_ns(message: Any) -> int:
    """The stamp in a message's header [ns]."""
    return nanoseconds(message.header.stamp)


def _sendable(time_ns: int) -> int:
    """A stamp that a message can have again: its nanoseconds may have been more than a second."""
    if not -(2**31) <= time_ns // 10**9 < 2**31:
        raise ValueError(f'header.stamp: expected seconds of 32 bits, got {time_ns // 10**9} s; '
                         'check the clock of the camera')
    return time_ns

# SPDX-License-Identifier: Apache-2.0
"""What a camera says of one frame, and how it is read out of a metadata message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_SEQUENCE_KEYS = ('FrameCounter', 'FrameSequence', 'SequenceId', 'frame_counter', 'sequence')


@dataclass(frozen=True)
class FrameMetadata:
    """What a camera says of one frame.

    Attributes:
        exposure_time: Seconds.
        gain: Analogue times digital gain, linear.
        sequence_id: The camera's counter, where it sends one.
    """

    exposure_time: float
    gain: float = 1.0
    sequence_id: int | None = None

    @classmethod
    def of_controls(cls, controls: Mapping[str, str]) -> FrameMetadata | None:
        """Read libcamera's control names, as camera_ros writes them into a DiagnosticArray.

        Args:
            controls: `ExposureTime` [us], and where present `AnalogueGain`, `DigitalGain`
                [linear] and a frame counter.

        Returns:
            None where there is no `ExposureTime`: another node's diagnostics.

        Raises:
            ValueError: a value is not a number, or not positive.
        """
        if 'ExposureTime' not in controls:
            return None
        time = _positive(controls, 'ExposureTime') * 1e-6
        gain = _positive(controls, 'AnalogueGain') * _positive(controls, 'DigitalGain')
        counter = next((controls[key] for key in _SEQUENCE_KEYS if key in controls), None)
        return cls(time, gain, None if counter is None else int(counter))


def _positive(controls: Mapping[str, str], key: str) -> float:
    text = controls.get(key, '1')
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float('inf'):
        raise ValueError(f'{key}: expected a positive number, got {text!r}; check the camera')
    return value

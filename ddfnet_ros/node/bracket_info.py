# SPDX-License-Identifier: Apache-2.0
"""`~/bracket_info`: the frames that a result was made from, and measures of its quality."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from ddfnet_ros.bracket import Frame
from ddfnet_ros.node.fused import Fused
from ddfnet_ros.results.pictures import white
from ddfnet_ros.results.shares import ghost_share


def bracket_info(name: str, fused: Fused) -> DiagnosticArray:
    """Describe one bracket, under the header of its reference frame.

    Args:
        name: Name of the DiagnosticStatus.
        fused: The bracket and its result.
    """
    bracket, clipped = fused.bracket, fused.clipping
    values = {'size': f'{len(bracket.frames)}', 'reference': f'{bracket.reference_index + 1}'}
    for place, frame in enumerate(bracket.frames, 1):
        values |= {f'frame_{place}.{key}': text for key, text in _frame_values(frame).items()}
    ghosts = ghost_share(fused.deghosted, fused.settings.moving_threshold)
    values |= {
        'ghost_fraction': f'{ghosts:.4f}',
        'clipped_fraction.before': f'{clipped.before:.4f}',
        'clipped_fraction.after': f'{clipped.after:.4f}',
        'hdr.encoding': fused.settings.hdr_encoding,
        'hdr.white': f'{white(fused.deghosted):.9g}',
    }
    pairs = [KeyValue(key=key, value=text) for key, text in values.items()]
    status = DiagnosticStatus(level=DiagnosticStatus.OK, name=name, message='fused', values=pairs,
                              hardware_id=bracket.reference.frame_id)
    return DiagnosticArray(header=fused.header, status=[status])


def _frame_values(frame: Frame) -> dict[str, str]:
    seconds, nanoseconds = divmod(frame.stamp_ns, 10**9)
    known = {
        'stamp': f'{seconds}.{nanoseconds:09d}',
        'exposure_time': f'{frame.exposure_time:.9g}',
        'gain': f'{frame.gain:.9g}',
    }
    return known | ({} if frame.sequence_id is None else {'counter': f'{frame.sequence_id}'})

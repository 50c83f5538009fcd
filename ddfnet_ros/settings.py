# SPDX-License-Identifier: Apache-2.0
"""Every tunable, declared once.

Each field becomes a ROS parameter (`node/parameters.py`), a CLI option (tyro) and a row of the
README's tables.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ddfnet_ros.tunables import Settings, setting

MIN_FRAMES, MAX_FRAMES = 2, 9  # frames of a bracket
_SHORTEST_PERIOD = 1e-4  # seconds; far shorter ones overflow the count of turns


@dataclasses.dataclass(frozen=True, kw_only=True)
class RadianceSettings(Settings):
    """How pixels become radiance, and radiance becomes a picture."""

    response: str = setting(
        'gamma', 'Camera response that frames are encoded with.',
        choices=('gamma', 'srgb', 'bt709', 'linear'), live=True,
    )
    gamma: float = setting(2.2, 'Exponent of the gamma response, Eq. 2 [-].',
                           bounds=(1.0, 4.0), live=True)
    tone_map: str = setting(
        'mu_colour', 'Operator that makes the published image from radiance: mu is the paper\'s, '
        'of each channel, which pales colours; mu_colour maps the brightest channel so and keeps '
        'the colours; reinhard and key have a mean grey of your choice; drago is for extremes.',
        choices=('mu', 'mu_colour', 'reinhard', 'drago', 'key'), live=True,
    )
    mu: float = setting(5000.0, 'Compression of the mu-law, Eq. 8, for mu and mu_colour [-].',
                        bounds=(1.0, 1e6), live=True)
    key: float = setting(0.18, 'Grey that the mean luminance is mapped to, for reinhard and key '
                         '[-].', bounds=(0.01, 1.0), live=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeghosterSettings(RadianceSettings):
    """What turns a bracket into one HDR image."""

    model: str = setting('auto', 'Model name (fast, base, denoise), a .safetensors path, or auto: '
                         'denoise on CUDA, fast on the CPU.', live=True)
    device: str = setting('auto', 'Torch device: auto, cpu, cuda, cuda:1, ...')
    reference: int | str = setting(
        0, 'Reference frame, counted from 1 after sorting by exposure; 0: the median, '
        'floor((N+1)/2) (Sec. 3.2.2); latest: the newest, whatever its exposure.',
        bounds=(0, MAX_FRAMES), choices=('latest',))
    mend_halos: bool = setting(
        True, 'Where the reference is clipped, take nothing from shorter frames that are darker '
        'there than its white: they show something else (Sec. 4.2.5).', live=True)
    guard_reference: bool = setting(
        True, 'Where the reference is well exposed, bring back to it what differs by more than '
        'its noise: a ghost, or of a frame whose exposure or response is not as said. The less '
        'noise it has, the more of it is taken.', live=True)
    threads: int = setting(0, 'CPU threads of the network; 0: all cores.', bounds=(0, 256))
    precision: str = setting(
        'auto', 'Arithmetic of the convolutions; auto: int8 where a CPU has instructions for it '
        'and OpenVINO computes the model, else bfloat16 where the device has it natively. '
        'PWC-Net: float32.', choices=('auto', 'float32', 'bfloat16', 'int8'),
    )
    backend: str = setting(
        'auto', 'What computes the convolutions; auto, on a CPU: OpenVINO where it is installed '
        'and the model is made for it, else torch. tensorrt: the whole network, on CUDA, in an '
        'engine that is built once, in minutes; untested, not run on a card yet.',
        choices=('auto', 'torch', 'openvino', 'tensorrt'),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class AssemblySettings(Settings):
    """How frames become brackets."""

    exposure_times: tuple[float, ...] = setting(
        (), 'Nominal exposure times of one bracket [s], in the order of image_topics or of the '
        'camera\'s cycle; empty: from metadata.', bounds=(1e-7, 60.0))
    bracket_size: int = setting(3, 'Exposures in a bracket; ignored when exposure_times is set.',
                                bounds=(MIN_FRAMES, MAX_FRAMES))
    window: str = setting(
        'cycle', 'Which frames make a bracket: cycle, those of one turn of the exposure cycle, '
        'each in one bracket; sliding, any N in a row: with reference latest, a bracket per '
        'frame, else one per reference frame.', choices=('cycle', 'sliding'))
    cycle_source: str = setting(
        'auto', 'What tells where a frame stands in the exposure cycle; auto: the first of these '
        'that there is.', choices=('auto', 'metadata', 'counter', 'topic', 'phase', 'gap'))
    cycle_period: float = setting(0.0, 'Period of the exposure cycle [s], for placing frames by '
                                  'their stamp; 0: not used.', bounds=(0.0, 60.0))
    cycle_offset: float = setting(0.0, 'Stamp of any first frame of a cycle, modulo the period '
                                  '[s].', bounds=(0.0, 60.0))
    cycle_gap: float = setting(0.0, 'A pause between two frames longer than this starts a new '
                               'bracket [s]; 0: not used.', bounds=(0.0, 60.0))
    counter_offset: int = setting(0, 'Frame counter of any first frame of a cycle, where nothing '
                                  'but a counter tells the place.', bounds=(0, 2**31 - 1))
    max_span: float = setting(0.5, 'Longest time between the first and the last frame of a '
                              'bracket [s].', bounds=(1e-4, 60.0))

    def __post_init__(self) -> None:
        super().__post_init__()
        times = self.exposure_times
        if times and not MIN_FRAMES <= len(times) <= MAX_FRAMES:
            raise ValueError(f'exposure_times: expected {MIN_FRAMES} to {MAX_FRAMES} times, got '
                             f'{len(times)}')
        if len(set(times)) < len(times):
            raise ValueError(f'exposure_times: expected different times, got {times}')
        if 0 < self.cycle_period < _SHORTEST_PERIOD:
            raise ValueError(f'cycle_period: expected {_SHORTEST_PERIOD:g} s or more, or 0 for '
                             f'none, got {self.cycle_period:g}')
        for source, needed in (('phase', 'cycle_period'), ('gap', 'cycle_gap')):
            if self.cycle_source == source and not getattr(self, needed):
                raise ValueError(f'{needed}: expected more than 0 s with cycle_source {source}, '
                                 f'got 0; set {needed}')

    @property
    def size(self) -> int:
        """Number of exposures in a bracket."""
        return len(self.exposure_times) or self.bracket_size


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutputSettings(Settings):
    """What the node makes of a result, and what it watches."""

    hdr_encoding: str = setting(
        '32FC3', 'Encoding of ~/hdr; rgb16: linear, 65535 is where the shortest exposure clips; '
        'rgb16_log: the same by the mu-law with mu 5000 (doc/outputs.md).',
        choices=('32FC3', 'rgb16', 'rgb16_log'), live=True)
    jpeg_quality: int = setting(95, 'JPEG quality of ~/image/compressed.', bounds=(1, 100),
                                live=True)
    moving_threshold: float = setting(
        1.0, 'Displacement between two exposures that counts as motion, for the ghost fraction '
        'and the moving points [pixels].', bounds=(0.1, 100.0), live=True)
    save_folder: str = setting('', 'Folder that ~/save_bracket writes to; empty: it refuses.',
                               live=True)
    save_blur: float = setting(
        0.0, 'Standard deviation of the Gaussian that blurs all of what ~/save_bracket writes '
        '[pixels]; 0: none. It looks for no faces: choose it by their size.', bounds=(0.0, 200.0),
        live=True)
    max_allowed_processing_time_ms: float = setting(
        0.0, 'Watchdog: fusing and publishing a bracket may take this long, else the status is a '
        'warning [ms]; 0: no limit.', bounds=(0.0, 1e6), live=True)
    max_acceptable_consecutive_delay_ms: float = setting(
        0.0, 'Watchdog: brackets may be too slow one after the other for this long, else the '
        'status is an error [ms]; 0: no limit.', bounds=(0.0, 1e6), live=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetadataSettings(Settings):
    """Where a frame's exposure time comes from, and how its metadata is read."""

    exposure_source: str = setting(
        'parameters', 'Who tells exposure times: parameters (exposure_times), a camera driver by '
        'its metadata messages, or field (metadata_type and exposure_field).',
        choices=('parameters', 'camera_ros', 'flir', 'realsense', 'orbbec', 'aravis', 'field'))
    metadata_topics: tuple[str, ...] = setting(
        (), 'Topics of the metadata: one, or one per image topic; empty: ~/meta.')
    metadata_type: str = setting(
        '', 'Type of the metadata for exposure_source field: package/msg/Name.')
    exposure_field: str = setting(
        '', 'Where the exposure time is in the metadata: names and numbers joined by points, '
        'through lists and JSON too; empty: as the source has it.')
    exposure_unit: str = setting(
        'auto', 'Unit of exposure times in the metadata; auto: the source\'s.',
        choices=('auto', 's', 'ms', '100us', 'us', 'ns'))
    gain_field: str = setting(
        '', 'Where the gain is in the metadata; empty: as the source has it, field has none.')
    gain_unit: str = setting(
        'auto', 'Unit of the gain: linear, db, 0.1db, 16ths, iso (100 is 1), or ignore it; auto: '
        'the source\'s.', choices=('auto', 'linear', 'db', '0.1db', '16ths', 'iso', 'ignore'))
    counter_field: str = setting(
        '', 'Where the frame counter is in the metadata; empty: as the source has it.')
    stamp_field: str = setting(
        '', 'Where the metadata has the stamp of its image; empty: as the source has it, else '
        'header.stamp.')
    image_counter_field: str = setting(
        '', 'Where image messages have a frame counter, such as header.frame_id (its last '
        'digits); metadata then matches by counter instead of by stamp.')
    metadata_depth: int = setting(
        10, 'Images that wait for their metadata, and metadata that wait for their image, at '
        'most.', bounds=(1, 100))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.exposure_source != 'field':
            return
        for name, example in (('metadata_type', 'package/msg/Name'),
                              ('exposure_field', 'exposure.value'), ('exposure_unit', 'us')):
            if getattr(self, name) in ('', 'auto'):
                raise ValueError(f'{name}: expected a value, such as {example}, with '
                                 f'exposure_source field, got none; set {name}')


@dataclasses.dataclass(frozen=True, kw_only=True)
class NodeSettings(OutputSettings, AssemblySettings, MetadataSettings, DeghosterSettings):
    """Every parameter of `fuse_node`: all of the above, and what only a ROS node has."""

    image_topics: tuple[str, ...] = setting(
        ('image_raw',), 'Image topics: one that interleaves the exposures, or one per exposure '
        'in the order of exposure_times.')
    transport: str = setting(
        'auto', 'How the images travel; auto: compressed where the topic\'s name or its publisher '
        'says so, else raw.', choices=('auto', 'raw', 'compressed'))
    camera_info_topics: tuple[str, ...] = setting(
        (), 'Camera info topics, one per image topic; empty: camera_info beside each image.')
    significant_bits: int = setting(
        16, 'Bits that count in 16-bit images: 12 for samples from 0 to 4095.', bounds=(8, 16))
    sync: str = setting(
        'bracket', 'Who joins the frames of one topic per exposure: bracket (this node), or '
        'approximate (ApproximateTimeSynchronizer of message_filters).',
        choices=('bracket', 'approximate'))
    sync_slop: float = setting(
        0.02, 'Longest time between the frames of a bracket with sync approximate [s]; less than '
        'the period of the cycle.', bounds=(1e-4, 60.0))
    sync_depth: int = setting(
        10, 'Frames of each topic that wait for others with sync approximate.', bounds=(2, 100))
    image_width: int = setting(
        128, 'Width of the frames, if known: what the network is warmed up with, so that the '
        'first bracket takes no longer than the others [pixels].', bounds=(16, 16384))
    image_height: int = setting(96, 'Height, likewise [pixels].', bounds=(16, 16384))
    batch_wait_ms: int | str = setting(
        'auto', 'Cameras in one process on one model: how long a bracket waits for those of the '
        'others, to be fused with them at once [ms]; 0: fused by itself; auto: 2 on a GPU, 0 on a '
        'CPU.', bounds=(0, 1000), choices=('auto',), live=True)
    diagnostics_period: float = setting(1.0, 'Time between two /diagnostics [s].',
                                        bounds=(0.1, 60.0))
    autostart: bool = setting(True, 'Whether the node configures and activates itself.')

    def __post_init__(self) -> None:
        super().__post_init__()
        topics = len(self.image_topics)
        if topics not in (1, self.size):
            raise ValueError(f'image_topics: expected 1 topic or one per exposure ({self.size}), '
                             f'got {topics}; set image_topics or exposure_times')
        check_different(self.image_topics)
        if len(self.metadata_topics) not in (0, 1, topics):
            raise ValueError(f'metadata_topics: expected none, one or one per image topic '
                             f'({topics}), got {len(self.metadata_topics)}')
        if self.sync == 'approximate' and topics == 1:
            raise ValueError('sync: expected bracket with 1 image topic, got approximate; set one '
                             'topic per exposure')
        if self.sync == 'approximate' and self.window == 'sliding':
            raise ValueError('window: expected cycle with sync approximate, got sliding; set sync '
                             'to bracket')
        if self.camera_info_topics and len(self.camera_info_topics) != topics:
            raise ValueError(f'camera_info_topics: expected none or one per image topic '
                             f'({topics}), got {len(self.camera_info_topics)}')


def check_different(image_topics: Sequence[str]) -> None:
    """Raise ValueError if a topic is named twice or empty; called again with full names."""
    if len(set(image_topics)) < len(image_topics) or '' in image_topics:
        raise ValueError(f'image_topics: expected different names, got {tuple(image_topics)}')

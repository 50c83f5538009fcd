# SPDX-License-Identifier: Apache-2.0
"""Choose the source that tells the place of frames in the cycle: the first available one."""

from __future__ import annotations

from ddfnet_ros.assembly.counting import CounterPlacer
from ddfnet_ros.assembly.grid import GridPlacer
from ddfnet_ros.assembly.labels import LabelPlacer
from ddfnet_ros.assembly.pauses import BurstPlacer, PauseSorter
from ddfnet_ros.assembly.sorting import Drops, Finish, Sorter
from ddfnet_ros.assembly.windows import Placer, WindowSorter
from ddfnet_ros.bracket import Frame
from ddfnet_ros.settings import MAX_FRAMES, MIN_FRAMES, AssemblySettings

SOURCES = ('metadata', 'counter', 'topic', 'phase', 'gap')  # best first
_REMEDIES = {
    'auto': 'something that tells where a frame stands in the exposure cycle, got none; connect '
            'the camera\'s exposure metadata (exposure_source), set cycle_period with '
            'cycle_offset, set cycle_gap, or use one topic per exposure',
    'metadata': 'frames with their exposure time, got one without; connect the camera\'s exposure '
                'metadata (exposure_source) or set another cycle_source',
    'counter': 'frames with a counter, got one without; connect the camera\'s metadata '
               '(exposure_source) or set another cycle_source',
}


def check_settings(settings: AssemblySettings, topics: int, size: int,
                   reference: int | str) -> None:
    """Raise ValueError if no bracket could ever be assembled with these settings."""
    if topics > 1 and len(settings.exposure_times) not in (0, topics):
        raise ValueError(f'expected one topic, or one per exposure ({settings.size}), got '
                         f'{topics} topics; set exposure_times or image_topics')
    if not MIN_FRAMES <= size <= MAX_FRAMES:
        raise ValueError(f'expected {MIN_FRAMES} to {MAX_FRAMES} exposures in a bracket, got '
                         f'{size}; set exposure_times or image_topics')
    if reference not in (*range(size + 1), 'latest'):
        raise ValueError(f'reference: expected 1 to {size}, 0 for the median, or latest, got '
                         f'{reference}')
    unfit = ('metadata', 'phase') if topics > 1 else ('topic',)
    if settings.cycle_source in unfit:
        raise ValueError(f'cycle_source: expected none of {", ".join(unfit)} with {topics} '
                         f'topic(s), got {settings.cycle_source}; set auto')


def source_of(frame: Frame, settings: AssemblySettings, topics: int) -> str:
    """Return the best source that can place this frame, or the one that the settings ask for.

    '' if there is none, or the one asked for is not available.
    """
    there = {
        'metadata': frame.exposure_time is not None,
        'counter': frame.sequence_id is not None,
        'topic': topics > 1,
        'phase': settings.cycle_period > 0,
        'gap': settings.cycle_gap > 0,
    }
    if settings.cycle_source != 'auto':
        return settings.cycle_source if there[settings.cycle_source] else ''
    if topics > 1:
        return 'topic'  # a counter helps there too, but each topic may have its own
    return next((source for source in SOURCES if there[source]), '')


def check_usable(frame: Frame, source: str, settings: AssemblySettings) -> None:
    """Raise ValueError if a first frame's place or its exposure time cannot be known."""
    if not source:
        raise ValueError(f'expected {_REMEDIES[settings.cycle_source]}')
    if frame.exposure_time is None and not settings.exposure_times:
        raise ValueError('expected exposure times, got none; set exposure_times or connect the '
                         'camera\'s exposure metadata (exposure_source)')


def make_sorter(source: str, settings: AssemblySettings, topics: int, counted: bool,
                finish: Finish, drops: Drops) -> Sorter:
    """Make the sorter for a source.

    Args:
        source: One of SOURCES.
        settings: Assembly settings.
        topics: Number of image topics: 1 that interleaves the exposures, or one per exposure.
        counted: Whether frames carry a counter.
        finish: Builds a bracket from its frames.
        drops: Counts dropped frames.
    """
    size = settings.size if topics == 1 else topics
    period_ns, gap_ns = settings.cycle_period * 1e9, settings.cycle_gap * 1e9
    sliding = settings.window == 'sliding'
    untimed = source in ('metadata', 'topic') and not counted and not period_ns
    if not sliding and (source == 'gap' or (untimed and gap_ns)):
        return PauseSorter(size, topics, gap_ns, finish, drops)
    placer: Placer
    if source == 'counter':
        placer = CounterPlacer(size, settings.counter_offset, by_topic=topics > 1)
    elif source == 'phase':
        placer = GridPlacer(size, period_ns, settings.cycle_offset * 1e9)
    elif source == 'gap' and topics == 1:
        placer = BurstPlacer(size, gap_ns, period_ns)
    else:  # also gap with several topics: a topic tells more than a pause
        counted = counted and source != 'gap'
        placer = LabelPlacer(settings, size, by_topic=topics > 1, counted=counted)
    return WindowSorter(size, placer, sliding, finish, drops)

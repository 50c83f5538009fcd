# SPDX-License-Identifier: Apache-2.0
"""The settings by which a bag's frames become brackets: given, or told by the bag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ddfnet_ros.bags.brackets import absolute
from ddfnet_ros.bags.reading import BagError
from ddfnet_ros.bags.suggestion import told_suggestions
from ddfnet_ros.bags.survey import survey
from ddfnet_ros.cli import parameter_file
from ddfnet_ros.command_line.naming import by_options
from ddfnet_ros.settings import NodeSettings

LIVE_ONLY = frozenset({
    'transport', 'sync', 'sync_slop', 'sync_depth', 'image_width', 'image_height',
    'diagnostics_period', 'autostart', 'moving_threshold', 'save_folder', 'save_blur',
    'max_allowed_processing_time_ms', 'max_acceptable_consecutive_delay_ms', 'batch_wait_ms',
})
"""Settings that mean nothing where a bag is fused without a node."""


_TELLING = {'image_topics': '--image-topics', 'exposure_times': '--exposure-times'}


def settled(
    source: Path, given: Mapping[str, Any], params_file: Path | None
) -> NodeSettings:
    """The settings given, completed by the bag where they do not say where exposures are.

    Args:
        source: The bag.
        given: What the command line names, be it the default or not.
        params_file: Parameter file of the node, weaker than what is given.

    Raises:
        BagError: settings are needed that the bag does not tell.
        ValueError: a bad parameter file, or settings that do not fit together.
    """
    wanted = {**(parameter_file.read(params_file) if params_file else {}), **given}
    topics = tuple(map(absolute, wanted.get('image_topics', ())))
    if topics and {'exposure_times', 'exposure_source'} & wanted.keys():
        return together(wanted, params_file)
    found_topics = survey(source)
    _require_topics(source, topics, [topic.name for topic in found_topics.images])
    # Nothing is fused by exposures that are only guessed.
    complete = [s for s in told_suggestions(found_topics)
                if topics in ((), s.settings['image_topics'])]
    if len(complete) != 1:
        found = '; '.join(s.why for s in complete) or 'none that tells its exposures'
        # With exposure times given, the bag's metadata would not be asked any more.
        missing = ['--image-topics'] if complete else [
            option for name, option in _TELLING.items() if name not in wanted]
        raise BagError(f'{source}: expected one bracket, got {found}; see `ddfnet inspect '
                       f'{source}` and set {" and ".join(missing)}')
    return together(complete[0].parameters | wanted, params_file)


def together(wanted: Mapping[str, Any], params_file: Path | None = None) -> NodeSettings:
    """Settings from options and from a file.

    Raises:
        ValueError: bad ones, or some that do not fit together: by the names that a file has for
            them, or else by those of options, which were fit each for itself.
    """
    try:
        return NodeSettings(**wanted)
    except ValueError as error:
        if params_file:
            raise
        raise ValueError(by_options(str(error), NodeSettings)) from None


def _require_topics(source: Path, wanted: Sequence[str], there: Sequence[str]) -> None:
    if not there:
        raise BagError(f'{source}: expected an image topic, got none; record the camera\'s')
    if absent := [topic for topic in wanted if topic not in there]:
        raise BagError(f'{source}: expected {absent[0]}, got no such image topic; there are: '
                       f'{", ".join(there)}')

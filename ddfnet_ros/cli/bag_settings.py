# SPDX-License-Identifier: Apache-2.0
"""Settings to assemble a bag's frames into brackets: given by the user, or found in the bag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ddfnet_ros.bags.brackets import absolute
from ddfnet_ros.bags.reading import BagError
from ddfnet_ros.bags.suggestion import complete_suggestions
from ddfnet_ros.bags.survey import survey
from ddfnet_ros.cli import parameter_file
from ddfnet_ros.command_line.naming import quoted, with_option_names
from ddfnet_ros.settings import NodeSettings

LIVE_ONLY = frozenset({
    'transport', 'sync', 'sync_slop', 'sync_depth', 'image_width', 'image_height',
    'diagnostics_period', 'autostart', 'moving_threshold', 'save_folder', 'save_blur',
    'max_allowed_processing_time_ms', 'max_acceptable_consecutive_delay_ms', 'batch_wait_ms',
})
"""Settings that have no meaning when a bag is fused without a node."""


_EXPOSURE_OPTIONS = {'image_topics': '--image-topics', 'exposure_times': '--exposure-times'}


def settings_for_bag(
    source: Path, given: Mapping[str, Any], params_file: Path | None
) -> NodeSettings:
    """Return the given settings, completed from the bag if they do not name the exposures.

    Args:
        source: Path of the bag.
        given: Settings that the command line names, also those named with their default.
        params_file: Parameter file of the node; the given settings override it.

    Raises:
        BagError: neither the settings nor the bag tell the exposures.
        ValueError: a bad parameter file, or settings that do not fit together.
    """
    wanted = {**(parameter_file.read(params_file) if params_file else {}), **given}
    topics = tuple(map(absolute, wanted.get('image_topics', ())))
    if topics and {'exposure_times', 'exposure_source'} & wanted.keys():
        return node_settings(wanted, params_file)
    found_topics = survey(source)
    _require_topics(source, topics, [topic.name for topic in found_topics.images])
    # Exposures that are only guessed are not used for fusing.
    complete = [s for s in complete_suggestions(found_topics)
                if topics in ((), s.settings['image_topics'])]
    if len(complete) != 1:
        found = '; '.join(s.why for s in complete) or 'none that tells its exposures'
        # With --exposure-times the bag's metadata would not be read at all.
        missing = ['--image-topics'] if complete else [
            option for name, option in _EXPOSURE_OPTIONS.items() if name not in wanted]
        raise BagError(f'{source}: expected one bracket, got {found}; see `ddfnet inspect '
                       f'{quoted(source)}` and set {" and ".join(missing)}')
    return node_settings(complete[0].parameters | wanted, params_file)


def node_settings(wanted: Mapping[str, Any], params_file: Path | None = None) -> NodeSettings:
    """Make the settings from the values of options and of a file.

    Raises:
        ValueError: bad settings, or some that do not fit together. The message uses the names of
            parameters if there is a file, else those of options.
    """
    try:
        return NodeSettings(**wanted)
    except ValueError as error:
        if params_file:
            raise
        raise ValueError(with_option_names(str(error), NodeSettings)) from None


def _require_topics(source: Path, wanted: Sequence[str], there: Sequence[str]) -> None:
    if not there:
        raise BagError(f'{source}: expected an image topic, got none; record the camera\'s')
    if absent := [topic for topic in wanted if topic not in there]:
        raise BagError(f'{source}: expected {absent[0]}, got no such image topic; there are: '
                       f'{", ".join(there)}')

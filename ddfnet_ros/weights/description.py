# SPDX-License-Identifier: Apache-2.0
"""Parse and check a weights file's metadata: the network's config and the model's card."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ddfnet_ros.weights.finding import unusable_file_error

_LARGEST = 1024  # largest number allowed in a config; none of our networks needs more
_HUGE = 1e30  # numbers in a card must be below this, so that float32 arithmetic cannot overflow


def parse_metadata(
    path: Path, metadata: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parse config and card, and check the types of the entries that are used.

    Of the config only the sizes are checked; building the network checks the rest.

    Args:
        path: The weights file, for error messages.
        metadata: Metadata of the file, with `config` and `card` as JSON.

    Raises:
        WeightsError: config or card are not as expected.
    """
    try:
        config, card = (json.loads(metadata[name]) for name in ('config', 'card'))
    except (ValueError, RecursionError) as error:
        raise unusable_file_error(path, 'config and card in JSON', str(error)) from error
    if not (isinstance(config, dict) and isinstance(card, dict)):
        raise unusable_file_error(path, 'config and card as objects', 'something else')
    for name, size in config.items():
        if isinstance(size, (int, float)) and not -_LARGEST <= size <= _LARGEST:
            raise unusable_file_error(path, f'{name} up to {_LARGEST}', reprlib.repr(size))
    _check_card(path, card)
    return config, card


def _check_card(path: Path, card: Mapping[str, Any]) -> None:
    for name, (expected, is_valid) in _CARD_ENTRIES.items():
        if name in card and not is_valid(card[name]):
            raise unusable_file_error(
                path, f'{name} in its card to be {expected}', reprlib.repr(card[name]))
    for layer, ends in card.get('ranges', {}).items():
        if not _is_range(ends):
            raise unusable_file_error(
                path, f'ranges of {layer} in its card to be [low, high] around 0',
                reprlib.repr(ends))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < _HUGE


def _is_count(value: Any) -> bool:
    return type(value) is int


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_range(value: Any) -> bool:
    """Whether a value is [low, high] around zero, which padding needs to be exact in 8 bits."""
    return (_is_list(value) and len(value) == 2 and all(map(_is_number, value))
            and value[0] <= 0 <= value[1])


def _is_object_with(**members: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Make a check that a value is an object whose members pass these checks."""
    return lambda value: _is_object(value) and all(
        name in value and is_valid(value[name]) for name, is_valid in members.items())


# Optional entries of a card: what they must be, in words and as a check.
_CARD_ENTRIES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    'flow': ('a name', _is_text),
    'flow_sha256': ('a checksum', _is_text),
    'licence': ('text', _is_text),
    'minutes': ('a number', _is_number),
    'steps': ('a whole number', _is_count),
    'ranges': ('an object of ranges', _is_object),
    'started_from': ('a model with minutes and sha256',
                     _is_object_with(model=_is_text, minutes=_is_number, sha256=_is_text)),
    'mixed_with': ('a model with share and sha256',
                   _is_object_with(model=_is_text, share=_is_number, sha256=_is_text)),
    'evaluation': ('what `ddfnet evaluate --json` wrote',
                   _is_object_with(methods=_is_object_with(fused=_is_object),
                                   panoramas=_is_list, seed=_is_count)),
}

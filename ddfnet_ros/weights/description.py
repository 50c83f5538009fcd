# SPDX-License-Identifier: Apache-2.0
"""What a weights file says of itself: the network's config and the model's card, checked."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ddfnet_ros.weights.finding import unusable

_LARGEST = 1024  # of any number in a config: wider or deeper is no network of ours
_HUGE = 1e30  # no number in a card is; beyond, arithmetic in float32 would overflow


def described(path: Path, metadata: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Config and card, if they are objects and say what is read of them in the types expected.

    Whether the config is one of a network, building it tells; here only that its sizes are sane.
    """
    try:
        config, card = (json.loads(metadata[name]) for name in ('config', 'card'))
    except (ValueError, RecursionError) as error:
        raise unusable(path, 'config and card in JSON', str(error)) from error
    if not (isinstance(config, dict) and isinstance(card, dict)):
        raise unusable(path, 'config and card as objects', 'something else')
    for name, size in config.items():
        if isinstance(size, (int, float)) and not -_LARGEST <= size <= _LARGEST:
            raise unusable(path, f'{name} up to {_LARGEST}', reprlib.repr(size))
    _check_card(path, card)
    return config, card


def _check_card(path: Path, card: Mapping[str, Any]) -> None:
    for name, (expected, suits) in _ENTRIES.items():
        if name in card and not suits(card[name]):
            raise unusable(path, f'{name} in its card to be {expected}', reprlib.repr(card[name]))
    for layer, ends in card.get('ranges', {}).items():
        if not _is_range(ends):
            raise unusable(path, f'ranges of {layer} in its card to be [low, high] around 0',
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
    """Zero among it, because padding is zero and 8 bits have to have it exactly."""
    return (_is_list(value) and len(value) == 2 and all(map(_is_number, value))
            and value[0] <= 0 <= value[1])


def _has(**members: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Whether a value is an object with these members."""
    return lambda value: _is_object(value) and all(
        name in value and suits(value[name]) for name, suits in members.items())


# What is read of a card, what it has to be, and whether it is; any of it may be absent.
_ENTRIES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    'flow': ('a name', _is_text),
    'flow_sha256': ('a checksum', _is_text),
    'licence': ('text', _is_text),
    'minutes': ('a number', _is_number),
    'steps': ('a whole number', _is_count),
    'ranges': ('an object of ranges', _is_object),
    'started_from': ('a model with minutes and sha256',
                     _has(model=_is_text, minutes=_is_number, sha256=_is_text)),
    'mixed_with': ('a model with share and sha256',
                   _has(model=_is_text, share=_is_number, sha256=_is_text)),
    'evaluation': ('what `ddfnet evaluate --json` wrote',
                   _has(methods=_has(fused=_is_object), panoramas=_is_list, seed=_is_count)),
}

# SPDX-License-Identifier: Apache-2.0
"""What a weights file says of itself: the network's config and the model's card, checked."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ddfnet_ros.weights.finding import unusable

_LARGEST = 1024  # of any number in a config: wider or deeper is no network of ours


def described(path: Path, metadata: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Config and card, if they are objects and the config's sizes are those of a network."""
    try:
        config, card = (json.loads(metadata[name]) for name in ('config', 'card'))
    except (ValueError, RecursionError) as error:
        raise unusable(path, 'config and card in JSON', str(error)) from error
    if not (isinstance(config, dict) and isinstance(card, dict)):
        raise unusable(path, 'config and card as objects', 'something else')
    for name, size in config.items():
        if isinstance(size, (int, float)) and not -_LARGEST <= size <= _LARGEST:
            raise unusable(path, f'{name} up to {_LARGEST}', reprlib.repr(size))
    return config, card

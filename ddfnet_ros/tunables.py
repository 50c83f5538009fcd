# SPDX-License-Identifier: Apache-2.0
"""Declare tunables and check their values.

`setting()` stores what all front ends need: help text, bounds, choices, and whether it is live.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

Bounds = tuple[float, float]


def setting(
    default: Any,
    description: str,
    *,
    bounds: Bounds | None = None,
    choices: Sequence[str] = (),
    live: bool = False,
) -> Any:
    """Declare one tunable.

    Args:
        default: Default value; its type is the parameter's type.
        description: One sentence with the unit in brackets, shown by every front end.
        bounds: Inclusive range of numbers (of every element of a tuple).
        choices: Allowed strings; with bounds, whole numbers within them are allowed too.
        live: Whether a running node accepts a new value.
    """
    metadata = {
        'description': description, 'bounds': bounds, 'choices': tuple(choices), 'live': live
    }
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all settings: checks bounds and choices of every field on construction."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            for element in value if isinstance(field.default, tuple) else (value,):
                _check(field.name, element, field.metadata)


def _check(name: str, value: Any, metadata: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f'{name}: expected a finite number, got {value}')
    bounds, choices = metadata.get('bounds'), metadata.get('choices')
    if bounds and choices:
        if value not in choices and not (type(value) is int and bounds[0] <= value <= bounds[1]):
            raise ValueError(f'{name}: expected a whole number of {bounds[0]} to {bounds[1]}, or '
                             f'{", ".join(choices)}, got {value!r}')
    elif bounds and not bounds[0] <= value <= bounds[1]:
        raise ValueError(f'{name}: expected {bounds[0]} to {bounds[1]}, got {value}')
    elif choices and value not in choices:
        raise ValueError(f'{name}: expected one of {", ".join(choices)}, got {value!r}')

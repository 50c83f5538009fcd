# SPDX-License-Identifier: Apache-2.0
"""Fields of messages by their path: names and numbers joined by points.

`exposure_time` is a field, `header.stamp` one of a field, `values.0` the first of a list. A name
in a list finds the element that has this `key`, or else the first one with such a field; a name in
a string finds a member of the JSON object that the string is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any


class MissingFieldError(ValueError):
    """A path that leads nowhere."""


def look_up(message: Any, path: str) -> Any:
    """The value at a path.

    Raises:
        MissingFieldError: there is none; says what there is instead.
    """
    value = message
    for name in path.split('.'):
        try:
            value = _step(value, name)
        except LookupError:
            raise MissingFieldError(f'expected {path}, got {_names(value)}; correct the field, or '
                                    'have the camera send it') from None
    return value


def number(value: Any, path: str) -> float:
    """A value as a finite number; durations and times in seconds.

    Raises:
        ValueError: it is none.
    """
    if hasattr(value, 'nanosec'):
        value = value.sec + value.nanosec * 1e-9
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f'{path}: expected a number, got {value!r}; check the field')
    return found


def counter(value: Any, path: str) -> int:
    """A value as a frame counter: an integer, or the last digits of a string.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, str):
        digits = re.findall(r'\d+', value)
        value = digits[-1] if digits else value
    count = number(value, path)
    if count < 0 or count != int(count):
        raise ValueError(f'{path}: expected a frame counter, got {value!r}; check the field')
    return int(value)


def _step(value: Any, name: str) -> Any:
    """One name further; raises LookupError."""
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, Mapping):
        return value[name]
    if hasattr(value, '__getitem__'):
        return value[int(name)] if name.isdecimal() else _found_in(value, name)
    if name.startswith('_') or not hasattr(value, name):
        raise LookupError(name)
    return getattr(value, name)


def _found_in(elements: Any, name: str) -> Any:
    for element in elements:
        if getattr(element, 'key', None) == name:
            return element.value
    for element in elements:
        try:
            return _step(element, name)
        except LookupError:
            pass
    raise LookupError(name)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise LookupError(text) from None


def _names(value: Any) -> str:
    """What a user could have meant instead."""
    if isinstance(value, str):
        try:
            value = _parsed(value)
        except LookupError:
            return 'a text that is no JSON'
    if hasattr(value, 'get_fields_and_field_types'):
        value = value.get_fields_and_field_types()
    if isinstance(value, Mapping):
        return f'only {", ".join(map(str, value)) or "an empty object"}'
    if hasattr(value, '__len__'):
        return f'{len(value)} elements without it'
    names = getattr(value, '__dict__', {})
    return f'only {", ".join(names)}' if names else f'{value!r}'

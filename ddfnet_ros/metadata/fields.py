# SPDX-License-Identifier: Apache-2.0
"""Look up fields of messages by their path: names and numbers joined by points.

`exposure_time` is a field, `header.stamp` a field of a field, `values.0` the first list element.
In a list, a name finds the element with this `key`, or else the first element that has such a
field. In a string, a name finds a member of the JSON object in the string.
"""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Mapping
from textwrap import shorten
from typing import Any

_MAX_LENGTH = 300  # characters of names in an error message
_MAX_COUNT = 2.0**64  # largest frame counter; more digits are something else


class MissingFieldError(ValueError):
    """A message has no field at this path."""


def look_up(message: Any, path: str) -> Any:
    """Return the value at a path.

    Raises:
        MissingFieldError: there is none; the message lists what there is instead.
    """
    return _follow_path(message, path.split('.'), path)


def number(value: Any, path: str) -> float:
    """Convert a value to a finite number; durations and times to seconds.

    Raises:
        ValueError: it is not a number.
    """
    try:
        found = float(value.sec + value.nanosec * 1e-9 if is_time(value) else value)
    except (TypeError, ValueError, OverflowError):  # overflow: an integer too large for a float
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f'{path}: expected a number, got {reprlib.repr(value)}; check the field')
    return found


def nanoseconds(time: Any) -> int:
    """Convert a ROS time or duration to nanoseconds."""
    return int(time.sec) * 10**9 + int(time.nanosec)


def counter(value: Any, path: str) -> int:
    """Convert a value to a frame counter: an integer, or the last digits of a string.

    Raises:
        ValueError: it is not a counter; a time is not one either.
    """
    if isinstance(value, str):
        digits = re.findall(r'\d+', value)
        value = digits[-1] if digits else value
    count = number(value, path)
    if is_time(value) or not 0 <= count <= _MAX_COUNT or count != int(count):
        raise ValueError(f'{path}: expected a frame counter, got {reprlib.repr(value)}; check the '
                         'field')
    return int(value)


def is_time(value: Any) -> bool:
    """Whether a value is a ROS time or duration of any package."""
    return hasattr(value, 'sec') and hasattr(value, 'nanosec')


def _follow_path(value: Any, names: list[str], path: str) -> Any:
    """Follow the remaining names of a path; `path` is the whole one, for errors."""
    if not names:
        return value
    name, rest = names[0], names[1:]
    here = _parse_json(value) if isinstance(value, str) else value
    if _is_list(here) and not name.isdecimal():
        return _search_elements(here, names, path)
    try:
        found = _member(here, name)
    except LookupError:
        raise MissingFieldError(f'expected {path}, got {_describe_members(here)}; correct the '
                                'field, or have the camera send it') from None
    return _follow_path(found, rest, path)


def _search_elements(elements: Any, names: list[str], path: str) -> Any:
    for element in elements:
        try:
            if getattr(element, 'key', None) == names[0]:
                return _follow_path(element.value, names[1:], path)
            return _follow_path(element, names, path)
        except MissingFieldError:
            pass
    raise MissingFieldError(f'expected {path}, got {len(elements)} elements without {names[0]}; '
                            'correct the field, or have the camera send it')


def _is_list(value: Any) -> bool:
    return hasattr(value, '__len__') and not isinstance(value, (str, Mapping))


def _member(value: Any, name: str) -> Any:
    """Return the member with this name or index; raises LookupError."""
    if isinstance(value, Mapping):
        return value[name]
    if _is_list(value):
        return value[int(name)]
    if name.startswith('_') or not hasattr(value, name):
        raise LookupError(name)
    return getattr(value, name)


def _parse_json(text: str) -> Any:
    """Parse a text as JSON; return the text itself if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # recursion: a thousand nested brackets
        return text


def _describe_members(value: Any) -> str:
    """List the existing members for an error message."""
    if hasattr(value, 'get_fields_and_field_types'):
        value = value.get_fields_and_field_types()
    if isinstance(value, Mapping):
        return f'only {shorten(", ".join(map(str, value)), _MAX_LENGTH) or "an empty object"}'
    if _is_list(value):
        return f'{len(value)} elements'
    names = getattr(value, '__dict__', {})
    return f'only {", ".join(names)}' if names else reprlib.repr(value)

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
import reprlib
from collections.abc import Mapping
from textwrap import shorten
from typing import Any

_LONGEST = 300  # characters of names in an error
_MOST = 2.0**64  # counts of a frame counter; longer digits are something else


class MissingFieldError(ValueError):
    """A path that leads nowhere."""


def look_up(message: Any, path: str) -> Any:
    """The value at a path.

    Raises:
        MissingFieldError: there is none; says what there is instead.
    """
    return _look_up(message, path.split('.'), path)


def number(value: Any, path: str) -> float:
    """A value as a finite number; durations and times in seconds.

    Raises:
        ValueError: it is none.
    """
    try:
        found = float(value.sec + value.nanosec * 1e-9 if is_time(value) else value)
    except (TypeError, ValueError, OverflowError):  # of integers that no float holds
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f'{path}: expected a number, got {reprlib.repr(value)}; check the field')
    return found


def nanoseconds(time: Any) -> int:
    """A time or duration of ROS [ns]."""
    return int(time.sec) * 10**9 + int(time.nanosec)


def counter(value: Any, path: str) -> int:
    """A value as a frame counter: an integer, or the last digits of a string.

    Raises:
        ValueError: it is none, as times are none.
    """
    if isinstance(value, str):
        digits = re.findall(r'\d+', value)
        value = digits[-1] if digits else value
    count = number(value, path)
    if is_time(value) or not 0 <= count <= _MOST or count != int(count):
        raise ValueError(f'{path}: expected a frame counter, got {reprlib.repr(value)}; check the '
                         'field')
    return int(value)


def is_time(value: Any) -> bool:
    """Whether a value is a time or duration, of any package."""
    return hasattr(value, 'sec') and hasattr(value, 'nanosec')


def _look_up(value: Any, names: list[str], path: str) -> Any:
    """Follow the rest of a path."""
    if not names:
        return value
    name, rest = names[0], names[1:]
    here = _parsed(value) if isinstance(value, str) else value
    if _is_list(here) and not name.isdecimal():
        return _look_in_each(here, names, path)
    try:
        found = _member(here, name)
    except LookupError:
        raise MissingFieldError(f'expected {path}, got {_names(here)}; correct the field, or have '
                                'the camera send it') from None
    return _look_up(found, rest, path)


def _look_in_each(elements: Any, names: list[str], path: str) -> Any:
    for element in elements:
        try:
            if getattr(element, 'key', None) == names[0]:
                return _look_up(element.value, names[1:], path)
            return _look_up(element, names, path)
        except MissingFieldError:
            pass
    raise MissingFieldError(f'expected {path}, got {len(elements)} elements without {names[0]}; '
                            'correct the field, or have the camera send it')


def _is_list(value: Any) -> bool:
    return hasattr(value, '__len__') and not isinstance(value, (str, Mapping))


def _member(value: Any, name: str) -> Any:
    """What has this name, or this number; raises LookupError."""
    if isinstance(value, Mapping):
        return value[name]
    if _is_list(value):
        return value[int(name)]
    if name.startswith('_') or not hasattr(value, name):
        raise LookupError(name)
    return getattr(value, name)


def _parsed(text: str) -> Any:
    """What a text says in JSON; the text where it says nothing."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # the latter of brackets in brackets, a thousand deep
        return text


def _names(value: Any) -> str:
    """What a user could have meant instead."""
    if hasattr(value, 'get_fields_and_field_types'):
        value = value.get_fields_and_field_types()
    if isinstance(value, Mapping):
        return f'only {shorten(", ".join(map(str, value)), _LONGEST) or "an empty object"}'
    if _is_list(value):
        return f'{len(value)} elements'
    names = getattr(value, '__dict__', {})
    return f'only {", ".join(names)}' if names else reprlib.repr(value)

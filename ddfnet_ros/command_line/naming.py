# SPDX-License-Identifier: Apache-2.0
"""Names of settings on the command line; needs the standard library only."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ddfnet_ros.tunables import Settings


def option(name: str) -> str:
    """Return the option that sets a field."""
    return '--' + name.replace('_', '-')


def argument(path: Path | str) -> str:
    """Return a path as a word of a command line, where a leading minus would make an option."""
    return f'./{path}' if str(path).startswith('-') else str(path)


def quoted(path: Path | str) -> str:
    """Return a path as it is to be typed into a shell."""
    return shlex.quote(argument(path))


def with_option_names(text: str, settings: type[Settings]) -> str:
    """Replace the names of settings in an error message by the names of their options.

    Args:
        text: Error message such as 'cycle_gap: expected ...; set cycle_gap'.
        settings: Class of the settings. Names of a single word are replaced only at the start,
            elsewhere they count as English words.
    """
    text = re.sub(r'^([a-z][a-z0-9_]*)(?=: expected)', lambda found: option(found[1]), text)
    names = '|'.join(f.name for f in dataclasses.fields(settings) if '_' in f.name)
    return re.sub(rf'(?<![\w/.-])({names})(?![\w/-]|\.\w)', lambda found: option(found[1]), text)


def given_settings(words: Sequence[str], settings: Settings) -> dict[str, Any]:
    """Return the settings that a command line names, also those named with their default.

    Args:
        words: Words after the verb.
        settings: Settings that were parsed from them.
    """
    named = {word.partition('=')[0].replace('_', '-') for word in words}
    return {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)
            if {option(field.name), option(f'no_{field.name}')} & named}

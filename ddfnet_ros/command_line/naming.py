# SPDX-License-Identifier: Apache-2.0
"""Settings by the names that they have on a command line; by the standard library alone."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from ddfnet_ros.tunables import Settings


def option(name: str) -> str:
    """The option that sets a field."""
    return '--' + name.replace('_', '-')


def by_options(text: str, settings: type[Settings]) -> str:
    """An error about settings, in terms of the options that they were given by.

    Args:
        text: Such as 'cycle_gap: expected ...; set cycle_gap'.
        settings: Whose fields are meant. Names of one word are taken for English, but for the
            first.
    """
    text = re.sub(r'^([a-z][a-z0-9_]*)(?=: expected)', lambda found: option(found[1]), text)
    names = '|'.join(f.name for f in dataclasses.fields(settings) if '_' in f.name)
    return re.sub(rf'(?<![\w/.-])({names})(?![\w/-]|\.\w)', lambda found: option(found[1]), text)


def given(words: Sequence[str], settings: Settings) -> dict[str, Any]:
    """The settings that the words of a command line name, also those named with their default.

    Args:
        words: What follows the verb.
        settings: What was made of them.
    """
    named = {word.partition('=')[0].replace('_', '-') for word in words}
    return {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)
            if {option(field.name), option(f'no_{field.name}')} & named}

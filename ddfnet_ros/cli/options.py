# SPDX-License-Identifier: Apache-2.0
"""Options that several verbs share: settings as options, and checks of output paths."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import tyro

from ddfnet_ros.settings import DeghosterSettings
from ddfnet_ros.tunables import Settings
from ddfnet_ros.whole_files import check_writable


def as_options(
    settings: type[Settings], hidden: Collection[str] = (), *, partly: bool = False
) -> Any:
    """Return the type annotation for a field of a verb's Options that holds these settings.

    Each field of the settings becomes an option `--name`, without a prefix.

    Args:
        settings: Settings class.
        hidden: Fields that have no meaning for the verb and get no option.
        partly: Whether other settings come from elsewhere, such as a file; then it is not checked
            here that the settings fit together.
    """
    hints = get_type_hints(settings)
    suppress: Any = tyro.conf.Suppress
    fields = []
    for field in dataclasses.fields(settings):
        choices = field.metadata['choices']
        words = ('INT', *choices) if choices and field.metadata['bounds'] else choices
        if isinstance(field.default, tuple):
            words = (f'{get_args(hints[field.name])[0].__name__.upper()}...',)
        # An empty default is not shown: the description says what it means.
        hint = None if field.default not in ((), '') else ''
        shown = tyro.conf.arg(help=field.metadata['description'], metavar='|'.join(words) or None,
                              help_behavior_hint=hint)
        default = dataclasses.field(default=field.default, metadata=field.metadata)
        kind = suppress[hints[field.name]] if field.name in hidden else hints[field.name]
        fields.append((field.name, Annotated[kind, shown], default))
    checks = {'__post_init__': Settings.__post_init__} if partly else {}
    constructor = dataclasses.make_dataclass(
        settings.__name__, fields, bases=(settings,), namespace=checks, frozen=True, kw_only=True)
    return tyro.conf.arg(name='', constructor=constructor)


FUSION = as_options(DeghosterSettings)


def optional(metavar: str) -> Any:
    """Return how to show an option without its default, because the help text explains it.

    Args:
        metavar: Placeholder of the value in the help.
    """
    return tyro.conf.arg(metavar=metavar, help_behavior_hint='')


def check_output(path: Path, suffix: str) -> None:
    """Check that a file can be written, before anything takes time.

    Raises:
        ValueError: the name has another suffix.
        OSError: the folder does not exist or is not writable.
    """
    if path.suffix.lower() != suffix:
        raise ValueError(f'expected an output that ends in {suffix}, got {path}; rename it')
    check_writable(path)

# SPDX-License-Identifier: Apache-2.0
"""Where models lie, and errors that name those present."""

from __future__ import annotations

import os
from pathlib import Path

from ddfnet_ros.prefixes import SHARE, install_prefixes

SUFFIX = '.safetensors'


class WeightsError(ValueError):
    """A weights file that is there but cannot be used."""


class WeightsNotFoundError(FileNotFoundError):
    """No weights file of that name."""


def find(name: str, models_dir: Path | str = '') -> Path:
    """Find a shipped model by name, or check the path that was given.

    Args:
        name: Such as 'fast', or a path to a .safetensors file.
        models_dir: Searched first, before $DDFNET_MODELS, the install prefix and the checkout.

    Raises:
        WeightsNotFoundError: names the models present.
    """
    path = _at_home(name)
    if path.suffix == SUFFIX or len(path.parts) > 1:
        if path.is_file():
            return path
        raise missing(path, models_dir)
    for folder in model_folders(models_dir):
        candidate = folder / f'{name}{SUFFIX}'
        if candidate.is_file():
            return candidate
    raise WeightsNotFoundError(
        f'expected a shipped model, got {name!r}; {_remedy(present(models_dir))}')


def present(models_dir: Path | str = '') -> list[str]:
    """Names of the models that `find` finds, sorted."""
    return sorted({p.stem for d in model_folders(models_dir) for p in d.glob(f'*{SUFFIX}')})


def model_folders(models_dir: Path | str = '') -> list[Path]:
    """Where models are looked for, first match wins; folders may be missing."""
    checkout = Path(__file__).resolve().parents[2]
    given = [models_dir, os.environ.get('DDFNET_MODELS', '')]
    return [
        *(_at_home(folder) for folder in given if folder),
        *(prefix / SHARE / 'models' for prefix in install_prefixes()),
        checkout / 'models',
    ]


def _at_home(path: Path | str) -> Path:
    """A path whose `~` is a home, or left as it is where there is no such user."""
    return Path(os.path.expanduser(path))  # Path's own raises there


def missing(path: Path, models_dir: Path | str = '') -> WeightsNotFoundError:
    """The error of a file that is not there."""
    return WeightsNotFoundError(
        f'expected a weights file, got no {path}; {_present_near(path, models_dir)}')


def unusable(path: Path, expected: str, got: str) -> WeightsError:
    """The error of a file that is there and is not as it has to be."""
    return WeightsError(f'{path}: expected {expected}, got {got}; copy the file again, or '
                        f'{_present_near(path)}')


def _present_near(path: Path, models_dir: Path | str = '') -> str:
    names = present(models_dir)
    others = [str(p) for p in sorted(path.parent.glob(f'*{SUFFIX}'))
              if p.stem not in names and p.name != path.name]
    return _remedy([*sorted(names), *others])


def _remedy(names: list[str]) -> str:
    return f'choose one of those present: {", ".join(names) or "none"}'

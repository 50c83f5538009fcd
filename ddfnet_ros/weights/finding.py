# SPDX-License-Identifier: Apache-2.0
"""Find model files by name; errors list the models that were found."""

from __future__ import annotations

import os
from pathlib import Path

from ddfnet_ros.prefixes import SHARE, install_prefixes

SUFFIX = '.safetensors'


class WeightsError(ValueError):
    """A weights file exists but cannot be used."""


class WeightsNotFoundError(FileNotFoundError):
    """There is no weights file of that name."""


def find(name: str, models_dir: Path | str = '') -> Path:
    """Find a shipped model by name, or check the path that was given.

    Args:
        name: Model name such as 'fast', or path to a .safetensors file.
        models_dir: Folder to search first, before $DDFNET_MODELS, the install prefixes and the
            checkout.

    Raises:
        WeightsNotFoundError: there is none; the message lists the models present.
    """
    path = _expand_user(name)
    if path.suffix == SUFFIX or len(path.parts) > 1:
        if path.is_file():
            return path
        raise missing_file_error(path, models_dir)
    for folder in model_folders(models_dir):
        candidate = folder / f'{name}{SUFFIX}'
        if candidate.is_file():
            return candidate
    raise WeightsNotFoundError(
        f'expected a shipped model, got {name!r}; {_remedy(present(models_dir))}')


def present(models_dir: Path | str = '') -> list[str]:
    """Sorted names of the models that `find` can find."""
    return sorted({p.stem for d in model_folders(models_dir) for p in d.glob(f'*{SUFFIX}')})


def model_folders(models_dir: Path | str = '') -> list[Path]:
    """Folders that `find` searches, in order; some may not exist."""
    checkout = Path(__file__).resolve().parents[2]
    given = [models_dir, os.environ.get('DDFNET_MODELS', '')]
    return [
        *(_expand_user(folder) for folder in given if folder),
        *(prefix / SHARE / 'models' for prefix in install_prefixes()),
        checkout / 'models',
    ]


def _expand_user(path: Path | str) -> Path:
    """Replace a leading `~`; unlike Path.expanduser, keep it if there is no such user."""
    return Path(os.path.expanduser(path))


def missing_file_error(path: Path, models_dir: Path | str = '') -> WeightsNotFoundError:
    """Error for a weights file that does not exist."""
    return WeightsNotFoundError(
        f'expected a weights file, got no {path}; {_suggest_models(path, models_dir)}')


def unusable_file_error(path: Path, expected: str, got: str) -> WeightsError:
    """Error for a weights file that exists but is not as expected."""
    return WeightsError(f'{path}: expected {expected}, got {got}; copy the file again, or '
                        f'{_suggest_models(path)}')


def _suggest_models(path: Path, models_dir: Path | str = '') -> str:
    """Name all models that can be found, and the other weights files beside `path`."""
    names = present(models_dir)
    others = [str(p) for p in sorted(path.parent.glob(f'*{SUFFIX}'))
              if p.stem not in names and p.name != path.name]
    return _remedy([*sorted(names), *others])


def _remedy(names: list[str]) -> str:
    return f'choose one of those present: {", ".join(names) or "none"}'

# SPDX-License-Identifier: Apache-2.0
"""The command `ddfnet`: one verb per file, imported only when it is used."""

from __future__ import annotations

import errno
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from ddfnet_ros import __version__
from ddfnet_ros.cli import completion

USER_ERROR = 2
_INTERRUPTED = 130
_PIPE_CLOSED = 141  # the exit status of a program that SIGPIPE ends

VERBS = {
    'fuse': 'Fuse the exposures of one scene into an HDR image.',
    'bag': 'Fuse a whole bag, without ROS.',
    'inspect': 'List the image topics of a bag, and say which look like a bracket.',
    'view': 'Show what happens inside while brackets are fused.',
    'doctor': 'Check this machine, and say what to do about what is wrong.',
    'play': 'Play a recorded bracket bag as ROS topics.',
    'synthesize': 'Make the demo\'s street bracket bag from panoramas.',
    'evaluate': 'Measure models and baselines on synthesised scenes.',
    'bench': 'Time a model on this machine, beside OpenCV.',
    'train': 'Train a network on synthesised scenes.',
    'export': 'Write a model as an ONNX file, for other engines.',
    'weights': 'Make model files of training runs, and their cards.',
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Returns:
        The exit status; the overview in `_overview` explains it.
    """
    verb, *rest = argv if argv is not None else sys.argv[1:] or ['--help']
    try:
        try:
            return _run(verb, rest)
        finally:
            if sys.stdout is not None:  # None if the shell closed it
                sys.stdout.flush()
    except OSError as error:  # of stdout itself; all others were printed already
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # no second error at exit
        if isinstance(error, BrokenPipeError):  # the reader, such as `head`, has ended
            return _PIPE_CLOSED
        return _print_error(error)


def _run(verb: str, rest: Sequence[str]) -> int:
    if verb in ('-h', '--help'):
        print(_overview())
        return 0
    if verb == '--version':
        print(f'ddfnet {__version__}')
        return 0
    logging.basicConfig(format='ddfnet: %(message)s', level=logging.WARNING)
    try:
        if verb == '--completion':
            print(completion.script(rest, VERBS))
            return 0
        if verb not in VERBS:
            raise ValueError(f'expected a verb ({", ".join(VERBS)}), got {verb!r}; '
                             'see ddfnet --help')
        module = importlib.import_module(f'{__name__}.{verb}')
        status: int = module.run(rest)
        return status
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        return _print_error(_as_user_error(error))


def _as_user_error(error: Exception) -> Exception:
    """Return an error that the user can fix; raises it if it is a bug of ours."""
    if isinstance(error, ValueError | OSError):
        return error
    from ddfnet_ros.runtime.memory import is_shortage

    if not is_shortage(error):
        raise error
    return MemoryError(f'expected enough memory, got: {error}; choose smaller images or a smaller '
                       'model')


def _overview() -> str:
    width = max(map(len, VERBS))
    verbs = '\n'.join(f'  {verb:{width}}  {what}' for verb, what in VERBS.items())
    return f"""\
usage: ddfnet VERB [OPTIONS]

Ghost-free HDR images from exposure brackets.

{verbs}

examples:
  ddfnet fuse short.png middle.png long.png --exposure-times 1 4 16 --output scene.exr
  ddfnet fuse IMG_*.JPG --output scene.exr --tonemapped scene.png    (times from EXIF)
  ddfnet evaluate --panoramas my_panoramas --scenes 20

ddfnet VERB --help explains a verb; --version prints {__version__}; --completion bash (or
zsh) prints what makes Tab complete verbs and options: eval "$(ddfnet --completion bash)".

exit status: 0 done; 1 a check (doctor) or one of several bags (bag) failed; 2 something that you
can mend, also in a single bag, which one line on stderr names; 130 interrupted (train saves, play
stops: 0). Results are on stdout, all else on stderr; --json makes them JSON (fuse, bag, inspect,
view, doctor, synthesize, bench, train, export, weights; evaluate --json FILE)."""


def _print_error(error: Exception) -> int:
    print(f'ddfnet: {_one_line(error)}', file=sys.stderr)
    return USER_ERROR


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return 'expected room to write, got a full disk; make some and run it again'
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f'{error.filename}: {error.strerror.lower()}; check the path'
    return ' '.join(str(error).split())

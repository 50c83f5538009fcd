# SPDX-License-Identifier: Apache-2.0
"""`python -m ddfnet_ros.training`: `ddfnet train` with torch, numpy, OpenCV, safetensors, tqdm.

OpenEXR reads the panoramas. jaxtyping's shapes are there for readers and tests; where it is not
installed, names that stand for themselves take its place.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from ddfnet_ros.command_line.waiting import waiting
from ddfnet_ros.training.options import parse

_SHAPES = ('Bool', 'Float', 'Float32', 'Int', 'UInt8')


class _Shape:
    """In place of jaxtyping's Float and such: Float[Tensor, 'h w'] is just Tensor."""

    def __class_getitem__(cls, item: tuple[type, str]) -> type:
        return item[0]


def stand_in_for_jaxtyping() -> None:
    """Let `from jaxtyping import Float` work without jaxtyping."""
    if 'jaxtyping' not in sys.modules and importlib.util.find_spec('jaxtyping') is None:
        module = ModuleType('jaxtyping')
        vars(module).update(dict.fromkeys(_SHAPES, _Shape))
        sys.modules['jaxtyping'] = module


stand_in_for_jaxtyping()  # also where a worker process that was spawned imports this again


def main() -> int:
    """Train; what the user can mend is one line."""
    try:
        settings, as_json = parse(sys.argv[1:], 'python -m ddfnet_ros.training')
        with waiting('reading what to train on') as stop:
            # After the stand-in.
            from ddfnet_ros.training.record import state_json  # noqa: PLC0415
            from ddfnet_ros.training.train import train  # noqa: PLC0415

            state = train(settings, ready=stop)
    except (ValueError, OSError) as error:
        print(' '.join(str(error).split()), file=sys.stderr)
        return 2
    print(state_json(settings, state) if as_json else
          f'{state.step} steps, {state.seconds / 60:.1f} min')
    return 0


if __name__ == '__main__':
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""`python -m ddfnet_ros.training`: `ddfnet train` with few packages installed.

It needs torch, numpy, OpenCV, safetensors, tqdm, and OpenEXR to read panoramas. jaxtyping's shape
annotations only serve readers and tests; where it is not installed, placeholders replace it.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from ddfnet_ros.command_line.waiting import waiting
from ddfnet_ros.training.options import parse

_SHAPES = ('Bool', 'Float', 'Float32', 'Int', 'UInt8')


class _ShapePlaceholder:
    """Replaces jaxtyping's Float and the like: Float[Tensor, 'h w'] is just Tensor."""

    def __class_getitem__(cls, item: tuple[type, str]) -> type:
        return item[0]


def stand_in_for_jaxtyping() -> None:
    """Make `from jaxtyping import Float` work where jaxtyping is not installed."""
    if 'jaxtyping' not in sys.modules and importlib.util.find_spec('jaxtyping') is None:
        module = ModuleType('jaxtyping')
        vars(module).update(dict.fromkeys(_SHAPES, _ShapePlaceholder))
        sys.modules['jaxtyping'] = module


stand_in_for_jaxtyping()  # at import, because spawned worker processes import this module again


def main() -> int:
    """Train; print errors that the user can fix as one line."""
    try:
        settings, as_json = parse(sys.argv[1:], 'python -m ddfnet_ros.training')
        with waiting('reading what to train on') as stop:
            # Imported only now, because they need the placeholders.
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

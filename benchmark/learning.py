# SPDX-License-Identifier: Apache-2.0
"""Learning curves: what the checkpoints that a training kept reach on scenes it never saw.

    ddfnet train --run runs/base --keep-every 1000 ...
    python -m benchmark.learning base=runs/base --panoramas hdri/val --cutouts cutouts

adds one curve per NAME=FOLDER to benchmark/records/learning.json, from which `make tables` makes a
chart of doc/results.md. A curve of the same name is replaced.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ddfnet_ros import cli
from ddfnet_ros.training import shipping, slim
from ddfnet_ros.training.checkpoint import CHECKPOINT

RECORD = Path(__file__).parent / 'records' / 'learning.json'
METRICS = ('psnr_mu', 'psnr_mu_moving', 'psnr_mu_clipped')


def main() -> int:
    """Measure the checkpoints and write the record."""
    options = _options()
    record = json.loads(options.record.read_text()) if options.record.exists() else {}
    for name, _, run in (curve.partition('=') for curve in options.curves):
        record[name] = [_evaluate_checkpoint(path, options) for path in _checkpoints(Path(run))]
    options.record.write_text(json.dumps(record, indent=1, allow_nan=False) + '\n')
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('curves', nargs='+', metavar='NAME=FOLDER', help='a training')
    parser.add_argument('--panoramas', required=True, help='folder of .exr panoramas')
    parser.add_argument('--cutouts', required=True, help='folder of RGBA .png figures')
    parser.add_argument('--scenes', type=int, default=40)
    parser.add_argument('--record', type=Path, default=RECORD, help='file to write')
    return parser.parse_args()


def _checkpoints(run: Path) -> Iterator[Path]:
    """The kept checkpoints, then the last one if it is not among them."""
    kept = sorted(run.glob(f'{slim.KEPT_PREFIX}*'))
    yield from kept
    last = slim.read_any(run).facts['step'] if (run / CHECKPOINT).exists() else None
    if last is not None and all(slim.read_any(path).facts['step'] != last for path in kept):
        yield run


def _evaluate_checkpoint(checkpoint: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate one checkpoint; returns its metrics and its training steps and minutes."""
    facts = slim.read_any(checkpoint).facts
    with tempfile.TemporaryDirectory() as folder:
        model, found = Path(folder) / 'model.safetensors', Path(folder) / 'found.json'
        shipping.ship(checkpoint, model)
        words = ['evaluate', '--model', str(model), '--panoramas', options.panoramas,
                 '--cutouts', options.cutouts, '--scenes', str(options.scenes), '--json',
                 str(found)]
        if status := cli.main(words):
            sys.exit(status)
        measured = json.loads(found.read_text())['methods']['fused']
    return {'step': facts['step'], 'minutes': round(facts['seconds'] / 60, 1),
            **{metric: measured[metric]['mean'] for metric in METRICS}}


if __name__ == '__main__':
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Train and measure the structures of Tables 3 and 4, and pooling against attention.

    python -m benchmark.ablation --train hdri/train --panoramas hdri/val --cutouts cutouts

writes benchmark/records/ablation.json, of which `make tables` makes a table of doc/results.md. An
interrupted one goes on where it stopped: runs that are over are not made again.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ddfnet_ros.evaluation.ablation import VARIANTS, Ablation, carry_out_ablation

RECORD = Path(__file__).parent / 'records' / 'ablation.json'


def main() -> int:
    """Make the record."""
    options = _options()
    try:
        found = carry_out_ablation(Ablation(
            panoramas=options.train, tested=options.panoramas, cutouts=options.cutouts,
            runs=options.runs, variants=tuple(options.variants), seeds=tuple(options.seeds),
            steps=options.steps, scenes=options.scenes), options.device, options.workers)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    options.record.write_text(json.dumps(found, indent=1, allow_nan=False) + '\n')
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--train', type=Path, required=True, help='panoramas to train on')
    parser.add_argument('--panoramas', type=Path, required=True, help='other ones, of the test')
    parser.add_argument('--cutouts', type=Path, help='folder of RGBA .png figures')
    parser.add_argument('--variants', nargs='+', choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument('--seeds', nargs='+', type=int, default=[1, 2])
    parser.add_argument('--steps', type=int, default=800, help='of each run')
    parser.add_argument('--scenes', type=int, default=40, help='to measure on')
    parser.add_argument('--runs', type=Path, default=Path('runs/ablation'))
    parser.add_argument('--device', default='auto')
    parser.add_argument('--workers', type=int, default=1, help='processes that make patches')
    parser.add_argument('--record', type=Path, default=RECORD, help='file to write')
    return parser.parse_args()


if __name__ == '__main__':
    sys.exit(main())

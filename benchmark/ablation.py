# SPDX-License-Identifier: Apache-2.0
"""Train and measure networks that differ in one thing: structures and peers, or small networks.

    python -m benchmark.ablation --train hdri/train --panoramas hdri/val --cutouts cutouts
    python -m benchmark.ablation --study fast ...

write benchmark/records/ablation.json and ablation_fast.json, from which `make tables` makes tables
of doc/results.md. An interrupted study resumes where it stopped; finished runs are kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ddfnet_ros.evaluation.ablation import Ablation, carry_out_ablation
from ddfnet_ros.evaluation.ablation_studies import STUDIES

RECORDS = Path(__file__).parent / 'records'
NAMES = {'structures': 'ablation', 'fast': 'ablation_fast'}


def main() -> int:
    """Train, measure and write the record."""
    options = _options()
    name = NAMES[options.study]
    try:
        found = carry_out_ablation(Ablation(
            study=STUDIES[options.study], panoramas=options.train, tested=options.panoramas,
            cutouts=options.cutouts, runs=options.runs or Path('runs') / name,
            variants=tuple(options.variants), seeds=tuple(options.seeds), steps=options.steps,
            scenes=options.scenes), options.device, options.workers)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    record = options.record or RECORDS / f'{name}.json'
    record.write_text(json.dumps(found, indent=1, allow_nan=False) + '\n')
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--train', type=Path, required=True, help='panoramas to train on')
    parser.add_argument('--panoramas', type=Path, required=True, help='other ones, of the test')
    parser.add_argument('--cutouts', type=Path, help='folder of RGBA .png figures')
    parser.add_argument('--study', choices=STUDIES, default='structures')
    parser.add_argument('--variants', nargs='+', default=[], help='some of the study\'s')
    parser.add_argument('--seeds', nargs='+', type=int, default=[1, 2])
    parser.add_argument('--steps', type=int, default=0, help='of each run; 0: the study\'s')
    parser.add_argument('--scenes', type=int, default=40, help='to measure on')
    parser.add_argument('--runs', type=Path, help='folder; runs/NAME_OF_THE_RECORD')
    parser.add_argument('--device', default='auto')
    parser.add_argument('--workers', type=int, default=1, help='processes that make patches')
    parser.add_argument('--record', type=Path, help='file to write')
    return parser.parse_args()


if __name__ == '__main__':
    sys.exit(main())

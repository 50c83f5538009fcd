# SPDX-License-Identifier: Apache-2.0
"""Evaluate the shipped models and write benchmark/records/evaluation_*.json.

    python -m benchmark.evaluation --panoramas DIR --cutouts DIR

The panoramas must not be those that the models were trained on. `--only` chooses the records.
"""

import argparse
import sys
from pathlib import Path

from ddfnet_ros import cli

RECORDS = Path(__file__).parent / 'records'
STUDIES = {
    'peers': ('--peers', 'all', '--scenes', '40'),
    'noise': ('--study', 'noise', '--scenes', '40'),
    'references': ('--study', 'references', '--scenes', '40'),
    'robustness': ('--study', 'robustness', '--scenes', '20'),
}
"""Options of `ddfnet evaluate` by the NAME in evaluation_NAME.json; each takes minutes."""

BESIDE = {'peers': ('base', 'denoise'), 'noise': ('base', 'denoise')}
"""Additional models by record."""


def main() -> int:
    """Run `ddfnet evaluate` for each record."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--panoramas', required=True, help='folder of .exr panoramas')
    parser.add_argument('--cutouts', required=True, help='folder of RGBA .png figures')
    parser.add_argument('--model', default='fast', help='the model called fused')
    parser.add_argument('--models', nargs='*', default=[], help='more, in all chosen records')
    parser.add_argument('--scenes', help='another number of scenes than the record has')
    parser.add_argument('--only', nargs='+', choices=STUDIES, default=list(STUDIES))
    parser.add_argument('--records', type=Path, default=RECORDS, help='folder to write')
    options = parser.parse_args()
    common = ['--panoramas', options.panoramas, '--cutouts', options.cutouts, '--device', 'cpu',
              '--model', options.model]
    for name in options.only:
        scenes = ['--scenes', options.scenes] if options.scenes else []
        record = options.records / f'evaluation_{name}.json'
        models = [*BESIDE.get(name, ()), *options.models]
        more = ['--models', *models] if models else []
        words = ['evaluate', *common, *more, *STUDIES[name], *scenes, '--json', str(record)]
        if status := cli.main(words):
            return status
    return 0


if __name__ == '__main__':
    sys.exit(main())

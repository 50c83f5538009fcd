# SPDX-License-Identifier: Apache-2.0
"""Endpoint errors of DIS and, where one is given, a PWC-Net, on brackets not trained on.

    python -m benchmark.flow --panoramas hdri/val --cutouts cutouts --chairs FlyingChairs

writes `benchmark/records/flow.json`, from which `make tables` makes a table of doc/results.md.
`--chairs` and `--pwcnet` are optional.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
from pathlib import Path

from ddfnet_ros import weights
from ddfnet_ros.evaluation.flow import (
    endpoint_errors,
    flow_table,
    flying_chairs,
    synthetic_brackets,
)
from ddfnet_ros.evaluation.record import commit_of
from ddfnet_ros.flow.dis import DISFlow
from ddfnet_ros.flow.providers import zero_flow
from ddfnet_ros.synthesis.layers import CutoutBank
from ddfnet_ros.synthesis.panorama_bank import PanoramaBank
from ddfnet_ros.synthesis.scene_settings import SceneSettings
from ddfnet_ros.synthesis.scenes import SceneSource

RECORD = Path(__file__).parent / 'records' / 'flow.json'
SIZE, MOTION = 256, 60.0  # pixels


def main() -> None:
    """Measure, print the tables, write the record."""
    options = _options()
    providers = {'none': zero_flow, 'DIS': DISFlow(), 'DIS fast': DISFlow('fast'),
                 'DIS medium': DISFlow('medium')}
    trained = weights.load(weights.find(options.pwcnet)) if options.pwcnet else None
    if trained:
        providers['PWC-Net'] = trained.model
    bank = PanoramaBank(options.panoramas)
    source = SceneSource(bank, SceneSettings(size=SIZE, max_motion=MOTION),
                         CutoutBank(options.cutouts) if options.cutouts else None)
    sets = {'synthetic': endpoint_errors(
        providers, synthetic_brackets(source, options.brackets, options.seed))}
    if options.chairs:
        sets['FlyingChairs'] = endpoint_errors(providers, flying_chairs(options.chairs))
    record = {
        'date': datetime.date.today().isoformat(), 'commit': commit_of(Path(__file__).parent),
        'pwcnet': trained.sha256 if trained else '', 'panoramas': bank.names,
        'seed': options.seed, 'size': SIZE, 'brackets': options.brackets,
        'endpoint_error': {name: {provider: {mask: dataclasses.asdict(statistic)
                                             for mask, statistic in masks.items()}
                                  for provider, masks in errors.items()}
                           for name, errors in sets.items()},
    }
    print(flow_table(record))
    RECORD.write_text(json.dumps(record, indent=1) + '\n')


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--panoramas', type=Path, required=True, help='not those trained on')
    parser.add_argument('--cutouts', type=Path)
    parser.add_argument('--pwcnet', default='', help='model name or path')
    parser.add_argument('--brackets', type=int, default=100)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--chairs', type=Path, help='folder with pairs of FlyingChairs')
    return parser.parse_args()


if __name__ == '__main__':
    main()

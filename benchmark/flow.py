# SPDX-License-Identifier: Apache-2.0
"""Endpoint errors of a PWC-Net beside DIS, on brackets that it was not trained on.

    python -m benchmark.flow --panoramas hdri/val --cutouts cutouts --chairs FlyingChairs

writes `benchmark/records/flow.json` and prints the same as a table. FlyingChairs may be left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
from collections.abc import Mapping
from pathlib import Path

from ddfnet_ros import weights
from ddfnet_ros.evaluation.evaluate import Statistic
from ddfnet_ros.evaluation.flow import chairs, endpoint_errors, synthesised
from ddfnet_ros.flow.dis import DISFlow
from ddfnet_ros.synthesis.layers import CutoutBank
from ddfnet_ros.synthesis.panorama_bank import PanoramaBank
from ddfnet_ros.synthesis.scene_settings import SceneSettings
from ddfnet_ros.synthesis.scenes import SceneSource

RECORD = Path(__file__).parent / 'records' / 'flow.json'
SIZE, MOTION = 256, 60.0  # pixels


def main() -> None:
    """Measure, print the tables, write the record."""
    options = _options()
    trained = weights.load(weights.find(options.pwcnet))
    providers = {'DIS': DISFlow(), 'DIS fast': DISFlow('fast'), 'DIS medium': DISFlow('medium'),
                 'PWC-Net': trained.model}
    bank = PanoramaBank(options.panoramas)
    source = SceneSource(bank, SceneSettings(size=SIZE, max_motion=MOTION),
                         CutoutBank(options.cutouts) if options.cutouts else None)
    sets = {'synthetic': endpoint_errors(
        providers, synthesised(source, options.brackets, options.seed))}
    if options.chairs:
        sets['FlyingChairs'] = endpoint_errors(providers, chairs(options.chairs))
    for name, errors in sets.items():
        print(f'{name}, endpoint error [px]\n{table(errors)}\n')
    record = {
        'date': datetime.date.today().isoformat(), 'pwcnet': trained.sha256,
        'panoramas': bank.names, 'seed': options.seed, 'size': SIZE,
        'endpoint_error': {name: {provider: {mask: dataclasses.asdict(statistic)
                                             for mask, statistic in masks.items()}
                                  for provider, masks in errors.items()}
                           for name, errors in sets.items()},
    }
    RECORD.write_text(json.dumps(record, indent=1) + '\n')


def table(errors: Mapping[str, Mapping[str, Statistic]]) -> str:
    """Markdown: a row per provider, a column per mask; mean and spread over the brackets."""
    masks = list(next(iter(errors.values())))
    rows = [f'| {name} | ' + ' | '.join(
        f'{found[mask].mean:.2f} ± {found[mask].spread:.2f}' for mask in masks) + ' |'
        for name, found in errors.items()]
    return '\n'.join([f'| | {" | ".join(masks)} |', '|---' * (len(masks) + 1) + '|', *rows])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--panoramas', type=Path, required=True, help='not those trained on')
    parser.add_argument('--cutouts', type=Path)
    parser.add_argument('--pwcnet', default='pwcnet', help='model name or path')
    parser.add_argument('--brackets', type=int, default=100)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--chairs', type=Path, help='folder with pairs of FlyingChairs')
    return parser.parse_args()


if __name__ == '__main__':
    main()

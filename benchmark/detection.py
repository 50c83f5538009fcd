# SPDX-License-Identifier: Apache-2.0
"""Does the fused picture help a detector? Traffic lights, and people.

    python -m benchmark.detection --train hdri/train --panoramas hdri/val

writes benchmark/records/detection.json, from which `make tables` makes the tables of
doc/results.md. `--only` replaces one part of the record. The part people needs OpenCV 4
(`pip install 'opencv-python-headless<5'`), because OpenCV 5 has no people detector.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ddfnet_ros.evaluation.detection.classifier import StateNet
from ddfnet_ros.evaluation.detection.people import PeopleDetector
from ddfnet_ros.evaluation.detection.places import Place, places
from ddfnet_ros.evaluation.detection.record import Part, write
from ddfnet_ros.evaluation.detection.sheet import signal_sheet
from ddfnet_ros.evaluation.detection.study import (
    FALSE_ALARMS,
    find_people,
    read_signals,
    train_classifier,
)
from ddfnet_ros.images import write_png
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.machine import processor
from ddfnet_ros.settings import DeghosterSettings

RECORD = Path(__file__).parent / 'records' / 'detection.json'
SIGNALS, PEOPLE = 'signals', 'people'


def main() -> int:
    """Measure and write the record."""
    options = _options()
    deghoster = Deghoster(DeghosterSettings(model=options.model))
    tested = places(options.panoramas)
    try:
        detector = PeopleDetector() if PEOPLE in options.only else None
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    common = _common_fields(deghoster, tested, options.seed)
    if SIGNALS in options.only:
        lessons = places(options.train)
        net = train_classifier(lessons, options.lessons, options.seed)
        scores = read_signals(tested, deghoster, net, options.scenes, options.seed + 1)
        write(options.record, SIGNALS, Part(
            detector=f'a network of {_count_parameters(net)} parameters',
            trained_on=_panorama_names(lessons), scenes=options.scenes, scores=scores, **common))
    if detector is not None:
        scores = find_people(tested, deghoster, detector, options.people, options.seed + 1)
        write(options.record, PEOPLE, Part(
            detector=detector.name, scenes=options.people, false_alarms=FALSE_ALARMS,
            scores=scores, **common))
    if options.sheet is not None:
        sheet = signal_sheet(tested, deghoster, np.random.default_rng(options.seed + 2))
        write_png(options.sheet, sheet)
    return 0


def _common_fields(deghoster: Deghoster, tested: list[Place], seed: int) -> dict[str, Any]:
    return {
        'model': deghoster.model_name, 'sha256': deghoster.sha256,
        'hardware': processor(deghoster.device), 'device': deghoster.device,
        'precision': deghoster.precision, 'tone_map': deghoster.settings.tone_map,
        'panoramas': _panorama_names(tested), 'seed': seed}


def _panorama_names(found: list[Place]) -> list[str]:
    return [place.panorama.name for place in found]


def _count_parameters(net: StateNet) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--train', type=Path, required=True, help='panoramas of the lessons')
    parser.add_argument('--panoramas', type=Path, required=True, help='other ones, of the test')
    parser.add_argument('--only', nargs='+', choices=(SIGNALS, PEOPLE),
                        default=[SIGNALS, PEOPLE] if hasattr(cv2, 'HOGDescriptor') else [SIGNALS],
                        help='default: signals, and people where OpenCV has the detector')
    parser.add_argument('--model', default='auto', help='the model called fused')
    parser.add_argument('--lessons', type=int, default=900, help='scenes to train on')
    parser.add_argument('--scenes', type=int, default=180, help='traffic lights per situation')
    parser.add_argument('--people', type=int, default=32, help='scenes with people, likewise')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--record', type=Path, default=RECORD, help='file to write')
    parser.add_argument('--sheet', type=Path, help='.png with a scene of each situation')
    return parser.parse_args()


if __name__ == '__main__':
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
import json
import re

from ddfnet_ros.evaluation.evaluate import Statistic
from ddfnet_ros.evaluation.record import SCHEMA, Evaluation, Failure, Point, commit_of

METHODS = {'fused': {'psnr_mu': Statistic.of([40.0, 1 / 3 * 100])}}


def evaluation(**changes):
    return Evaluation(**{
        'hardware': 'a CPU', 'model': 'fast', 'sha256': {'fused': 'ab'}, 'device': 'cpu',
        'precision': 'float32', 'panoramas': ['a.exr'], 'scenes': 2, 'size': 64, 'seed': 1,
        'methods': METHODS, **changes})


def test_report_is_plain_json_with_its_provenance():
    read = json.loads(evaluation(
        points=[Point('noise', 0.1, METHODS)],
        failures=[Failure('noise', 'fused', 'psnr_mu', None, 0.1)]).to_json())
    assert read['schema'] == SCHEMA
    assert re.fullmatch(r'\d{4}-\d\d-\d\d', read['date'])
    assert read['methods']['fused']['psnr_mu'] == {
        'mean': 36.6667, 'spread': 3.33333, 'count': 2,
        'quartiles': [33.3333, 35, 36.6667, 38.3333, 40]}
    assert read['points'][0]['methods'] == read['methods']
    assert read['failures'] == [
        {'axis': 'noise', 'method': 'fused', 'metric': 'psnr_mu', 'below': None, 'above': 0.1}]


def test_a_folder_outside_of_any_checkout_has_no_commit(tmp_path):
    assert commit_of(tmp_path) == ''

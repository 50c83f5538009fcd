# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest
import torch

from ddfnet_ros.evaluation.flow import (
    FlowFileError,
    FlowSample,
    endpoint_errors,
    flow_table,
    flying_chairs,
    read_flo,
    synthetic_brackets,
)
from ddfnet_ros.flow.dis import DISFlow
from ddfnet_ros.images import write_exr
from ddfnet_ros.synthesis.panorama_bank import PanoramaBank
from ddfnet_ros.synthesis.scene_settings import SceneSettings
from ddfnet_ros.synthesis.scenes import SceneSource

SIZE = (64, 80)


def write_flo(path, flow) -> None:
    height, width = flow.shape[:2]
    path.write_bytes(np.float32(202021.25).tobytes() + np.int32([width, height]).tobytes()
                     + np.float32(flow).tobytes())


@pytest.fixture
def pairs(tmp_path):
    """A pair whose second picture is the first, 3 pixels further right."""
    noise = np.random.default_rng(1).uniform(0, 255, (20, 30, 3)).astype(np.uint8)
    wide = cv2.resize(noise, (100, SIZE[0]), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / '0-img0.ppm'), wide[:, 10:90])
    cv2.imwrite(str(tmp_path / '0-img1.ppm'), wide[:, 7:87])
    flow = np.zeros((*SIZE, 2))
    flow[..., 0] = 3
    write_flo(tmp_path / '0-gt.flo', flow)
    return tmp_path


def zero_flow(stack):
    return torch.zeros(stack.shape[0], stack.shape[1] - 1, 2, *stack.shape[-2:])


def test_the_error_is_the_distance_where_the_mask_is(pairs):
    [known] = flying_chairs(pairs)
    flow = known.flow.clone()
    flow[..., :10] = 0
    half = FlowSample(known.stack, flow, {'all': flow[:, :, 0] > -1, 'moving': flow[:, :, 0] > 0,
                                     'none': flow[:, :, 0] > 9})
    errors = endpoint_errors({'zero': zero_flow}, [half, half])['zero']
    assert errors['moving'].mean == pytest.approx(3)
    assert errors['all'].mean == pytest.approx(3 * 70 / 80)
    assert errors['all'].count == 2
    assert 'none' not in errors


def test_dis_sees_what_moves_in_flying_chairs(pairs):
    errors = endpoint_errors({'dis': DISFlow(), 'zero': zero_flow}, flying_chairs(pairs))
    assert errors['zero']['all'].mean == pytest.approx(3)
    assert errors['dis']['all'].mean < 1


def test_equal_seeds_give_equal_brackets(tmp_path):
    noise = np.random.default_rng(1).uniform(0.02, 1, (32, 64, 3)).astype(np.float32)
    write_exr(tmp_path / 'a.exr', noise.repeat(8, 0).repeat(8, 1))
    source = SceneSource(PanoramaBank(tmp_path), SceneSettings(size=48, max_motion=9.0))
    one, other = (list(synthetic_brackets(source, 2, seed=3)) for _ in range(2))
    assert all(torch.equal(a.stack, b.stack) for a, b in zip(one, other, strict=True))
    for known in one:
        assert known.stack.shape == (1, 3, 6, 48, 48)
        assert torch.equal(known.masks['clipped'], ~known.masks['not clipped'])


def test_motion_files_are_read_as_written(tmp_path):
    flow = np.random.default_rng(1).normal(size=(5, 7, 2)).astype(np.float32)
    write_flo(tmp_path / 'a.flo', flow)
    assert np.array_equal(read_flo(tmp_path / 'a.flo'), flow)


@pytest.mark.parametrize('data', [b'', b'PIEH', b'x' * 40, np.float32(202021.25).tobytes()
                                  + np.int32([9, 9]).tobytes()])
def test_a_damaged_motion_file_is_named(tmp_path, data):
    (tmp_path / 'a.flo').write_bytes(data)
    with pytest.raises(FlowFileError, match=r'a\.flo: expected a whole') as error:
        read_flo(tmp_path / 'a.flo')
    assert '\n' not in str(error.value)


def test_a_folder_without_pairs_is_named(tmp_path):
    with pytest.raises(FlowFileError, match='give the folder of FlyingChairs'):
        list(flying_chairs(tmp_path))


def test_the_table_has_a_row_for_each_estimator_of_each_set():
    error = {'mean': 2.25, 'spread': 1.0, 'count': 3, 'quartiles': []}
    table = flow_table({
        'endpoint_error': {'synthetic': {'DIS': {'all': error, 'clipped': error}},
                           'chairs': {'DIS': {'all': error}, 'none': {'all': error}}},
        'brackets': 3, 'size': 64, 'seed': 1, 'commit': 'abc', 'date': '2026-01-01'})
    assert '| synthetic | DIS | 2.25 ± 1.00 | 2.25 ± 1.00 |' in table
    assert '| chairs | none | 2.25 ± 1.00 | - |' in table
    assert table.count('| - |') == 2

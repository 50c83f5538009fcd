# SPDX-License-Identifier: Apache-2.0
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # pool_work

import pool_work

from ddfnet_ros.bags.ray_actors import RayActors


def test_ray_actors_that_die_are_replaced(tmp_path):
    ray = pytest.importorskip('ray')
    ray.cloudpickle.register_pickle_by_value(pool_work)
    with RayActors('local', 2, pool_work.work, gpus=False) as pool:
        pool_work.check_pool(pool, tmp_path)


def test_without_ray_the_remedy_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(ValueError, match=r'expected the package ray, got none; pip install'):
        RayActors('local', 1)

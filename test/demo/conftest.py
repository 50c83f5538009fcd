# SPDX-License-Identifier: Apache-2.0
import dataclasses
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # small_street, browser

from small_street import write_street

from ddfnet_ros.demo import score
from ddfnet_ros.demo.recording import Recording
from ddfnet_ros.demo.shots import Shot
from ddfnet_ros.demo.summary import Summary
from ddfnet_ros.evaluation.baselines import BASELINES


@pytest.fixture(scope='session')
def street(tmp_path_factory):
    """The path of a recording with its truth beside it."""
    return write_street(tmp_path_factory.mktemp('street'))


@pytest.fixture(scope='session')
def recording(street):
    return Recording.read(street)


@pytest.fixture(scope='session')
def shots(recording, street):
    """Shots that were fused perfectly."""
    return [_shot(number, bracket, score.read_truth(street.parent / 'truth', bracket))
            for number, bracket in enumerate(recording.brackets, 1)]


def _shot(number, bracket, truth):
    shortest = min(bracket.exposures)
    radiance = {name: fuse(bracket) * shortest for name, fuse in BASELINES.items()}
    shot = Shot(number=number, bracket=bracket, truth=truth.radiance, moving=truth.moving,
                radiance={**radiance, 'fused': truth.radiance},
                published=bracket.reference.pixels)
    return dataclasses.replace(shot, published=shot.picture('fused'))


@pytest.fixture
def good():
    """Figures that clear all bars."""
    return Summary(
        brackets_played=96, brackets_fused=95, brackets_per_second=5.9, rate=0.6,
        dropped={'superseded': 1}, latency_ms={'median': 80.0, 'p95': 120.0},
        psnr_mu={'reference': 30.0, 'static_merge': 31.0, 'fused': 33.0},
        psnr_mu_moving={'reference': 28.0, 'static_merge': 20.0, 'fused': 28.5},
        psnr_mu_clipped={'reference': 18.0, 'static_merge': 25.0, 'fused': 26.0},
        ghost_score={'reference': 0.02, 'static_merge': 0.2, 'fused': 0.0205},
        model='fast', device='cpu')

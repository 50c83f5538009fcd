# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.evaluation.baselines import ABSENT, BASELINES, PEERS

SHORTEST = 0.01


def ramp():
    return np.linspace(0.001, 1, 48 * 9).reshape(12, 12, 3)


@pytest.mark.parametrize('name', [n for n, peer in PEERS.items() if peer.output == 'radiance'])
def test_radiance_is_in_the_unit_of_eq_2(name, photograph):
    truth = ramp() / 4  # the reference does not clip
    radiance = PEERS[name](photograph([truth] * 3))
    np.testing.assert_allclose(radiance * SHORTEST, truth, rtol=2e-2, atol=1e-6)
    assert radiance.dtype == np.float32


@pytest.mark.parametrize('name', PEERS)
def test_grey_stays_grey(name, photograph):
    truth = ramp()[..., 0] / 4
    fused = PEERS[name](photograph([truth] * 3))
    assert fused.shape == truth.shape
    if PEERS[name].output == 'radiance':
        np.testing.assert_allclose(fused * SHORTEST, truth, rtol=2e-2)


@pytest.mark.parametrize('name', [n for n, peer in PEERS.items() if peer.output == 'image'])
def test_images_are_for_display(name, photograph):
    picture = PEERS[name](photograph([ramp()] * 3))
    assert picture.shape == (12, 12, 3)
    assert 0 <= picture.min() < picture.max() <= 1


@pytest.mark.parametrize('name', PEERS)
def test_any_number_of_frames_fuses(name, photograph, texture):
    times = (1.0, 2.0, 4.0, 8.0, 16.0)
    for count in (2, 5):
        bracket = photograph([texture[:24, :24]] * count, times[:count])
        assert np.isfinite(PEERS[name](bracket)).all()


def test_every_peer_has_a_source_or_a_reason():
    assert all(peer.source for peer in PEERS.values())
    assert all(ABSENT.values())
    assert not set(PEERS) & set(ABSENT)


def test_reference_only_clips_where_the_reference_does(photograph):
    radiance = BASELINES['reference'](photograph([np.full((2, 2, 3), 0.9)] * 3))
    np.testing.assert_allclose(radiance * SHORTEST, 0.25, rtol=1e-5)


def test_static_merge_sees_beyond_the_reference(photograph):
    radiance = BASELINES['static_merge'](photograph([np.full((2, 2, 3), 0.9)] * 3))
    np.testing.assert_allclose(radiance * SHORTEST, 0.9, rtol=1e-3)


def test_static_merge_shows_a_ghost_and_reference_only_does_not(photograph):
    dark, bright = np.full((2, 2, 3), 0.004), np.full((2, 2, 3), 0.03)
    moved = photograph([dark, dark, bright])
    assert (BASELINES['static_merge'](moved) * SHORTEST > 0.006).all()
    np.testing.assert_allclose(BASELINES['reference'](moved) * SHORTEST, 0.004, rtol=1e-3)

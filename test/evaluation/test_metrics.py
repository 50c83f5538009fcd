# SPDX-License-Identifier: Apache-2.0
"""Golden values come from plain NumPy written after the definitions, not from the code's parts."""

import numpy as np
import pytest

from ddfnet_ros.evaluation.metrics import clipped, ghost_score, measure, psnr_mu


@pytest.fixture
def pictures():
    """Truth, a noisy copy, a reference's LDR values and a mask of what moves."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[0:40, 0:56]
    truth = np.stack([0.5 + 0.4 * np.sin(x / 5), y / 60, 0.3 * np.ones_like(x)], -1)
    noisy = np.clip(truth * (1 + 0.1 * rng.standard_normal(truth.shape)), 0, 1)
    reference = np.clip((4 * truth) ** (1 / 2.2), 0, 1)
    moving = np.zeros((40, 56), bool)
    moving[5:20, 10:30] = True
    return [p.astype(np.float32) for p in (noisy, truth, reference)] + [moving]


def golden_mu(x):
    return np.log(1 + 5000 * np.clip(x.astype(np.float64), 0, 1)) / np.log(5001)


def golden_psnr(a, b):
    return 10 * np.log10(1 / np.mean((a - b) ** 2))


def golden_ssim(a, b):
    """Wang et al. 2004 for one channel; pictures are mirrored at their edges."""
    a, b = np.pad(a, 5, 'reflect'), np.pad(b, 5, 'reflect')
    offsets = np.arange(11) - 5
    line = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    def local(x):
        return (np.lib.stride_tricks.sliding_window_view(x, (11, 11)) * window).sum((2, 3))
    mean_a, mean_b = local(a), local(b)
    var_a, var_b = local(a * a) - mean_a**2, local(b * b) - mean_b**2
    covariance = local(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    index = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)
             / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)))
    return index.mean()


def test_psnr_equals_the_definition_in_both_domains(pictures):
    noisy, truth, reference, moving = pictures
    found = measure(noisy, truth, reference, moving)
    assert found['psnr_l'] == pytest.approx(golden_psnr(noisy, truth), abs=1e-3)
    assert found['psnr_mu'] == pytest.approx(
        golden_psnr(golden_mu(noisy), golden_mu(truth)), abs=1e-3)


def test_ssim_equals_the_definition_in_both_domains(pictures):
    noisy, truth, reference, moving = pictures
    found = measure(noisy, truth, reference, moving)
    for name, domain in (('ssim_l', lambda x: x.astype(np.float64)), ('ssim_mu', golden_mu)):
        a, b = domain(noisy), domain(truth)
        golden = np.mean([golden_ssim(a[..., c], b[..., c]) for c in range(3)])
        assert found[name] == pytest.approx(golden, abs=1e-3), name


def test_masked_psnr_looks_at_its_own_pixels_only(pictures):
    noisy, truth, reference, moving = pictures
    found = measure(noisy, truth, reference, moving)
    error = (golden_mu(noisy) - golden_mu(truth)) ** 2
    brightest = reference.max(-1)
    masks = {'moving': moving, 'dim': (brightest >= 0.1) & (brightest < 0.3),
             'bright': (brightest >= 0.3) & (brightest < 0.95), 'clipped': brightest >= 0.95}
    for name, mask in masks.items():
        if mask.any():
            golden = -10 * np.log10(error[mask].mean())
            assert found[f'psnr_mu_{name}'] == pytest.approx(golden, abs=1e-3), name
        else:
            assert f'psnr_mu_{name}' not in found


def test_brightness_classes_cover_every_pixel_once():
    levels = np.linspace(0, 1, 96).reshape(8, 12)
    reference = np.repeat(levels[..., None], 3, -1)
    truth = np.zeros((8, 12, 3))
    judged = truth + 0.01
    found = measure(judged, truth, reference, np.zeros((8, 12), bool))
    names = ('dark', 'dim', 'bright', 'clipped')
    assert all(found[f'psnr_mu_{name}'] == pytest.approx(found['psnr_mu']) for name in names)


def test_each_class_is_split_by_motion(pictures):
    noisy, truth, reference, moving = pictures
    found = measure(noisy, truth, reference, moving)
    error = (golden_mu(noisy) - golden_mu(truth)) ** 2
    white = clipped(reference)
    for name, mask in (('clipped_still', white & ~moving), ('clipped_moving', white & moving)):
        assert found[f'psnr_mu_{name}'] == pytest.approx(-10 * np.log10(error[mask].mean()))


def test_empty_masks_and_small_pictures_are_left_out():
    picture = np.full((8, 8, 3), 0.5)
    found = measure(picture, picture, picture, np.zeros((8, 8), bool))
    assert set(found) == {'psnr_mu', 'psnr_l', 'psnr_mu_bright', 'psnr_mu_bright_still'}
    assert psnr_mu(picture, picture, np.zeros((8, 8), bool)) is None


def test_equal_pictures_reach_the_limit_not_infinity():
    picture = np.full((8, 8, 3), 0.5)
    assert psnr_mu(picture, picture) == 100.0


def test_values_above_white_count_as_white():
    truth = np.ones((4, 4, 3))
    assert psnr_mu(truth * 7, truth) == 100.0


def test_ghost_score_of_the_reference_is_its_noise_floor(pictures):
    noisy, truth, _, moving = pictures
    golden = np.abs(golden_mu(noisy) - golden_mu(truth))[moving].mean()
    assert ghost_score(noisy, truth, moving) == pytest.approx(golden, rel=1e-3)


def test_a_ghost_adds_its_contrast_times_its_share(pictures):
    _, truth, _, moving = pictures
    ghost = golden_mu(truth)
    ghost[5:20, 10:12] += 0.05  # a tenth of the moving pixels
    radiance = np.expm1(ghost * np.log(5001)) / 5000
    keep = moving & (radiance.max(-1) < 1)
    share = (keep[:, 10:12].sum()) / keep.sum()
    assert ghost_score(radiance, truth, keep) == pytest.approx(0.05 * share, rel=1e-3)


def test_ghosts_are_not_looked_for_where_the_reference_is_clipped(pictures):
    _, truth, _, moving = pictures
    reference = np.full((40, 56, 3), 0.5, np.float32)
    reference[:, 20:] = 1.0
    wrong = truth.copy()
    wrong[:, 20:] = 0
    assert measure(wrong, truth, reference, moving)['ghost_score'] == 0


def test_a_halo_is_an_error_where_the_reference_is_clipped_and_something_moves(pictures):
    _, truth, _, moving = pictures
    reference = np.full((40, 56, 3), 0.5, np.float32)
    reference[:, 20:] = 1.0
    judged = golden_mu(truth) / 2
    judged[moving & (reference[..., 0] == 1)] += 0.04
    wrong = np.expm1(judged * np.log(5001)) / 5000
    right = np.expm1(golden_mu(truth) / 2 * np.log(5001)) / 5000
    assert measure(wrong, right, reference, moving)['halo_score'] == pytest.approx(0.04, rel=1e-3)
    assert 'halo_score' not in measure(wrong, right, reference * 0.9, moving)


def test_a_pixel_is_clipped_when_one_channel_is():
    reference = np.array([[[0.2, 0.2, 0.96], [0.94, 0.94, 0.94]]])
    assert clipped(reference).tolist() == [[True, False]]

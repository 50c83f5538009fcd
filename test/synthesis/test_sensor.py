# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
import torch

from ddfnet_ros.radiance import correct
from ddfnet_ros.synthesis.sensor import Sensor, expose

PERFECT = Sensor(electrons=0.0, read_noise=0.0, levels=0.0)
EXPOSURE = torch.tensor([[4.0, 1.0, 16.0]])


def grey(value: float, size: int = 4) -> torch.Tensor:
    return torch.full((1, 3, 3, size, size), value)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_perfect_sensor_is_undone_by_equation_2():
    ldr = expose(grey(0.05), EXPOSURE, PERFECT)
    torch.testing.assert_close(correct(ldr, EXPOSURE), grey(0.05))


def test_light_above_white_clips():
    assert (expose(grey(0.3), EXPOSURE, PERFECT)[0, [0, 2]] == 1).all()


def test_shot_noise_grows_with_the_square_root_of_light():
    noisy = Sensor(electrons=1000.0, read_noise=0.0, levels=0.0, gamma=1.0)
    frames = expose(grey(0.04, 256), EXPOSURE, noisy, generator())
    deviation = frames.std(dim=(2, 3, 4))[0]
    expected = (0.04 * EXPOSURE[0] / 1000).sqrt()
    torch.testing.assert_close(deviation, expected, rtol=0.02, atol=0)


def test_read_noise_is_what_a_dark_frame_shows():
    noisy = Sensor(electrons=0.0, read_noise=0.01, levels=0.0, gamma=1.0)
    frames = expose(grey(0.02, 256), EXPOSURE, noisy, generator())
    assert frames[0, 0].std().item() == pytest.approx(0.01, rel=0.02)


def test_quantisation_leaves_the_levels_of_8_bits():
    frames = expose(torch.rand(1, 3, 3, 8, 8, generator=generator()), EXPOSURE,
                    Sensor(electrons=0.0, read_noise=0.0))
    assert torch.allclose((frames * 255).round(), frames * 255, atol=1e-3)


def test_knee_compresses_highlights_only():
    soft = Sensor(electrons=0.0, read_noise=0.0, levels=0.0, gamma=1.0, knee=0.8)
    dark, bright = (expose(grey(v), torch.ones(1, 3), soft)[0, 0, 0, 0, 0].item()
                    for v in (0.7, 0.95))
    assert dark == pytest.approx(0.7)
    assert 0.8 < bright < 0.95


def test_clean_camera_keeps_its_response_and_exposure_error():
    sensor = Sensor(gamma=2.0, exposure_error=1.1)
    frames = expose(grey(0.02), EXPOSURE, sensor.clean)
    assert frames[0, 0, 0, 0, 0].item() == pytest.approx((0.08 * 1.1) ** 0.5)


def test_gain_trades_electrons_for_noise():
    plain, amplified = (Sensor(electrons=1000.0, read_noise=0.01, levels=0.0, gamma=1.0, gain=g)
                        for g in (1.0, 4.0))
    dark, bright = grey(0.0, 256) + 0.1, grey(0.02, 256)

    def variance(sensor, radiance, black):
        sensor = replace(sensor, black=black)
        return expose(radiance, EXPOSURE, sensor, generator())[0, 0].var().item()

    assert variance(amplified, bright, 0.2) == pytest.approx(0.08 * 4 / 1000 + 0.04**2, rel=0.03)
    assert variance(plain, dark, 0.2) == pytest.approx(0.4 / 1000 + 0.01**2, rel=0.03)


def test_black_level_lifts_every_frame_alike_and_stays_in_the_clean_camera():
    lifted = replace(PERFECT, gamma=1.0, black=0.01)
    for sensor in (lifted, lifted.clean):
        frames = expose(grey(0.02), EXPOSURE, sensor)[0, :, 0, 0, 0]
        assert frames.tolist() == pytest.approx([0.09, 0.03, 0.33])


def test_black_level_below_zero_is_cut_off():
    assert (expose(grey(0.0), EXPOSURE, replace(PERFECT, black=-0.01)) == 0).all()


def test_hot_pixels_stay_in_place_and_fill_with_the_exposure():
    sensor = replace(PERFECT, gamma=1.0, hot_pixels=0.01)
    frames = expose(grey(0.0, 128), EXPOSURE, sensor, generator())[0]
    assert torch.equal(frames[1] > 0, frames[2] > 0)
    assert (frames[1] > 0).float().mean().item() == pytest.approx(0.01, rel=0.2)
    torch.testing.assert_close(frames[2], 16 * frames[1])
    assert (expose(grey(0.0), EXPOSURE, replace(sensor, hot_pixels=1.0).clean) == 0).all()


def test_mosaic_leaves_flat_fields_and_blurs_detail_only_in_its_scenes():
    mosaic = torch.tensor([0.0, 1.0])[:, None, None, None, None]
    sensor = replace(PERFECT, gamma=1.0, mosaic=mosaic)
    light = torch.rand((1, 3, 3, 8, 8), generator=generator()).expand(2, -1, -1, -1, -1)
    frames = expose(light, torch.ones(2, 3), sensor)
    torch.testing.assert_close(frames[0], light[0])
    assert (frames[1] - light[1]).abs().max() > 0.1
    flat = expose(grey(0.05).expand(2, -1, -1, -1, -1), torch.ones(2, 3), sensor)
    torch.testing.assert_close(flat, torch.full_like(flat, 0.05))


def test_mosaic_makes_neighbouring_noise_alike():
    noisy = Sensor(electrons=0.0, read_noise=0.01, levels=0.0, gamma=1.0, mosaic=1.0)
    frame = expose(grey(0.1, 64), torch.ones(1, 3), noisy, generator())[0, 0, 0] - 0.1
    assert (frame[:, 1:] * frame[:, :-1]).mean() > 0.2 * frame.var()


def test_each_scene_has_its_own_quality_of_jpeg():
    quality = torch.tensor([0.0, 95.0, 20.0])[:, None, None, None, None]
    light = torch.rand((1, 3, 1, 32, 32), generator=generator()).expand(3, -1, 3, -1, -1)
    exposed = [expose(light, torch.ones(3, 3), replace(PERFECT, jpeg=q)) for q in (0.0, quality)]
    errors = (exposed[1] - exposed[0]).abs().mean(dim=(1, 2, 3, 4))
    assert errors[0] == 0
    assert 0 < errors[1] < 0.5 * errors[2]


def test_exponent_per_scene_equals_that_of_one_camera():
    light = torch.rand((2, 3, 3, 8, 8), generator=generator())
    light[:, :, :, 0, 0] = 0
    gamma = torch.tensor([2.2, 1.8])[:, None, None, None, None]
    both = expose(light, torch.ones(2, 3), replace(PERFECT, gamma=gamma))
    for k, one in enumerate((2.2, 1.8)):
        alone = expose(light[k:k + 1], torch.ones(1, 3), replace(PERFECT, gamma=one))
        torch.testing.assert_close(both[k:k + 1], alone)


def test_light_that_the_lens_holds_back_is_missing_in_the_clean_camera_too():
    shading = torch.linspace(1, 0.5, 4)[None, None, None, None]
    frames = expose(grey(0.05), EXPOSURE, replace(PERFECT, gamma=1.0, shading=shading).clean)
    torch.testing.assert_close(frames[0, 0, 0, 0], 0.2 * shading.flatten())


def test_exposing_leaves_the_light_as_it_is():
    light = torch.rand((2, 3, 3, 16, 16), generator=generator())
    kept = light.clone()
    few = torch.tensor([0.0, 1.0])[:, None, None, None, None]
    sensor = Sensor(mosaic=few, knee=1 - 0.2 * few, contrast=few, jpeg=90 * few)
    expose(light, torch.ones(2, 3), sensor)
    assert torch.equal(light, kept)


def test_equal_seeds_take_equal_frames():
    shots = [expose(grey(0.1), EXPOSURE, Sensor(), generator()) for _ in range(2)]
    assert torch.equal(*shots)


def test_negative_radiance_gives_a_number():
    assert torch.isfinite(expose(grey(-0.1), EXPOSURE, Sensor(), generator())).all()

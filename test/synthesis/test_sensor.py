# SPDX-License-Identifier: Apache-2.0
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


def test_equal_seeds_take_equal_frames():
    shots = [expose(grey(0.1), EXPOSURE, Sensor(), generator()) for _ in range(2)]
    assert torch.equal(*shots)


def test_negative_radiance_gives_a_number():
    assert torch.isfinite(expose(grey(-0.1), EXPOSURE, Sensor(), generator())).all()

# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from ddfnet_ros.synthesis.flicker import pulsed_light, random_flicker


def light(periods: float, phase: float, duty: float = 0.25) -> float:
    return pulsed_light(*(torch.tensor(v) for v in (periods, duty, phase))).item()


def test_short_exposure_between_two_pulses_finds_the_lamp_dark():
    assert light(0.1, phase=0.5) == 0


def test_short_exposure_within_a_pulse_finds_it_brighter_than_its_mean():
    assert light(0.1, phase=0.05) == pytest.approx(4)


def test_exposure_of_whole_periods_sees_the_mean_whenever_it_begins():
    assert [light(3.0, phase) for phase in (0.0, 0.1, 0.7)] == pytest.approx([1, 1, 1])


def test_mean_over_all_beginnings_is_the_mean():
    phases = torch.linspace(0, 1, 10001)[:-1]
    seen = pulsed_light(torch.tensor(0.37), torch.tensor(0.3), phases)
    assert seen.mean().item() == pytest.approx(1, rel=1e-3)


def test_lamps_are_dark_in_short_exposures_only():
    exposure = torch.tensor([[4.0, 1.0, 64.0]])
    lamp = torch.ones((1, 4000), dtype=torch.bool)
    seen = random_flicker(lamp, exposure, torch.Generator().manual_seed(1))[0]
    dark = (seen < 0.05).float().mean(dim=0)
    assert dark[1] > 0.02
    assert dark[2] < 0.2 * dark[1]
    steady = (seen == 1).all(dim=-1).float().mean().item()
    assert steady == pytest.approx(0.6, abs=0.05)


def test_other_layers_never_flicker():
    exposure = torch.tensor([[4.0, 1.0, 16.0]])
    lamp = torch.zeros((1, 50), dtype=torch.bool)
    assert (random_flicker(lamp, exposure, torch.Generator().manual_seed(1)) == 1).all()

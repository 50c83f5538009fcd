# SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ddfnet_ros.radiance import (
    correct,
    encode,
    input_stack,
    linearise,
    relative_exposures,
)
from ddfnet_ros.settings import RadianceSettings

RESPONSES = RadianceSettings.__dataclass_fields__['response'].metadata['choices']

unit = st.floats(0, 1, width=32)


@given(value=unit, gamma=st.floats(1.0, 4.0), response=st.sampled_from(RESPONSES))
def test_encode_undoes_linearise(value, gamma, response):
    v = torch.tensor([value], dtype=torch.float64)
    there_and_back = encode(linearise(v, response, gamma), response, gamma)
    torch.testing.assert_close(there_and_back, v, atol=2e-4, rtol=0)


@given(low=unit, high=unit, response=st.sampled_from(RESPONSES))
def test_responses_rise_from_black_to_white(low, high, response):
    low, high = min(low, high), max(low, high)
    curve = linearise(torch.tensor([0.0, low, high, 1.0], dtype=torch.float64), response)
    assert curve[0] == 0
    assert curve[3] == pytest.approx(1)
    assert curve[1] <= curve[2]


# IEC 61966-2-1 and ITU-R BT.709: values worked out by hand from the standards' equations.
@pytest.mark.parametrize(('response', 'value', 'linear'), [
    ('gamma', 0.5, 0.21763764),
    ('srgb', 0.5, 0.21404114),
    ('srgb', 0.02, 0.00154799),
    ('bt709', 0.5, 0.25958940),
    ('bt709', 0.05, 0.01111111),
    ('linear', 0.5, 0.5),
])
def test_responses_give_the_standards_numbers(response, value, linear):
    assert linearise(torch.tensor(value), response).item() == pytest.approx(linear, rel=1e-5)


def test_values_outside_the_range_are_clipped():
    assert linearise(torch.tensor([-1.0, 2.0])).tolist() == [0, 1]
    assert encode(torch.tensor([-1.0, 2.0])).tolist() == [0, 1]


@pytest.mark.parametrize('curve', [linearise, encode])
def test_unknown_response_names_the_known_ones(curve):
    with pytest.raises(ValueError, match='gamma, srgb, bt709, linear, got \'log\''):
        curve(torch.tensor(0.5), 'log')


def test_exposures_are_relative_to_the_shortest():
    assert relative_exposures([0.02, 0.005, 0.08]).tolist() == pytest.approx([4, 1, 16])


@pytest.mark.parametrize('exposure', [0.0, -1.0, float('nan')])
def test_exposure_that_is_not_positive_is_refused(exposure):
    with pytest.raises(ValueError, match='check exposure_times'):
        relative_exposures([1.0, exposure])


def test_one_pixel_of_eq_2():
    ldr = torch.tensor([0.2, 0.5, 1.0]).reshape(1, 3, 1, 1)
    corrected = correct(ldr, torch.tensor([4.0]))
    assert corrected.flatten().tolist() == pytest.approx(
        [0.2**2.2 / 4, 0.5**2.2 / 4, 0.25], rel=1e-5)


def test_each_frame_is_divided_by_its_own_exposure_in_every_scene():
    ldr = torch.ones(2, 3, 3, 4, 5)
    exposure = torch.tensor([[1.0, 2.0, 4.0], [1.0, 5.0, 25.0]])
    torch.testing.assert_close(correct(ldr, exposure)[:, :, 0, 0, 0], 1 / exposure)


def test_stack_holds_the_frame_then_the_corrected_frame():
    ldr = torch.rand(3, 3, 4, 5)
    exposure = torch.tensor([4.0, 1.0, 16.0])
    stack = input_stack(ldr, exposure, 'srgb')
    assert stack.shape == (3, 6, 4, 5)
    torch.testing.assert_close(stack[:, :3], ldr)
    torch.testing.assert_close(stack[:, 3:], correct(ldr, exposure, 'srgb'))

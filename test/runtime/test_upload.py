# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.runtime import upload
from ddfnet_ros.runtime.preparation import stack_of
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.runtime.upload import crosses_as_bits, upload_stack
from ddfnet_ros.settings import RadianceSettings

RESPONSES = RadianceSettings.__dataclass_fields__['response'].metadata['choices']
STAGE = Stage('prepare', torch.device('cpu'))


def bracket(dtype, shape=(9, 14, 3), exposures=(0.5, 1.0, 3.0)):
    random = np.random.default_rng(5)
    frames = []
    for exposure in exposures:
        pixels = random.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
        pixels.flat[:2] = 0, np.iinfo(dtype).max
        frames.append(Frame(pixels=pixels, exposure_time=exposure))
    return Bracket.of(frames)


def assert_alike(given, settings, padded):
    found = upload_stack(given, settings, padded, STAGE)
    expected = stack_of(given, settings, padded)
    assert found.dtype == torch.float32
    assert found.is_contiguous()
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize('response', RESPONSES)
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_what_crosses_as_bits_becomes_the_same_stack(dtype, response):
    assert_alike(bracket(dtype), RadianceSettings(response=response, gamma=2.4), (9, 14))


@pytest.mark.parametrize('shape', [(9, 14), (9, 14, 3), (1, 1), (1, 1, 3)])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_grey_is_repeated_and_edges_too(dtype, shape):
    assert_alike(bracket(dtype, shape), RadianceSettings(), (16, 24))


@pytest.mark.parametrize('count', [2, 5, 9])
def test_any_number_of_frames_in_the_networks_order(count):
    exposures = [0.001 * 3**k for k in range(count)]
    assert_alike(bracket(np.uint8, exposures=exposures), RadianceSettings(), (9, 14))


def test_strided_views_of_a_message_are_taken_as_they_are():
    whole = bracket(np.uint16, (20, 30, 3))
    views = Bracket.of(Frame(pixels=frame.pixels[2:12, ::2, ::-1], exposure_time=frame.exposure)
                       for frame in whole.frames)
    assert_alike(views, RadianceSettings(), (16, 16))


def test_float_frames_go_another_way():
    pixels = np.zeros((2, 2), np.float32)
    assert not crosses_as_bits(Bracket.of(Frame(pixels=pixels, exposure_time=t) for t in (1, 2)))
    assert crosses_as_bits(bracket(np.uint8))


def test_no_value_is_asked_for_on_the_way_into_a_stack():
    pixels = torch.empty((3, 16, 24, 1), dtype=torch.int16, device='meta')
    stack = upload._look_up(pixels, torch.empty((3, 65536, 2), device='meta'))
    assert (stack.shape, stack.device.type) == ((1, 3, 6, 16, 24), 'meta')

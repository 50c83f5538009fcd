# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.radiance import input_stack, relative_exposures
from ddfnet_ros.runtime.preparation import stack_of
from ddfnet_ros.settings import RadianceSettings

RESPONSES = RadianceSettings.__dataclass_fields__['response'].metadata['choices']

EXPOSURES = (0.5, 1.0, 3.0)


def random_bracket(dtype, shape):
    rng = np.random.default_rng(3)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    return Bracket.of(
        Frame(pixels=(rng.random(shape) * top).astype(dtype), exposure_time=t) for t in EXPOSURES
    )


@pytest.mark.parametrize('response', RESPONSES)
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
def test_tables_equal_the_equations(dtype, response):
    bracket = random_bracket(dtype, (6, 8, 3))
    settings = RadianceSettings(response=response, gamma=2.0)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    ldr = torch.stack([
        torch.from_numpy(f.pixels.astype(np.float32) / top).permute(2, 0, 1)
        for f in bracket.reference_first
    ])
    exposures = relative_exposures([f.exposure for f in bracket.reference_first])
    expected = input_stack(ldr, exposures, response, 2.0)
    torch.testing.assert_close(stack_of(bracket, settings, (6, 8))[0], expected)


def test_reference_comes_first_then_short_to_long():
    frames = [
        Frame(pixels=np.full((2, 2, 3), level, np.uint8), exposure_time=t)
        for level, t in zip((51, 102, 204), EXPOSURES, strict=True)
    ]
    stack = stack_of(Bracket.of(frames), RadianceSettings(response='linear'), (2, 2))
    assert stack[0, :, 0, 0, 0].tolist() == pytest.approx([0.4, 0.2, 0.8])
    assert stack[0, :, 3, 0, 0].tolist() == pytest.approx([0.2, 0.2, 0.8 / 6])


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
def test_padding_repeats_the_last_row_and_column(dtype):
    bracket = random_bracket(dtype, (5, 7, 3))
    plain, padded = (stack_of(bracket, RadianceSettings(), size) for size in ((5, 7), (8, 12)))
    torch.testing.assert_close(padded[..., :5, :7], plain)
    expected = plain[..., 4:5, 6:7].expand(-1, -1, -1, 3, 5)
    torch.testing.assert_close(padded[..., 5:, 7:], expected)


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_grey_is_repeated_into_three_channels(dtype):
    grey = random_bracket(dtype, (4, 6))
    colour = Bracket.of(
        Frame(pixels=np.repeat(f.pixels[..., None], 3, -1), exposure_time=f.exposure)
        for f in grey.frames
    )
    stacks = (stack_of(b, RadianceSettings(response='srgb'), (4, 8)) for b in (grey, colour))
    torch.testing.assert_close(*stacks)


def test_float_pixels_outside_the_range_are_clipped():
    frames = [
        Frame(pixels=np.array([[-0.2, 1.2]], np.float32), exposure_time=t) for t in (1.0, 2.0)
    ]
    stack = stack_of(Bracket.of(frames), RadianceSettings(), (1, 2))
    assert stack[0, 0, 0].tolist() == [[0.0, 1.0]]
    assert stack[0, 0, 3].tolist() == [[0.0, 1.0]]

# SPDX-License-Identifier: Apache-2.0
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ddfnet_ros.settings import RadianceSettings
from ddfnet_ros.tonemap import inverse_mu_law, luminance, mu_law, tone_map

OPERATORS = ('mu', 'mu_colour', 'reinhard', 'drago', 'key')
radiances = st.floats(0, 1, width=32)


def picture(*values):
    """A grey RGB picture, one row."""
    return torch.tensor(values).expand(3, 1, -1).clone()


@given(low=radiances, high=radiances, mu=st.floats(1, 1e6))
def test_mu_law_rises_from_zero_to_one(low, high, mu):
    low, high = min(low, high), max(low, high)
    curve = mu_law(torch.tensor([0.0, low, high, 1.0], dtype=torch.float64), mu)
    assert curve[0] == 0
    assert curve[3] == pytest.approx(1)
    assert curve[1] <= curve[2]


@given(value=radiances, mu=st.floats(1, 1e6))
def test_mu_law_is_inverted(value, mu):
    v = torch.tensor([value], dtype=torch.float64)
    torch.testing.assert_close(inverse_mu_law(mu_law(v, mu), mu), v)


def test_mu_law_of_one_pixel():
    # Eq. 8 by hand: ln(1 + 5000 * 0.1) / ln(5001) = ln 501 / ln 5001
    assert mu_law(torch.tensor(0.1)).item() == pytest.approx(6.2166061 / 8.5173932, rel=1e-5)


def test_mu_colour_of_one_pixel():
    # ln(1 + 5000 * 0.1) / ln 5001 for red; green is a quarter of it, on a display of gamma 2.2.
    red = torch.tensor([0.1, 0.025, 0.0]).reshape(3, 1, 1)
    out = tone_map(red, RadianceSettings(tone_map='mu_colour')).flatten().tolist()
    top = 6.2166061 / 8.5173932
    assert out == pytest.approx([top, top * 0.25 ** (1 / 2.2), 0], rel=1e-4)


@pytest.mark.parametrize('brightness', [0.1, 1.0, 300.0])
def test_mu_colour_keeps_the_hue_of_a_lamp_that_mu_makes_pale(brightness):
    lamp = brightness * torch.tensor([1.0, 0.1, 0.05]).reshape(3, 1, 1)
    settings = RadianceSettings(tone_map='mu_colour')
    shown = tone_map(lamp, settings) ** 2.2  # as a display emits it
    torch.testing.assert_close(shown / shown.amax(), lamp / brightness, rtol=1e-3, atol=0)
    pale = tone_map(lamp, RadianceSettings(tone_map='mu')) ** 2.2
    assert (pale[1] / pale[0]).item() > 0.3


def test_luminance_is_bt709():
    rgb = torch.tensor([1.0, 0.5, 0.25]).reshape(3, 1, 1)
    assert luminance(rgb).item() == pytest.approx(0.2126 + 0.3576 + 0.01805)


def test_key_maps_the_log_average_to_the_key():
    # The geometric mean of 0.01 and 0.04 is 0.02; display gamma is 2.2.
    out = tone_map(picture(0.01, 0.04), RadianceSettings(tone_map='key', key=0.18))
    assert out[0, 0].tolist() == pytest.approx(
        [(0.18 / 2) ** (1 / 2.2), (0.18 * 2) ** (1 / 2.2)], rel=2e-3)


def test_reinhard_of_two_pixels():
    # Scaled by key / log-average: 0.09 and 0.36; white is 0.36, which burns out to 1.
    out = tone_map(picture(0.01, 0.04), RadianceSettings(tone_map='reinhard', key=0.18))
    display = 0.09 * (1 + 0.09 / 0.36**2) / (1 + 0.09)
    assert out[0, 0].tolist() == pytest.approx([display ** (1 / 2.2), 1.0], rel=3e-3)


def test_drago_of_two_pixels():
    # Over the log-average: 0.5 and 2. At the peak the base is 10, so it maps to 1.
    out = tone_map(picture(0.01, 0.04), RadianceSettings(tone_map='drago'))
    base = 2 + 8 * 0.25 ** (math.log(0.85) / math.log(0.5))
    display = math.log(1.5) / math.log(base) / math.log10(3)
    assert out[0, 0].tolist() == pytest.approx([display ** (1 / 2.2), 1.0], rel=3e-3)


@pytest.mark.parametrize('operator', OPERATORS)
def test_brighter_stays_brighter(operator):
    ramp = torch.logspace(-5, 0, 200).expand(3, 1, -1)
    out = tone_map(ramp, RadianceSettings(tone_map=operator))
    assert (out.diff(dim=-1) >= 0).all()
    assert out[0, 0, 0] < out[0, 0, -1] - 0.5


@pytest.mark.parametrize('operator', OPERATORS)
@pytest.mark.parametrize('values', [(0.0, 0.0), (0.0, 1e9), (1e-12, 1e-12), (-5.0, 1e30)])
def test_zero_and_huge_radiance_stay_finite(operator, values):
    out = tone_map(picture(*values), RadianceSettings(tone_map=operator))
    assert torch.isfinite(out).all()
    assert (out >= 0).all()
    assert (out <= 1).all()


@pytest.mark.parametrize('operator', ['reinhard', 'drago', 'key'])
def test_adaptive_operators_do_not_depend_on_the_unit(operator):
    scene = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(1))
    settings = RadianceSettings(tone_map=operator)
    torch.testing.assert_close(
        tone_map(scene * 3000, settings), tone_map(scene, settings), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize('operator', OPERATORS)
def test_grey_is_mapped_as_colour_without_chroma(operator):
    grey = torch.rand(1, 6, 7, generator=torch.Generator().manual_seed(2))
    settings = RadianceSettings(tone_map=operator)
    colour = tone_map(grey.expand(3, -1, -1), settings)
    torch.testing.assert_close(tone_map(grey, settings).expand(3, -1, -1), colour,
                               atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('operator', OPERATORS)
def test_pictures_of_a_batch_do_not_influence_each_other(operator):
    batch = torch.rand(2, 3, 5, 5) * torch.tensor([1.0, 0.01])[:, None, None, None]
    settings = RadianceSettings(tone_map=operator)
    torch.testing.assert_close(tone_map(batch, settings)[1], tone_map(batch[1], settings))


def test_a_sun_does_not_darken_the_scene_to_nothing():
    scene = torch.full((3, 100, 100), 0.1)
    scene[:, 0, 0] = 1e5
    out = tone_map(scene, RadianceSettings(tone_map='key'))
    assert out[0, 50, 50] > 0.3

# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.results.shares import Clipping, clipping, ghost_share
from ddfnet_ros.settings import RadianceSettings

from .conftest import WHITE


def with_reference(deghosted, pixels):
    """The result, as if its reference frame had been another."""
    frames = list(deghosted.bracket.frames)
    frames[1] = dataclasses.replace(frames[1], pixels=pixels)
    return dataclasses.replace(deghosted, bracket=Bracket(tuple(frames), 1))


@pytest.mark.parametrize(('dtype', 'white'), [
    (np.uint8, 255), (np.uint16, 65535), (np.float32, 1.0)])
def test_a_pixel_with_one_clipped_channel_is_clipped_before(deghosted, dtype, white):
    pixels = np.zeros((40, 48, 3), dtype)
    pixels[:10, :, 2] = white
    result = with_reference(deghosted(), pixels)
    assert clipping(result, RadianceSettings()) == Clipping(before=0.25, after=0.0)


def test_what_the_shortest_exposure_cannot_tell_is_clipped_after(deghosted):
    radiance = np.full((40, 48), 0.9 * WHITE, np.float32)
    radiance[:, :12] = WHITE
    result = deghosted(radiance=radiance)
    assert clipping(result, RadianceSettings()).after == 0.25


def test_the_response_tells_from_which_radiance_on_a_pixel_is_clipped(deghosted):
    result = deghosted(radiance=np.full((40, 48), 0.97 * WHITE, np.float32))
    assert clipping(result, RadianceSettings()).after == 1.0
    assert clipping(result, RadianceSettings(response='linear')).after == 0.0


def test_shares_of_large_pictures_are_close_though_only_sampled(deghosted):
    radiance = np.zeros((1080, 1920), np.float32)
    radiance[:, 1200:] = WHITE
    result = deghosted(size=(1080, 1920), radiance=radiance)
    assert clipping(result, RadianceSettings()).after == pytest.approx(720 / 1920, abs=2e-3)


def test_what_any_exposure_shows_elsewhere_would_ghost(deghosted):
    motion = np.zeros((2, 40, 48, 2), np.float32)
    motion[0, :10, :, 0] = -2
    motion[1, 10:20, :, 1] = 2
    motion[:, 20:] = 0.5
    assert ghost_share(deghosted(motion=motion), threshold=1.0) == 0.5

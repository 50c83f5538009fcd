# SPDX-License-Identifier: Apache-2.0
"""Each kernel beside its counterpart in torch, on random brackets, in bands."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ddfnet_ros import merge
from ddfnet_ros.flow.pairs import common_range
from ddfnet_ros.flow.warp import warp
from ddfnet_ros.network import fast
from ddfnet_ros.network.fast_core import FLOW_UNIT, MOST, summarise
from ddfnet_ros.runtime import halo
from ddfnet_ros.settings import RadianceSettings
from ddfnet_ros.tonemap import LUMINANCE, luminance, mu_law, tone_map

pytest.importorskip('numba')

from ddfnet_ros.kernels import blending, describing, grey, mending, showing
from ddfnet_ros.kernels.levels import Levels

MU = np.float32(5000)
SIZES = [(8, 8), (72, 40), (136, 24)]


class Case:
    """A bracket as the kernels and as torch have it."""

    def __init__(self, seed, size, least_reference=0, dtype=np.uint8):
        rng = np.random.default_rng(seed)
        height, width = size
        count = int(rng.integers(2, 10))
        top = int(np.iinfo(dtype).max)
        pixels = rng.integers(0, top + 1, (count, *size, 3)).astype(dtype)
        pixels[0][rng.random((*size, 3)) < 0.5] = top
        self.reference_index = int(rng.integers(least_reference, count))
        exposures = np.sort(2.0 ** rng.integers(0, 6, count))
        order = [self.reference_index, *(k for k in range(count) if k != self.reference_index)]
        values = np.linspace(0, 1, top + 1) ** 2.2
        linear = np.stack([values / exposures[k] for k in order]).astype(np.float32)
        self.levels = Levels(pixels, np.float32(top), linear)
        self.flow = rng.normal(size=(count - 1, 2, *size)).astype(np.float32) * rng.choice([1, 99])
        self.ldr = torch.from_numpy(pixels / np.float32(top)).permute(0, 3, 1, 2)
        self.corrected = torch.from_numpy(
            np.stack([table[frame] for table, frame in zip(linear, pixels, strict=True)])
        ).permute(0, 3, 1, 2)
        self.stack = torch.cat([self.ldr, self.corrected], dim=1)[None].contiguous()
        self.moved = warp(self.stack[:, 1:, 3:], torch.from_numpy(self.flow)[None])[0].contiguous()
        self.logits = [rng.normal(size=(height // 4, width // 4, 32)).astype(np.float32)
                       * np.float32(rng.choice([1, 50])) for _ in range(count)]
        self.bands = [(first, min(32, height - first)) for first in range(0, height, 32)]


CASES = [(seed, size) for seed in range(4) for size in SIZES]


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return Case(*request.param)


def test_cells_hold_ldr_and_curves_of_frames_as_taken_and_moved(case):
    height, width = case.ldr.shape[-2:]
    ldr = (np.arange(256) / 255).astype(np.float32)
    curved = mu_law(torch.from_numpy(case.levels.linear)).numpy()
    moved = np.empty((len(case.flow), 3, height, width), np.float32)
    for k in range(len(case.ldr)):
        seen = np.full((height // 4, width // 4, 4, 4, 9), np.nan, np.float32)
        for first, rows in case.bands:
            part = seen[first // 4:(first + rows) // 4]
            describing.describe(case.levels.pixels[k], ldr, curved[k], first, part)
            if k:
                describing.describe_moved(case.levels.pixels[k], case.levels.linear[k],
                                          case.flow[k - 1], MU, first, moved[k - 1], part)
        expected = torch.cat([case.ldr[k], mu_law(case.corrected[k]),
                              mu_law(case.moved[k - 1] if k else case.corrected[0])])
        pixels = torch.from_numpy(seen).permute(4, 0, 2, 1, 3).reshape(9, height, width)
        torch.testing.assert_close(pixels, expected, atol=2e-3, rtol=0)
        torch.testing.assert_close(pixels[:6], expected[:6], atol=1e-6, rtol=0)
    np.testing.assert_allclose(moved, case.moved, atol=1e-4)


def test_motion_is_described_as_by_the_network(case):
    height, width = case.ldr.shape[-2:]
    out = np.empty((height // 4, width // 4, 3), np.float32)
    describing.describe_motion(case.flow[0], np.float32(FLOW_UNIT), (0, height // 4), out)
    expected = summarise(torch.from_numpy(case.flow[:1]))[0].permute(1, 2, 0)
    np.testing.assert_allclose(out, expected, atol=1e-4)


def test_frames_are_blended_as_by_the_network(case):
    constants = blending.Constants(
        *map(np.float32, (merge.BRIGHT, merge.FLOOR, merge.CLIP_RAMP, MOST)))
    out = np.full(case.ldr.shape[1:], np.nan, np.float32)
    for rows in case.bands:
        blending.blend(case.levels, case.moved.numpy(), tuple(case.logits), case.reference_index,
                       constants, rows, out)
    logits = [F.pixel_shuffle(torch.from_numpy(x).permute(2, 0, 1)[None].contiguous(), 4)
              for x in case.logits]
    still = [frame[None] for frame in case.corrected]
    expected = fast.blend(merge.starting_weights(case.ldr[None], case.reference_index), still,
                          [still[0], *case.moved[:, None]], logits)
    np.testing.assert_allclose(out, expected[0], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize('given', CASES, ids=str)
def test_halos_are_mended_as_in_torch(given):
    case = Case(*given, least_reference=1)  # without a shorter frame there is nothing to mend with
    radiance = np.random.default_rng(1).random(case.ldr.shape[1:], np.float32) / 8
    expected = halo.without_halo(torch.from_numpy(radiance.copy()), case.stack,
                                 torch.from_numpy(case.flow)[None], case.reference_index)
    constants = mending.Constants(
        *map(np.float32, (halo.WHITE, halo.CERTAIN, merge.CLIP_RAMP, halo.LEAST)))
    before = radiance.copy()
    for rows in case.bands:
        mending.mend(case.levels, case.flow, case.moved.numpy(), case.reference_index, constants,
                     rows, radiance)
    np.testing.assert_array_equal(radiance != before, expected.numpy() != before)
    np.testing.assert_allclose(radiance, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize('cell', [1, 2, 4])
def test_grey_images_are_those_of_torch(case, cell):
    height, width = case.ldr.shape[-2:]
    weighted = case.levels.linear[0] * np.array(LUMINANCE, np.float32)[:, None]
    frames = np.empty((2, height, width), np.float32)
    most = [max(grey.luminance(case.levels.pixels[k], weighted, rows, frames[k])
                for rows in case.bands) for k in range(2)]
    both = torch.from_numpy(case.levels.linear[0][case.levels.pixels[:2]]).permute(0, 3, 1, 2)
    expected = luminance(both)
    np.testing.assert_allclose(frames, expected[:, 0], rtol=1e-5, atol=1e-7)
    assert most == pytest.approx(expected.amax(dim=(1, 2, 3)).tolist(), rel=1e-5)
    means = np.empty((height // cell, width // cell), np.float32)
    grey.cell_means(frames[1], np.float32(min(most)), cell, (0, height // cell), means)
    encoded = common_range(expected[None], cell)[1][0, 0, 0]
    np.testing.assert_allclose(means ** (1 / 2.2), encoded, atol=1e-4)


@pytest.mark.parametrize('operator', ['mu', 'mu_colour'])
def test_what_is_shown_is_the_tone_map_of_what_is_given(case, operator):
    radiance = case.corrected[0].numpy().copy() * 2
    width = radiance.shape[2] - 3
    scaled = np.empty((radiance.shape[1], width, 3), np.float32)
    picture = np.empty(scaled.shape, np.uint8)
    for rows in case.bands:
        showing.show(radiance, np.float32(3), MU, operator == 'mu_colour', rows, scaled, picture)
    cut = torch.from_numpy(radiance[..., :width])
    np.testing.assert_allclose(scaled, cut.permute(1, 2, 0) * 3, rtol=1e-6)
    mapped = tone_map(cut, RadianceSettings(tone_map=operator)).permute(1, 2, 0)
    expected = (mapped * 255 + 0.5).to(torch.uint8).numpy()
    assert np.abs(picture.astype(int) - expected).max() <= 1

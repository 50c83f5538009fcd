# SPDX-License-Identifier: Apache-2.0
"""Street images hold people and plates: nothing is kept unasked, and it can be blurred."""

import json
import sys

import numpy as np
import pytest

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.images import read_exr, read_ldr
from ddfnet_ros.node.saver import Saver
from ddfnet_ros.results.saving import save
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.settings import DeghosterSettings, NodeSettings

EXPOSURES = (0.001, 0.004, 0.016)
STRIPES = np.tile(np.arange(48) % 4 // 2, (40, 1))[..., None].repeat(3, -1)  # 4 pixels a period
WRITING = ('open', 'mkdir', 'rename', 'link', 'symlink', 'truncate')


def plate(dtype):
    """A bracket and a result full of details as fine as the letters of a number plate."""
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    frames = [Frame(pixels=(STRIPES * top).astype(dtype)[:, ::-1], exposure_time=time)
              for time in EXPOSURES]
    return Deghosted(Bracket.of(frames), STRIPES.astype(np.float32) * 900,
                     (STRIPES * 255).astype(np.uint8), {}, dict, dict)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
def test_nothing_that_is_saved_shows_details_finer_than_the_blur(tmp_path, dtype):
    folder = save(plate(dtype), tmp_path, {}, blur=8.0)
    members = json.loads((folder / 'metadata.json').read_text())['frames']
    pictures = [read_ldr(folder / member['file']) for member in members]
    for picture in (*pictures, read_ldr(folder / 'image.png'), read_exr(folder / 'radiance.exr')):
        assert np.ptp(picture[8:-8, 16:-16]) <= 0.05 * picture.max()
        assert picture.mean() > 0.3 * picture.max()


def test_without_blur_every_pixel_is_saved_as_it_came(tmp_path):
    given = plate(np.uint8)
    folder = save(given, tmp_path, {})
    np.testing.assert_array_equal(read_ldr(folder / 'frame_1.png'), given.bracket.frames[0].pixels)


def test_the_node_blurs_by_its_parameter(tmp_path):
    given, answers = plate(np.uint8), []

    class Engine:
        latest = given.bracket
        model_name = device = precision = ''

        def __call__(self, bracket, settings):
            return given

    saver = Saver()
    saver.save_latest(Engine(), NodeSettings(save_folder=str(tmp_path), save_blur=8.0),
                      lambda *answer: answers.append(answer))
    saver.close()
    ((done, _),), (folder,) = answers, tmp_path.iterdir()
    assert done
    assert read_ldr(folder / 'image.png')[8:-8, 16:-16].max() < 150


def test_by_default_there_is_no_folder_to_save_to():
    assert NodeSettings().save_folder == ''


def test_fusing_writes_no_file():
    written = []

    def watch(event, arguments):
        flags = arguments[-1] if event == 'open' and isinstance(arguments[-1], int) else 0
        if event.removeprefix('os.') in WRITING and (event != 'open' or flags & 0o3):
            written.append((event, arguments))

    fuse = Deghoster(DeghosterSettings(model='fast', device='cpu', threads=1))
    sys.addaudithook(lambda *event: watch(*event) if watching else None)
    watching = True
    fuse(plate(np.uint8).bracket)
    watching = False
    assert written == []

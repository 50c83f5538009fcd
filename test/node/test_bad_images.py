# SPDX-License-Identifier: Apache-2.0
"""Images and exposures that cannot be."""

import numpy as np
import pytest

from .conftest import EXPOSURES, SIZE, TOPIC, header, image, metadata, scene

HDR = '/fuse_node/hdr'
BAD = {
    'truncated': {'data': b'\0' * 100},
    'step too small': {'step': 3},
    'unknown encoding': {'encoding': 'sepia8'},
    'no width': {'width': 0},
    'no height': {'height': 0, 'data': b''},
    'not a number': {'encoding': '32FC1', 'step': 128,
                     'data': np.full(SIZE, np.nan, np.float32).tobytes()},
    'floats up to 255': {'encoding': '32FC1', 'step': 128,
                         'data': np.full(SIZE, 255, np.float32).tobytes()},
}


def test_bad_images_are_counted_and_the_node_lives_on(bench):
    for i, changes in enumerate(BAD.values()):
        bench.send(TOPIC, image(scene(EXPOSURES[0]), i * 10**7, **changes))
        bench.spin(0.05)
    bench.send_bracket(10**9)
    assert bench.next(HDR).header == header(10**9 + 10**7)
    assert int(bench.counts()['dropped.invalid']) == len(BAD)


def test_bad_images_are_logged_but_not_each_one(bench, capfd):
    for i in range(5):
        bench.send(TOPIC, image(scene(EXPOSURES[0]), i * 10**7, data=b'\0' * 100))
        bench.spin(0.05)
    assert capfd.readouterr().err.count(f'{TOPIC}: expected 24 rows of 96 bytes') == 1


def test_padded_rows_are_no_problem(bench):
    for i, exposure in enumerate(EXPOSURES):
        padded = np.pad(scene(exposure), ((0, 0), (0, 5), (0, 0)), constant_values=99)
        bench.send_frame(image(padded, 10**9 + i * 10**7, width=SIZE[1]), exposure)
    hdr = bench.next(HDR)
    assert (hdr.width, hdr.height) == (SIZE[1], SIZE[0])


@pytest.mark.parametrize(('change', 'width', 'encoding'), [
    ({'size': (32, 40)}, 40, '32FC3'), ({'channels': 1}, SIZE[1], '32FC1')])
def test_a_camera_that_starts_anew_with_other_images_costs_the_bracket_at_hand_only(
        bench, change, width, encoding):
    bench.send_frame(image(scene(EXPOSURES[0]), 9 * 10**8), EXPOSURES[0])
    bench.restart_camera()
    bench.send_bracket(10**9, **change)
    hdr = bench.next(HDR)
    assert (hdr.width, hdr.encoding) == (width, encoding)
    drops = {k: v for k, v in bench.counts().items() if k.startswith('dropped.')}
    assert drops == {'dropped.invalid': '1'}


@pytest.mark.parametrize('exposure', [0.0, -0.001])
def test_an_exposure_that_cannot_be_is_counted_and_the_node_lives_on(bench, exposure):
    bench.send(TOPIC, image(scene(EXPOSURES[0]), 9 * 10**8))
    bench.spin(0.1)
    bench.send('/fuse_node/meta', metadata(exposure, 0, 9 * 10**8))
    bench.send_bracket(10**9)
    bench.next(HDR)
    bench.node.trigger_deactivate()  # tells of frames that still waited for their metadata
    drops = {k: v for k, v in bench.counts().items() if k.startswith('dropped.')}
    assert drops == {'dropped.invalid': '1'}


def test_two_frames_of_one_exposure_are_no_bracket_and_the_node_lives_on(bench):
    for i, exposure in enumerate((EXPOSURES[0], EXPOSURES[1], EXPOSURES[1])):
        bench.send_frame(image(scene(exposure), 9 * 10**8 + i * 10**7), exposure)
    bench.send_bracket(10**9)
    assert bench.next(HDR).header == header(10**9 + 10**7)
    drops = {k: int(v) for k, v in bench.counts().items() if k.startswith('dropped.')}
    assert sum(drops.values()) == 3

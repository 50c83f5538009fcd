# SPDX-License-Identifier: Apache-2.0
"""Windows that slide, from frames sent to results received."""

from .conftest import EXPOSURES, header, image, scene

HDR = '/fuse_node/hdr'
START, STEP = 10**9, 10**7


def send(bench, number):
    """One frame of an interleaved stream; gives its header."""
    exposure, stamp_ns = EXPOSURES[number % 3], START + number * STEP
    bench.send_frame(image(scene(exposure), stamp_ns), exposure)
    return header(stamp_ns)


def test_with_the_latest_as_reference_every_frame_gives_a_result(bench_with):
    bench = bench_with(window='sliding', reference='latest')
    send(bench, 0)
    send(bench, 1)
    for number in range(2, 11):
        sent = send(bench, number)
        assert bench.next(HDR).header == sent
    counts = bench.counts()
    assert (counts['images_received'], counts['brackets_fused']) == ('11', '9')
    assert not [key for key in counts if key.startswith('dropped')]


def test_with_a_fixed_reference_its_result_comes_with_the_reference_frame(bench_with):
    bench = bench_with(window='sliding', reference=1)
    for number in range(3):
        send(bench, number)
    assert bench.next(HDR).header == header(START)
    for number in range(3, 9):
        sent = send(bench, number)
        if number % 3 == 0:  # nothing of what follows in its turn is waited for
            assert bench.next(HDR).header == sent
    assert bench.counts()['brackets_fused'] == '3'

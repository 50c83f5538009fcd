# SPDX-License-Identifier: Apache-2.0
"""What is published besides radiance and picture; one node for all that only look."""

import sys
from unittest.mock import Mock

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.parameter import Parameter
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image, PointCloud2
from std_msgs.msg import Float64

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.encodings import pixels_of
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.tonemap import MU

from .conftest import EXPOSURES, SIZE, header, started

VIEWS = {
    'hdr': Image, 'image': Image, 'image/compressed': CompressedImage,
    'bracket_info': DiagnosticArray, 'flow': Image, 'reference_share': Image,
    'fusion_weights': Image,
    'debug/processing_time_ms': Float64, 'debug/cyclic_time_ms': Float64,
    'debug/pipeline_latency_ms': Float64,
}


@pytest.fixture(scope='module')
def viewed(ros, model):
    """A node with a viewer of everything, and what it sent for two brackets."""
    bench = started(model=str(model), views=VIEWS)
    for second in (1, 2):
        bench.send_bracket(second * 10**9)
        received = {name: bench.next(f'/fuse_node/{name}') for name in VIEWS}
        set_parameter(bench, 'moving_threshold', 100.0)
    yield bench, received
    bench.close()


@pytest.fixture
def received(viewed):
    return viewed[1]


def set_parameter(bench, name, value):
    (result,) = bench.node.set_parameters([Parameter(name, value=value)])
    assert result.successful


def result(bench, topic, second):
    """What is published under a topic for a new bracket of that second."""
    bench.send_bracket(second * 10**9)
    while (message := bench.next(f'/fuse_node/{topic}')).header.stamp.sec != second:
        pass
    return message


def rgb(message):
    return pixels_of(message).astype(float)


def test_every_result_has_the_header_of_the_reference(received):
    stamped = [message for message in received.values() if hasattr(message, 'header')]
    assert [message.header for message in stamped] == 7 * [header(2 * 10**9 + 10**7)]


def test_the_compressed_picture_shows_the_same(received):
    compressed = received['image/compressed']
    assert compressed.format == 'bgr8; jpeg compressed bgr8'
    assert bytes(compressed.data[:2]) == b'\xff\xd8'
    assert np.abs(rgb(compressed) - rgb(received['image'])).mean() < 3


def test_the_quality_of_the_compressed_picture_can_be_changed(viewed):
    bench, received = viewed
    set_parameter(bench, 'jpeg_quality', 5)
    worse = result(bench, 'image/compressed', 3)
    assert len(worse.data) < len(received['image/compressed'].data)


def test_radiance_can_be_sent_in_16_bits(viewed):
    bench, received = viewed
    relative = rgb(received['hdr']) * min(EXPOSURES)
    expected = {'rgb16': relative, 'rgb16_log': np.log1p(MU * relative) / np.log1p(MU)}
    for second, (encoding, values) in enumerate(expected.items(), 4):
        set_parameter(bench, 'hdr_encoding', encoding)
        message = result(bench, 'hdr', second)
        assert message.encoding == 'rgb16'
        np.testing.assert_allclose(rgb(message) / 65535, values, atol=1e-4)


def test_the_bracket_tells_its_frames_and_what_was_clipped(received):
    (status,) = received['bracket_info'].status
    told = {value.key: value.value for value in status.values}
    assert status.name == '/fuse_node: bracket'
    assert (told['size'], told['reference']) == ('3', '2')
    assert [told[f'frame_{i}.exposure_time'] for i in (1, 2, 3)] == ['0.001', '0.004', '0.016']
    assert [told[f'frame_{i}.stamp'] for i in (1, 2, 3)] == [
        '2.000000000', '2.010000000', '2.020000000']
    assert [told[f'frame_{i}.counter'] for i in (1, 2, 3)] == ['3', '4', '5']
    assert told['ghost_fraction'] == '0.0000'  # nothing moves by 100 pixels
    # The ramp reaches 0.23 * 4 of what the reference can hold: hardly clipped, and not after.
    assert float(told['clipped_fraction.before']) < 0.1
    assert told['clipped_fraction.after'] == '0.0000'
    assert (told['hdr.encoding'], told['hdr.white']) == ('32FC3', '1000')


def test_pictures_of_motion_and_weights_fit_the_reference(received):
    flow, share = received['flow'], received['reference_share']
    assert (flow.encoding, share.encoding) == ('bgr8', 'mono8')
    assert {(image.height, image.width) for image in (flow, share)} == {SIZE}
    assert max(flow.data) == 255  # on a colour wheel, one channel always is
    assert 0 < np.mean(share.data) < 255
    weights = received['fusion_weights']
    shares = np.frombuffer(weights.data, np.uint8).reshape(3, *SIZE)
    assert weights.encoding == 'mono8'
    np.testing.assert_array_equal(shares[1].ravel(), share.data)  # of the middle exposure
    np.testing.assert_allclose(shares.sum(axis=0, dtype=int), 255, atol=2)


def test_the_network_runs_once_for_all_topics_of_weights(viewed, monkeypatch):
    bench, _ = viewed
    shares, asked = Deghoster._shares, []

    def counted(deghoster, request, *arguments):
        asked.append(request.bracket.reference.stamp_ns)
        return shares(deghoster, request, *arguments)

    monkeypatch.setattr(Deghoster, '_shares', counted)
    result(bench, 'fusion_weights', 6)
    assert asked.count(6 * 10**9 + 10**7) == 1


def test_times_are_told_under_autowares_names(received):
    processing, cyclic, latency = (
        received[f'debug/{name}_ms'].data
        for name in ('processing_time', 'cyclic_time', 'pipeline_latency'))
    assert 0 < processing < cyclic
    assert latency > 1e9  # the stamps are of 1970


def test_without_its_package_moving_points_are_a_line_and_the_rest_goes_on(
        viewed, monkeypatch, capfd):
    bench, _ = viewed
    monkeypatch.setitem(sys.modules, 'sensor_msgs_py', None)
    bench.listen('/fuse_node/moving_points', PointCloud2)
    bench.settle()
    for second in (7, 8):
        assert result(bench, 'hdr', second)
    assert capfd.readouterr().err.count('~/moving_points: expected sensor_msgs_py') == 1
    assert not bench.received['/fuse_node/moving_points']


def test_without_memory_for_weights_these_are_a_line_and_the_rest_goes_on(
        viewed, monkeypatch, capfd):
    bench, _ = viewed
    monkeypatch.setattr(Deghoster, '_shares', Mock(side_effect=MemoryError))
    for second in (11, 12):
        assert result(bench, 'hdr', second)
    monkeypatch.undo()
    assert result(bench, 'fusion_weights', 13)
    said = capfd.readouterr().err
    for topic in ('reference_share', 'fusion_weights'):
        assert said.count(f'~/{topic}: left out, there is too little memory') == 1


@pytest.mark.parametrize(('encoding', 'channels'), [('32FC3', 3), ('rgb16', 3), ('rgb16_log', 1)])
def test_the_sizes_of_images_are_foretold(encoding, channels, bench_with):
    bench = bench_with(views=VIEWS, hdr_encoding=encoding)
    frames = bench.send_bracket(10**9, channels=channels)
    bracket = Bracket.of(Frame(pixels=pixels, exposure_time=time)
                         for pixels, time in zip(frames, EXPOSURES, strict=True))
    foretold = bench.node._fusion.outputs.bytes_of(bracket, encoding)
    assert foretold == {f'/fuse_node/{name}': len(bench.next(f'/fuse_node/{name}').data)
                        for name in ('hdr', 'image', 'flow', 'reference_share', 'fusion_weights')}


@pytest.mark.parametrize('topic', [
    '/fuse_node/hdr', '/fuse_node/camera_info', '/fuse_node/debug/cyclic_time_ms', '/diagnostics'])
def test_the_qos_of_every_publisher_can_be_overridden(topic, bench_with):
    bench = bench_with(start=False, views={},
                       **{f'qos_overrides.{topic}.publisher.reliability': 'best_effort',
                          f'qos_overrides.{topic}.publisher.depth': 7})
    bench.node.trigger_configure()
    bench.spin_until(lambda: any(  # of those who look at the same topic in other tests, none is
        seen.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
        for seen in bench.peer.get_publishers_info_by_topic(topic)), 'override')
    (own,) = (p for p in bench.node.publishers if p.topic_name == topic)
    assert own.qos_profile.depth == 7


@pytest.mark.parametrize('override', [{'reliability': 'nonsense'}, {'depth': 'nix'}])
def test_a_qos_override_that_cannot_be_is_one_line(override, bench_with):
    ((policy, value),) = override.items()
    with pytest.raises(ValueError, match=r'^/diagnostics: .*; correct qos_overrides$'):
        bench_with(**{f'qos_overrides./diagnostics.publisher.{policy}': value})

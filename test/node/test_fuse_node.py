# SPDX-License-Identifier: Apache-2.0
import threading

import cv2
import numpy as np
import pytest
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.node import diagnostics
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.settings import DeghosterSettings

from .conftest import EXPOSURES, SIZE, TOPIC, header, image, metadata, scene

HDR, IMAGE = '/fuse_node/hdr', '/fuse_node/image'


def state_of(bench):
    return bench.node._state_machine.current_state[1]


def array_of(message, dtype, channels=3):
    array = np.frombuffer(message.data, dtype).reshape(message.height, message.width, channels)
    return array[..., ::-1] if channels == 3 else array[..., 0]


def fused_by_hand(frames, model):
    """What the deghoster makes of the same frames without any ROS."""
    settings = DeghosterSettings(model=str(model), device='cpu', precision='float32')
    exposed = zip(frames, EXPOSURES, strict=True)
    return Deghoster(settings)(
        Bracket.of(Frame(pixels=pixels, exposure_time=time) for pixels, time in exposed))


def test_a_bracket_becomes_radiance_and_picture_under_the_header_of_its_reference(bench, model):
    frames = bench.send_bracket(10**9)
    hdr, picture = bench.next(HDR), bench.next(IMAGE)
    by_hand = fused_by_hand(frames, model)
    assert hdr.header == picture.header == header(10**9 + 10**7)
    assert (hdr.encoding, picture.encoding) == ('32FC3', 'bgr8')
    np.testing.assert_allclose(array_of(hdr, np.float32), by_hand.radiance, rtol=1e-4)
    np.testing.assert_allclose(
        array_of(picture, np.uint8).astype(int), by_hand.image.astype(int), atol=1)


def test_grey_stays_grey(bench):
    bench.send_bracket(10**9, channels=1)
    assert (bench.next(HDR).encoding, bench.next(IMAGE).encoding) == ('32FC1', 'mono8')


def test_compressed_images_are_understood_by_the_name_of_their_topic(bench_with):
    bench = bench_with(image_topics=[f'{TOPIC}/compressed'], exposure_source='parameters',
                       cycle_period=0.03)
    for i, exposure in enumerate(EXPOSURES):
        _, png = cv2.imencode('.png', scene(exposure))
        stamp = header(3 * 10**9 + i * 10**7)
        bench.send(f'{TOPIC}/compressed',
                   CompressedImage(header=stamp, format='png', data=png.tobytes()))
    assert bench.next(HDR).header == header(3 * 10**9 + 10**7)


def test_compressed_images_are_understood_by_their_publisher(bench_with):
    bench = bench_with(start=False)
    bench.peer.create_publisher(CompressedImage, TOPIC, 10)
    bench.spin_until(lambda: bench.node.count_publishers(TOPIC), 'publisher')
    bench.node.start()
    (subscription,) = [s for s in bench.node.subscriptions if s.topic == TOPIC]
    assert subscription.msg_type is CompressedImage


def test_each_exposure_may_have_a_topic_of_its_own(bench_with):
    topics = ['/short', '/mid', '/long']
    bench = bench_with(image_topics=topics, exposure_source='parameters',
                       transport='raw')
    for start_ns in range(10**9, 2 * 10**9, 10**8):  # a few turns tell the rhythm
        for i in (2, 0, 1):
            bench.send(topics[i], image(scene(EXPOSURES[i]), start_ns + i * 10**7))
            bench.spin(0.02)
    reference = bench.next(HDR).header.stamp.nanosec
    assert reference % 10**8 == 10**7


def test_camera_info_is_relayed_under_the_header_of_the_reference(bench):
    bench.send('/camera/camera_info', CameraInfo(width=32, distortion_model='plumb_bob'))
    bench.spin(0.3)
    bench.send_bracket(10**9)
    info = bench.next('/fuse_node/camera_info')
    assert (info.header, info.width) == (header(10**9 + 10**7), 32)
    assert info.distortion_model == 'plumb_bob'


def test_a_live_parameter_changes_the_next_picture(bench):
    bench.send_bracket(10**9)
    before = bench.next(IMAGE)
    (result,) = bench.node.set_parameters([Parameter('mu', value=10.0)])
    assert result.successful
    bench.send_bracket(2 * 10**9)
    assert np.mean(bench.next(IMAGE).data) < np.mean(before.data)


BAD = {
    'truncated': {'data': b'\0' * 100},
    'step too small': {'step': 3},
    'unknown encoding': {'encoding': 'sepia8'},
    'no width': {'width': 0},
    'no height': {'height': 0, 'data': b''},
    'not a number': {'encoding': '32FC1', 'step': 128,
                     'data': np.full(SIZE, np.nan, np.float32).tobytes()},
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


def test_a_change_of_size_costs_the_bracket_at_hand_only(bench):
    bench.send_frame(image(scene(EXPOSURES[0]), 9 * 10**8), EXPOSURES[0])
    bench.send_bracket(10**9, size=(32, 40))
    assert bench.next(HDR).width == 40


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


def test_reliability_can_be_asked_for_per_topic(bench_with):
    bench = bench_with(**{f'qos_overrides.{TOPIC}.subscription.reliability': 'best_effort'})
    for topic, reliability in ((TOPIC, ReliabilityPolicy.BEST_EFFORT),
                               ('/fuse_node/meta', ReliabilityPolicy.RELIABLE)):
        (subscription,) = bench.node.get_subscriptions_info_by_topic(topic)
        assert subscription.qos_profile.reliability == reliability


def test_an_error_in_the_fusion_is_counted_and_the_next_bracket_is_fused(bench, monkeypatch):
    fuse, broken = Deghoster.__call__, [True]

    def fail_once(self, bracket):
        if broken.pop() if broken else False:
            raise RuntimeError('out of memory')
        return fuse(self, bracket)

    monkeypatch.setattr(Deghoster, '__call__', fail_once)
    bench.send_bracket(10**9)
    bench.spin_until(lambda: not broken, 'fusion')
    bench.send_bracket(2 * 10**9)
    assert bench.next(HDR).header == header(2 * 10**9 + 10**7)
    assert int(bench.counts()['dropped.failed']) == 1


def test_brackets_that_come_too_fast_are_superseded_and_counted(bench, monkeypatch):
    fuse, begun, let_go = Deghoster.__call__, threading.Event(), threading.Event()

    def slowly(self, bracket):
        begun.set()
        let_go.wait(30)
        return fuse(self, bracket)

    monkeypatch.setattr(Deghoster, '__call__', slowly)
    for second in (1, 2, 3, 4):
        bench.send_bracket(second * 10**9)
        bench.spin_until(begun.is_set, 'fusion')
        arrived = f'{3 * second}'
        bench.spin_until(lambda arrived=arrived: bench.counts()['images_received'] == arrived,
                         f'{arrived} images')
    let_go.set()
    assert [bench.next(HDR).header.stamp.sec for _ in range(2)] == [1, 4]
    assert int(bench.counts()['dropped.superseded']) == 2


def test_diagnostics_tell_rates_latency_model_and_device(bench):
    bench.send_bracket(10**9)
    bench.next(HDR)
    counts = bench.counts()
    assert (counts['model'], counts['device']) == ('tiny', 'cpu')
    assert (counts['images_received'], counts['brackets_fused']) == ('3', '1')
    assert float(counts['latency_ms.median']) > 0
    stages = [key for key in counts if key.startswith('stage_ms.')]
    assert (stages[0], stages[-1]) == ('stage_ms.wait', 'stage_ms.publish')
    assert sum(float(counts[stage]) for stage in stages) <= float(counts['latency_ms.median']) + 1
    assert 0 <= float(counts['clipped_fraction.after']) <= float(
        counts['clipped_fraction.before']) <= 1
    assert float(counts['memory_mb']) > 10


def test_diagnostics_tell_whether_brackets_are_done_in_time(bench):
    bench.node.set_parameters([Parameter('max_allowed_processing_time_ms', value=0.001)])
    bench.send_bracket(10**9)
    bench.next(HDR)
    bench.received['/diagnostics'].clear()
    _, status = bench.next('/diagnostics').status
    assert status.name == '/fuse_node: processing_time_status'
    assert status.level == DiagnosticStatus.WARN
    values = {value.key: value.value for value in status.values}
    assert values['is_processing_time_ms_in_expected_range'] == 'False'
    assert float(values['processing_time_ms']) > 0


@pytest.fixture
def elsewhere():
    """A node with a DDS participant of its own: one participant takes one type per topic."""
    context = rclpy.Context()
    rclpy.init(args=[], context=context)
    node = Node('elsewhere', context=context)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture
def impatience(monkeypatch):
    monkeypatch.setattr(diagnostics, 'PATIENCE', 0.1)


def wait_for_warning(bench, text):
    def said():
        counts = bench.counts()
        return counts['level'] == DiagnosticStatus.WARN and text in counts['message']

    bench.spin_until(said, f'diagnostics with {text!r}')


def test_diagnostics_tell_that_nobody_publishes(bench, impatience):
    wait_for_warning(bench, f'no publisher on {TOPIC}')


def test_diagnostics_tell_that_images_are_of_another_type(bench, elsewhere, impatience):
    elsewhere.create_publisher(CompressedImage, TOPIC, 10)
    wait_for_warning(bench, f'expected sensor_msgs/msg/Image on {TOPIC}, got sensor_msgs/msg/Comp')


def test_diagnostics_tell_that_images_get_lost(bench, impatience):
    bench.peer.create_publisher(Image, TOPIC, 10)
    wait_for_warning(bench, 'although there are publishers')


def test_the_life_cycle_takes_and_frees_what_it_says(bench_with):
    bench = bench_with(start=False)

    def there():
        return (any(p.topic_name == HDR for p in bench.node.publishers),
                any(s.topic_name == TOPIC for s in bench.node.subscriptions))

    assert there() == (False, False)
    for _ in range(2):
        bench.node.trigger_configure()
        assert (state_of(bench), there()) == ('inactive', (True, False))
        bench.node.trigger_activate()
        assert (state_of(bench), there()) == ('active', (True, True))
        bench.settle()
        bench.send_bracket(10**9)
        bench.next(HDR)
        bench.node.trigger_deactivate()
        assert (state_of(bench), there()) == ('inactive', (True, False))
        bench.node.trigger_cleanup()
        assert (state_of(bench), there()) == ('unconfigured', (False, False))
    bench.node.trigger_shutdown()
    assert state_of(bench) == 'finalized'


def test_missing_weights_leave_the_node_unconfigured_and_say_why(bench_with, tmp_path):
    bench = bench_with(start=False, model=str(tmp_path / 'nothing.safetensors'))
    bench.node.start()
    assert state_of(bench) == 'unconfigured'
    counts = bench.counts()
    assert counts['level'] == DiagnosticStatus.ERROR
    assert 'nothing.safetensors' in counts['message']
    assert '\n' not in counts['message']


def test_what_goes_wrong_in_activation_leaves_the_node_inactive_and_is_said(bench_with, capfd):
    bench = bench_with(start=False, transport='raw')
    bench.peer.create_publisher(CompressedImage, TOPIC, 10)  # in the node's own participant
    bench.node.trigger_configure()
    bench.node.trigger_activate()
    assert state_of(bench) == 'inactive'
    assert 'cannot activate: ' in capfd.readouterr().err
    assert 'cannot activate: ' in bench.counts()['message']


def test_without_autostart_the_node_waits(bench_with):
    bench = bench_with(start=False, autostart=False)
    bench.node.start()
    assert state_of(bench) == 'unconfigured'


def jump(bench, seconds):
    bench.send('/clock', Clock(clock=Time(sec=seconds)))
    bench.spin(0.3)


def test_after_the_clock_jumped_back_a_new_frame_meets_none_of_the_old_time(bench_with):
    bench = bench_with(use_sim_time=True)
    jump(bench, 100)
    for i in (0, 1):
        bench.send_frame(image(scene(EXPOSURES[i]), 100 * 10**9 + i * 10**7), EXPOSURES[i])
    jump(bench, 1)
    bench.send_bracket(10**9)
    assert bench.next(HDR).header == header(10**9 + 10**7)
    assert int(bench.counts()['dropped.incomplete']) == 2


def test_images_that_come_later_than_the_jump_of_their_clock_still_make_a_bracket(bench_with):
    bench = bench_with(use_sim_time=True)
    jump(bench, 100)
    for i in (0, 1):
        bench.send_frame(image(scene(EXPOSURES[i]), 100 * 10**9 + i * 10**7), EXPOSURES[i])
    jump(bench, 1)
    bench.send_frame(image(scene(EXPOSURES[2]), 100 * 10**9 + 2 * 10**7), EXPOSURES[2])
    assert bench.next(HDR).header.stamp.sec == 100
    bench.send_bracket(10**9)
    assert bench.next(HDR).header.stamp.sec == 1


def test_images_that_come_before_the_jump_of_their_clock_still_make_a_bracket(bench_with):
    bench = bench_with(use_sim_time=True)
    jump(bench, 100)
    bench.send_bracket(100 * 10**9)
    for i in (0, 1):
        bench.send_frame(image(scene(EXPOSURES[i]), 10**9 + i * 10**7), EXPOSURES[i])
    jump(bench, 1)
    assert bench.next(HDR).header.stamp.sec == 100
    bench.send_frame(image(scene(EXPOSURES[2]), 10**9 + 2 * 10**7), EXPOSURES[2])
    assert bench.next(HDR).header.stamp.sec == 1


def test_a_bag_of_two_brackets_may_loop_though_all_its_frames_were_here_before(bench_with):
    bench = bench_with(use_sim_time=True)
    jump(bench, 100)
    for _ in range(2):
        bench._counter = 0
        for start_ns in (100 * 10**9, 100 * 10**9 + 10**8):
            bench.send_bracket(start_ns)
            bench.next(HDR)
        jump(bench, 101)
        jump(bench, 100)
    assert bench.counts()['brackets_fused'] == '4'

# SPDX-License-Identifier: Apache-2.0
import dataclasses
import shutil

import numpy as np
import pytest
from small_street import IMAGE_TOPIC, META_TOPIC, write_street

from ddfnet_ros.bags import TYPES, BagError, BagReader, BagWriter
from ddfnet_ros.demo import score
from ddfnet_ros.demo.playing import Played
from ddfnet_ros.demo.processes import ProcessError
from ddfnet_ros.demo.recording import Recording
from ddfnet_ros.images import write_exr, write_png

TOLD = {'model': 'fast', 'device': 'cpu', 'dropped.superseded': '1', 'dropped.stale': '2',
        'latency_ms.median': '80.5', 'latency_ms.p95': '120.0', 'brackets_fused': '3'}


def truth_of(shot):
    return score.Truth(shot.truth, shot.moving)


def image(header, pixels):
    height, width, _ = pixels.shape
    encoding = '32FC3' if pixels.dtype == np.float32 else 'bgr8'
    bgr = np.ascontiguousarray(pixels[..., ::-1])
    return TYPES.types['sensor_msgs/msg/Image'](
        header=header, height=height, width=width, encoding=encoding, is_bigendian=0,
        step=bgr.strides[0], data=bgr.view(np.uint8).ravel())


def write_results(path, shots, topics=(score.HDR, score.IMAGE)):
    """What the node would have published for these shots."""
    kinds = TYPES.types
    with BagWriter(path) as bag:
        for shot in shots:
            seconds, nanoseconds = divmod(shot.bracket.reference.stamp_ns, 10**9)
            stamp = kinds['builtin_interfaces/msg/Time'](seconds, nanoseconds)
            header = kinds['std_msgs/msg/Header'](stamp, 'camera')
            radiance = shot.radiance['fused'] / np.float32(min(shot.bracket.exposures))
            for topic, pixels in ((score.HDR, radiance), (score.IMAGE, shot.published)):
                if topic in topics:
                    bag.write(topic, image(header, pixels), shot.number)
    return path


def played(recording, spacing_ns=100_000_000, latency_ns=30_000_000):
    """Two rounds; each frame arrives `spacing_ns` after the one before."""
    inputs, results, now = [], [], 0
    for _ in range(2):
        for bracket in recording.brackets:
            for frame in bracket.frames:
                now += spacing_ns
                inputs.append((frame.stamp_ns, now))
            results.append((bracket.reference.stamp_ns, now + latency_ns))
    return Played(len(results), 0.5, {'input': inputs, 'hdr': results, 'image': results}, TOLD)


def test_results_come_back_from_the_bag_as_they_were_published(recording, shots, tmp_path):
    fused = write_results(tmp_path / 'fused.mcap', shots)
    found = score.shots(recording, [truth_of(shot) for shot in shots], fused)
    for shot, original in zip(found, shots, strict=True):
        np.testing.assert_allclose(shot.radiance['fused'], original.truth, rtol=1e-6)
        np.testing.assert_array_equal(shot.published, original.published)
        assert shot.number == original.number


def test_bracket_that_was_never_fused_is_left_out_and_keeps_the_numbers(
        recording, shots, tmp_path):
    fused = write_results(tmp_path / 'fused.mcap', [shots[0], shots[2]])
    found = score.shots(recording, [truth_of(shot) for shot in shots], fused)
    assert [shot.number for shot in found] == [1, 3]


def test_nothing_fused_is_an_error_that_names_the_topic(recording, shots, tmp_path):
    fused = write_results(tmp_path / 'fused.mcap', shots, topics=(score.IMAGE,))
    with pytest.raises(ProcessError, match='nothing on /fuse_node/hdr'):
        score.shots(recording, [truth_of(shot) for shot in shots], fused)


def test_figures_are_taken_from_where_they_are_told(recording, shots):
    summary = score.summarise(shots, played(recording))
    assert summary.brackets_played == summary.brackets_fused == 6
    assert summary.brackets_per_second == pytest.approx(1 / 0.3)
    assert summary.dropped == {'superseded': 1, 'stale': 2}
    assert summary.latency_ms == {'median': 80.5, 'p95': 120.0}
    assert (summary.model, summary.device, summary.rate) == ('fast', 'cpu', 0.5)


def test_node_that_never_told_what_it_did_is_an_error(recording, shots):
    silent = dataclasses.replace(played(recording), diagnostics={'model': 'fast', 'device': 'cpu'})
    with pytest.raises(ProcessError, match=r'/diagnostics with latency_ms\.median'):
        score.summarise(shots, silent)


def test_perfect_fusion_beats_the_others_where_each_of_them_is_weak(recording, shots):
    summary = score.summarise(shots, played(recording))
    assert summary.psnr_mu['fused'] > 60
    assert summary.psnr_mu_moving['static_merge'] < summary.psnr_mu_moving['reference'] - 3
    assert summary.psnr_mu_clipped['reference'] < summary.psnr_mu_clipped['static_merge'] - 10
    assert summary.ghost_score['fused'] < summary.ghost_score['reference']
    assert summary.ghost_score['reference'] < summary.ghost_score['static_merge']


def test_seen_latency_is_from_the_last_member_of_the_same_round(recording):
    assert score.subscriber_latencies_ms(recording, played(recording)) == pytest.approx([30.0] * 6)


@pytest.mark.parametrize('suffix', ['.exr', '_moving.png'])
def test_truth_that_is_not_there_is_named(recording, street, tmp_path, suffix):
    shutil.copytree(street.parent / 'truth', tmp_path / 'truth')
    missing = tmp_path / 'truth' / f'{recording.brackets[1].reference.stamp_ns}{suffix}'
    missing.unlink()
    score.read_truth(tmp_path / 'truth', recording.brackets[0])
    with pytest.raises(ValueError, match=f'{missing.name}: expected'):
        score.read_truth(tmp_path / 'truth', recording.brackets[1])


def test_truth_of_another_size_is_refused(recording, tmp_path):
    stamp = recording.brackets[0].reference.stamp_ns
    write_exr(tmp_path / f'{stamp}.exr', np.zeros((40, 60, 3), np.float32))
    write_png(tmp_path / f'{stamp}_moving.png', np.zeros((40, 60), np.uint8))
    with pytest.raises(ValueError, match='expected truth of 160x96 pixels'):
        score.read_truth(tmp_path, recording.brackets[0])


def test_recording_knows_its_brackets_and_topics(recording):
    assert recording.image_topics == {IMAGE_TOPIC: 'sensor_msgs/msg/CompressedImage'}
    assert recording.settings.metadata_topics == (META_TOPIC,)
    assert len(recording.brackets) == 3
    assert recording.brackets[0].exposures == pytest.approx((0.001, 0.004, 0.016))
    assert recording.seconds == pytest.approx(8 / 30, abs=1e-3)


@pytest.mark.parametrize('topic', [IMAGE_TOPIC, META_TOPIC])
def test_recording_without_a_topic_that_it_needs_is_refused(street, tmp_path, topic):
    path = tmp_path / 'part.mcap'
    with BagReader(street) as whole, BagWriter(path) as part:
        for message in whole.messages([topic]):
            part.write_cdr(message)
    with pytest.raises(BagError, match='expected images of one bracket and metadata'):
        Recording.read(path)


def test_recording_without_a_complete_bracket_is_refused(tmp_path):
    path = write_street(tmp_path, brackets=0)
    with pytest.raises(BagError, match='expected'):
        Recording.read(path)

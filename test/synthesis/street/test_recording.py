# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from ddfnet_ros.bags import TYPES, BagReader
from ddfnet_ros.bags.brackets import BracketFinder
from ddfnet_ros.bracket import Bracket
from ddfnet_ros.images import read_exr
from ddfnet_ros.settings import NodeSettings
from ddfnet_ros.synthesis.street.messages import IMAGE_TOPIC, INFO_TOPIC, META_TOPIC
from ddfnet_ros.synthesis.street.recording import record, synthesize_street
from ddfnet_ros.synthesis.street.shutter import Shutter

SHUTTER = Shutter()


@pytest.fixture(scope='module')
def recording(small_street, tmp_path_factory):
    return record(small_street, SHUTTER, tmp_path_factory.mktemp('street'), brackets=2, seed=3)


def _frames(path):
    settings = NodeSettings(image_topics=(IMAGE_TOPIC,), exposure_source='camera_ros',
                            exposure_times=SHUTTER.exposure_times)
    with BagReader(path) as bag:
        brackets = [found.bracket for found in BracketFinder(path, bag, settings).find()]
    return [frame for bracket in brackets for frame in bracket.frames]


def _messages(path, topic):
    with BagReader(path) as bag:
        return [TYPES.deserialize_cdr(bytes(m.cdr), m.msgtype) for m in bag.messages([topic])]


def test_frames_carry_exposure_gain_counter_and_stamp(recording):
    frames = _frames(recording)
    assert [frame.exposure_time for frame in frames] == pytest.approx(
        2 * list(SHUTTER.exposure_times))
    assert [frame.sequence_id for frame in frames] == list(range(6))
    assert {frame.gain for frame in frames} == {2.0}
    assert {frame.frame_id for frame in frames} == {'camera_optical'}
    assert np.diff([frame.stamp_ns for frame in frames]) == pytest.approx(1e9 / 30, abs=1)


def test_every_image_has_metadata_and_camera_info_of_its_stamp(recording):
    stamps = [[(m.header.stamp.sec, m.header.stamp.nanosec) for m in _messages(recording, topic)]
              for topic in (IMAGE_TOPIC, META_TOPIC, INFO_TOPIC)]
    assert stamps[0] == stamps[1] == stamps[2]
    info = _messages(recording, INFO_TOPIC)[0]
    assert (info.width, info.height) == (96, 54)


def test_controls_are_named_as_libcamera_names_them(recording):
    status = _messages(recording, META_TOPIC)[1].status[0]
    controls = {pair.key: pair.value for pair in status.values}
    assert controls['ExposureTime'] == '4800'
    assert controls['AnalogueGain'] == '2.000000'
    assert status.level == 0


def test_images_are_jpegs_of_quality_95(recording):
    image = _messages(recording, IMAGE_TOPIC)[0]
    assert image.format == 'rgb8; jpeg compressed bgr8'
    pixels = cv2.imdecode(image.data, cv2.IMREAD_COLOR)
    _, again = cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])
    # The first bytes hold the quantisation tables.
    np.testing.assert_array_equal(image.data[:100], again.reshape(-1)[:100])


def test_the_truth_is_what_the_reference_saw_without_noise(recording):
    bracket = Bracket.of(_frames(recording)[:3])
    truth = read_exr(recording.parent / 'truth' / f'{bracket.reference.stamp_ns}.exr')
    relative = bracket.exposures[1] / bracket.exposures[0]
    seen = (bracket.reference.pixels / 255.0) ** 2.2 / relative
    held = truth * relative < 0.9
    assert np.abs(seen - truth)[held].mean() < 0.004
    assert truth.shape == (54, 96, 3)
    assert 0 <= truth.min() <= truth.max() <= 1


def test_the_mask_marks_what_moved_between_the_frames(recording):
    masks = sorted((recording.parent / 'truth').glob('*_moving.png'))
    mask = cv2.imread(str(masks[0]), cv2.IMREAD_GRAYSCALE) > 0
    assert len(masks) == 2
    assert 0.01 < mask.mean() < 0.4
    assert not mask[:, -30:].any()  # the box is on the left


def test_frames_are_noisy_and_the_seed_makes_them_again(recording, small_street, tmp_path):
    again = record(small_street, SHUTTER, tmp_path, brackets=1, seed=3)
    other = record(small_street, SHUTTER, tmp_path / 'other', brackets=1, seed=4)
    first = [frame.pixels for frame in _frames(recording)[:3]]
    np.testing.assert_array_equal(first, [frame.pixels for frame in _frames(again)])
    assert (first[0] != _frames(other)[0].pixels).any()


def test_recording_again_replaces_the_truth_but_no_other_file(small_street, tmp_path):
    (tmp_path / 'truth').mkdir()
    (tmp_path / 'truth' / '123.exr').write_bytes(b'old')
    (tmp_path / 'truth' / 'mine.exr').write_bytes(b'mine')
    record(small_street, SHUTTER, tmp_path, brackets=1, seed=3)
    left = {path.name for path in (tmp_path / 'truth').glob('*.exr')}
    assert 'mine.exr' in left
    assert '123.exr' not in left
    assert len(left) == 2


def test_progress_counts_every_frame(small_street, tmp_path):
    calls = []
    record(small_street, SHUTTER, tmp_path, brackets=1, seed=3,
           progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_a_folder_without_panoramas_leaves_an_older_recording_alone(tmp_path):
    (tmp_path / 'out' / 'truth').mkdir(parents=True)
    (tmp_path / 'out' / 'truth' / '1.exr').write_bytes(b'old')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ValueError, match=r'expected \.exr panoramas'):
        synthesize_street(tmp_path / 'out', tmp_path / 'empty')
    assert (tmp_path / 'out' / 'truth' / '1.exr').exists()


def test_a_recording_that_is_stopped_leaves_the_truth_of_the_older_one(small_street, tmp_path):
    record(small_street, SHUTTER, tmp_path, brackets=1, seed=3)
    before = sorted(path.name for path in tmp_path.rglob('*'))

    def stop(done, total):
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(small_street, SHUTTER, tmp_path, brackets=2, seed=3, progress=stop)
    assert sorted(path.name for path in tmp_path.rglob('*')) == before


def test_where_the_bag_cannot_be_finished_the_truth_stays_that_of_the_older_one(
        small_street, tmp_path, monkeypatch):
    record(small_street, SHUTTER, tmp_path, brackets=1, seed=3)
    before = sorted(path.name for path in tmp_path.rglob('*'))

    def full(*_):
        raise OSError('no space left on device')

    monkeypatch.setattr('ddfnet_ros.bags.writing.put_in_place', full)
    with pytest.raises(OSError, match='no space'):
        record(small_street, SHUTTER, tmp_path, brackets=2, seed=3)
    assert sorted(path.name for path in tmp_path.rglob('*')) == before


def test_the_readme_of_something_else_stays(tmp_path):
    (tmp_path / 'README.md').write_text('mine')
    with pytest.raises(ValueError, match='of something else; choose another'):
        synthesize_street(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['README.md']

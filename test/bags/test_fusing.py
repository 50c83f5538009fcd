# SPDX-License-Identifier: Apache-2.0
import sqlite3
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ddfnet_ros.bags import BagError, BagReader, parts
from ddfnet_ros.bags.fusing import BagJob, TakenError, fuse_bag
from ddfnet_ros.bags.outputs import OUTPUTS
from ddfnet_ros.bags.survey import survey
from ddfnet_ros.encodings import pixels_of

from .jobs import TOPIC, contents, job

KINDS = ['mcap', 'db3', 'folder', 'ros1']


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('compressed', [False, True])
def test_every_bracket_is_fused_and_all_else_copied(kind, compressed, record, fuse, tmp_path):
    source = record(kind, compressed=compressed, odd=True)
    topic = f'{TOPIC}/compressed' if compressed else TOPIC
    done = fuse_bag(job(source, tmp_path, (topic,)), fuse)
    assert (done.brackets, done.earlier, done.dropped) == (4, 0, {})
    before = contents(source)
    after = contents(tmp_path / 'out.mcap')
    assert [m for m in after if not m[0].startswith('/fuse_node')] == before
    assert {m[0] for m in after} - {m[0] for m in before} == {
        '/fuse_node/image', '/fuse_node/hdr', '/fuse_node/camera_info'}
    assert [m[2] for m in after] == sorted(m[2] for m in after)


@pytest.mark.parametrize('kind', KINDS)
def test_results_have_the_reference_frames_header_and_pixels(kind, record, fuse, tmp_path):
    fuse_bag(job(record(kind), tmp_path, outputs=OUTPUTS), fuse)
    with BagReader(tmp_path / 'out.mcap') as bag:
        found = {topic: [bag.deserialise(m) for m in bag.messages([f'/fuse_node/{topic}'])]
                 for topic in OUTPUTS}
        inputs = {bag.deserialise(m).header.stamp.nanosec: pixels_of(bag.deserialise(m))
                  for m in bag.messages([TOPIC])}
    for topic, messages in found.items():
        stamps = [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in messages]
        assert stamps == fuse.seen, topic
        assert {m.header.frame_id for m in messages} == {'camera'}
    reference = inputs[found['image'][0].header.stamp.nanosec]
    np.testing.assert_array_equal(pixels_of(found['image'][0]), reference)
    np.testing.assert_allclose(pixels_of(found['hdr'][0]), reference.astype(np.float32) / 255)
    assert np.abs(pixels_of(found['image/compressed'][0]).astype(int) - reference).mean() < 4
    assert (found['image'][0].encoding, found['hdr'][0].encoding) == ('bgr8', '32FC3')
    assert found['camera_info'][0].k[8] == 8.0


def test_a_type_that_nobody_knows_keeps_its_definition(record, fuse, tmp_path):
    fuse_bag(job(record(odd=True), tmp_path), fuse)
    with BagReader(tmp_path / 'out.mcap') as bag:
        (topic,) = [t for t in bag.describe_topics() if t.name == '/odd']
        assert 'int32 number' in topic.definition
        assert bag.deserialise(next(iter(bag.messages(['/odd'])))).number == 0


def test_a_bag_of_humble_with_a_type_that_nobody_knows_gives_one_that_can_be_read(
        humble, fuse, tmp_path):
    fuse_bag(job(humble, tmp_path), fuse)
    found = survey(tmp_path / 'out.mcap')
    assert [topic.count for topic in found.topics if topic.name == '/odd'] == [12]
    assert set(found.problems) == {'/odd'}
    assert contents(tmp_path / 'out.mcap', ['/odd']) == contents(humble, ['/odd'])


def test_a_corrupt_image_is_counted_and_the_others_go_on(record, fuse, tmp_path):
    path = record('db3')
    with sqlite3.connect(path) as database:
        database.execute("UPDATE messages SET data = x'00010000' WHERE id = (SELECT MIN(id) FROM "
                         "messages WHERE topic_id = (SELECT id FROM topics WHERE name = ?))",
                         [TOPIC])
    done = fuse_bag(job(path, tmp_path), fuse)
    assert (done.brackets, done.dropped['invalid']) == (3, 1)
    assert TOPIC in done.complaints


def test_the_camera_info_is_that_of_the_reference_frame(record, fuse, tmp_path):
    fuse_bag(job(record(info='each'), tmp_path), fuse)
    with BagReader(tmp_path / 'out.mcap') as bag:
        infos = [bag.deserialise(m) for m in bag.messages(['/fuse_node/camera_info'])]
    assert [info.binning_x for info in infos] == [1, 4, 7, 10]


def test_topics_of_one_namespace_share_its_camera_info(record, fuse, tmp_path):
    topics = ('/cam/short', '/cam/mid', '/cam/long')
    source = record(info='each', topics=topics, frames=90)
    fuse_bag(job(source, tmp_path, topics, settings={'bracket_size': 3}), fuse)
    with BagReader(tmp_path / 'out.mcap') as bag:
        infos = [bag.deserialise(m) for m in bag.messages(['/fuse_node/camera_info'])]
    assert {info.binning_x % 3 for info in infos} == {1}  # of the frames of /cam/mid


def test_exposures_can_be_left_out(record, fuse, tmp_path):
    source = record()
    fuse_bag(job(source, tmp_path, keep_exposures=False), fuse)
    with BagReader(tmp_path / 'out.mcap') as bag:
        assert TOPIC not in bag.topics
        assert bag.count(['/cam/meta']) == 12


def test_topics_of_one_exposure_each_are_joined(record, fuse, tmp_path):
    topics = ('/short/image', '/mid/image', '/long/image')
    source = record(topics=topics, frames=90, metadata=False, info=False)
    done = fuse_bag(job(source, tmp_path, topics, settings={
        'exposure_source': 'parameters', 'exposure_times': (0.001, 0.004, 0.016),
        'cycle_period': 0.099}), fuse)
    assert done.brackets > 20


def test_frames_without_metadata_are_dropped_and_counted(record, fuse, tmp_path):
    source = record(frames=15, lost=(4,))
    done = fuse_bag(job(source, tmp_path), fuse)
    assert done.brackets == 4
    assert sum(done.dropped.values()) == 2


def test_a_result_of_another_run_is_left_as_it_is(record, fuse, tmp_path):
    source = record()
    (tmp_path / 'out.mcap').write_bytes(b'theirs')
    with pytest.raises(TakenError, match='--overwrite'):
        fuse_bag(job(source, tmp_path), fuse)
    assert (tmp_path / 'out.mcap').read_bytes() == b'theirs'
    assert sorted(p.name for p in tmp_path.iterdir()) == ['out.mcap', 'street']
    assert fuse_bag(job(source, tmp_path, overwrite=True), fuse).brackets == 4


def test_a_link_for_the_result_stays_and_what_it_points_to_is_written(record, fuse, tmp_path):
    source = record()
    (tmp_path / 'far').mkdir()
    (tmp_path / 'out.mcap').symlink_to('far/fused.mcap')
    fuse_bag(job(source, tmp_path), fuse)
    assert (tmp_path / 'out.mcap').is_symlink()
    assert [path.name for path in (tmp_path / 'far').iterdir()] == ['fused.mcap']
    assert contents(tmp_path / 'far/fused.mcap')


def test_a_result_that_came_while_this_one_was_made_is_left_too(record, fuse, tmp_path):
    def meanwhile(bracket):
        (tmp_path / 'out.mcap').write_bytes(b'theirs')
        return fuse(bracket)

    with pytest.raises(TakenError):
        fuse_bag(job(record(), tmp_path), meanwhile)
    assert (tmp_path / 'out.mcap').read_bytes() == b'theirs'


def test_what_other_weights_had_fused_is_not_gone_on_with(record, fuse, tmp_path, monkeypatch):
    class Weights:
        def __init__(self, sha256, brackets):
            self.sha256, self.left = sha256, brackets

        def __call__(self, bracket):
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            return fuse(bracket)

    monkeypatch.setattr(parts, 'PART_SIZE', 1)
    source = record()
    for weights in (Weights('a', 2), Weights('a', 1)):
        with pytest.raises(KeyboardInterrupt):
            fuse_bag(job(source, tmp_path), weights)
    assert fuse_bag(job(source, tmp_path), Weights('b', 9)).earlier == 0


def test_nothing_is_left_behind_but_the_bag(record, fuse, tmp_path):
    fuse_bag(job(record(), tmp_path), fuse)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['out.mcap', 'street']


@pytest.mark.parametrize(('changes', 'said'), [
    ({'topics': ('/left',)}, 'expected /left with .*, got no such topic; there are: /cam/image'),
    ({'topics': ('/cam/meta',)}, 'expected /cam/meta with .*, got diagnostic_msgs'),
    ({'settings': {'exposure_source': 'flir'}}, 'expected a topic with flir_camera_msgs'),
    ({'settings': {'exposure_source': 'parameters'}}, 'expected something that tells where'),
    ({'settings': {'bracket_size': 5}}, r'expected complete brackets, got 12 images without'),
    ({'topics': ('cam/image_raw', TOPIC), 'settings': {'bracket_size': 2}},
     'image_topics: expected different names'),
    *(({'node': name}, 'expected a name of ROS') for name in ('/', '/a b', '/a//b', '/1', '/ü')),
    ({'node': '/cam', 'outputs': ('camera_info',)}, 'expected no topic /cam/camera_info'),
])
def test_what_cannot_be_fused_is_one_line_and_leaves_nothing(
        changes, said, record, fuse, tmp_path):
    with pytest.raises(ValueError, match=said) as caught:
        fuse_bag(job(record(), tmp_path, **changes), fuse)
    assert '\n' not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ['street']


@pytest.mark.parametrize('kind', ['mcap', 'folder'])
@pytest.mark.parametrize('keep', [False, True])
def test_a_result_does_not_go_into_the_recording(kind, keep, record, fuse, tmp_path):
    source = record(kind)
    before = {path: path.read_bytes() for path in (tmp_path / 'street').iterdir()}
    (tmp_path / 'same').symlink_to(tmp_path / 'street')
    with pytest.raises(BagError, match=r'expected a result outside of the bag'):
        fuse_bag(replace(job(source, tmp_path, keep_exposures=keep),
                         target=tmp_path / 'same' / 'street.mcap'), fuse)
    assert {path: path.read_bytes() for path in (tmp_path / 'street').iterdir()} == before


def test_one_metadata_topic_may_be_named_for_each_image_topic(record, fuse, tmp_path):
    topics = ('/a/image', '/b/image', '/c/image')
    named = {'metadata_topics': ('/cam/meta',) * 3, 'bracket_size': 3, 'cycle_period': 0.099}
    source = record(topics=topics, frames=36)
    done = fuse_bag(job(source, tmp_path, topics, settings=named), fuse)
    assert done.brackets == 8  # the others went into learning that the counter is of no use
    assert 'no_metadata' not in done.dropped


def test_a_bracket_that_cannot_be_fused_is_counted(record, fuse, tmp_path):
    def picky(bracket):
        if len(fuse.seen) == 1:
            fuse.seen.append(0)
            raise ValueError('expected better frames')
        return fuse(bracket)

    done = fuse_bag(job(record(), tmp_path), picky)
    assert (done.brackets, done.dropped) == (3, {'failed': 3})
    assert done.complaints == {TOPIC: 'expected better frames'}


def test_brackets_that_memory_did_not_suffice_for_are_counted_by_what_became_of_them(
        record, fuse, tmp_path):
    def scarce(bracket):
        if len(fuse.seen) == 2:
            fuse.seen.append(0)
            raise MemoryError('choose smaller images')
        fused = fuse(bracket)
        fused.way = 'whole' if len(fuse.seen) == 1 else 'bands'
        return fused

    done = fuse_bag(job(record(), tmp_path), scarce)
    assert (done.brackets, done.dropped) == (3, {'failed': 3})
    assert done.out_of_memory == {'bands': 2}
    assert done.complaints == {TOPIC: 'choose smaller images'}


def test_other_names_than_mcap_are_refused(record, fuse, tmp_path):
    wrong = BagJob(source=record(), target=Path(tmp_path / 'out.bag'),
                settings=job('', tmp_path).settings)
    with pytest.raises(BagError, match=r'ends in \.mcap'):
        fuse_bag(wrong, fuse)


@pytest.mark.parametrize(('channels', 'said'), [
    (1, 'mono8; jpeg compressed '), (3, 'bgr8; jpeg compressed bgr8')])
def test_a_jpeg_says_what_it_holds_in_the_words_of_the_node(
        channels, said, record, tmp_path):
    def fuse(bracket):
        pixels = np.squeeze(bracket.reference.pixels[..., :channels])
        header = SimpleNamespace(stamp_ns=1, frame_id='camera')
        return SimpleNamespace(bracket=SimpleNamespace(reference=header), image=pixels,
                               way='whole')

    fuse_bag(job(record(), tmp_path, outputs=('image/compressed',)), fuse)
    with BagReader(tmp_path / 'out.mcap') as bag:
        (message, *_) = map(bag.deserialise, bag.messages(['/fuse_node/image/compressed']))
    assert message.format == said


@pytest.mark.parametrize('encoding', ['rgb16', 'rgb16_log'])
def test_radiance_in_16_bits_is_that_of_the_node(encoding, record, fuse, tmp_path):
    fuse_bag(job(record(), tmp_path, outputs=('hdr',), settings={'hdr_encoding': encoding}), fuse)
    with BagReader(tmp_path / 'out.mcap') as bag:
        message = bag.deserialise(next(iter(bag.messages(['/fuse_node/hdr']))))
    pixels = pixels_of(message)
    assert message.encoding == 'rgb16'
    assert pixels.dtype == np.uint16
    assert pixels[..., 0].max() > pixels[..., 1].max() > 0  # red is brightest in the scene

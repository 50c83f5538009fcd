# SPDX-License-Identifier: Apache-2.0
import json
import shlex
from importlib.resources import files
from pathlib import Path

import pytest
from rosbags.rosbag2 import Writer

from ddfnet_ros.bags import TYPES, BagReader, BagWriter, Message
from ddfnet_ros.cli import main

STREET = str(files('ddfnet_ros.demo') / 'street' / 'street.mcap')


def test_the_shipped_street_is_recognised_as_a_bracket(capsys):
    assert main(['inspect', STREET]) == 0
    said = capsys.readouterr().out
    assert '640x360' in said
    assert '30.0 Hz' in said
    assert '42 images' in said
    assert (f'ros2 launch ddfnet_ros fuse.launch.py bag:={STREET} '
            'image_topics:=/camera/image_raw/compressed exposure_source:=camera_ros') in said
    assert f'ddfnet bag {STREET} ' in said


def test_a_bag_that_was_fused_before_is_offered_another_name_for_the_results(capsys, tmp_path):
    path = tmp_path / 'fused.mcap'
    with BagReader(STREET) as street, BagWriter(path) as bag:
        for message in street.messages():
            bag.write_cdr(message)
        bag.write('/fuse_node/words', TYPES.types['std_msgs/msg/String']('fused'), 5)
    assert main(['inspect', str(path)]) == 0
    assert '_fused.mcap --node fuse_node_2\n' in capsys.readouterr().out


@pytest.mark.parametrize('name', ['a street', 'street.2026-01-01', '.', '-dash'])
def test_what_is_printed_can_be_typed_for_any_name(name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = 'a street' if name == '.' else name
    with BagReader(STREET) as street, Writer(folder, version=9) as bag:
        known = {t: bag.add_connection(t, kind, typestore=TYPES)
                 for t, kind in street.topics.items()}
        for message in street.messages():
            bag.write(known[message.topic], message.stamp_ns, bytes(message.cdr))
    monkeypatch.chdir(folder if name == '.' else '.')
    assert main(['inspect', *(('--', name) if name == '-dash' else (name,))]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if 'ddfnet bag' in line]
    source, output = shlex.split(line)[2:]
    assert source == ('./-dash' if name == '-dash' else name)
    assert not output.startswith('-')
    assert Path(output).absolute() == tmp_path / f'{folder}_fused.mcap'


def test_scripts_get_json(capsys):
    assert main(['inspect', STREET, '--json']) == 0
    told = json.loads(capsys.readouterr().out)
    assert told['images'][0]['width'] == 640
    assert told['metadata'] == [{'topic': '/camera/meta', 'source': 'camera_ros'}]
    assert told['suggestions'][0]['settings']['bracket_size'] == 3


@pytest.mark.parametrize('texts', [[], ['hello']])
def test_a_bag_without_images_is_a_success(texts, tmp_path, capsys):
    with BagWriter(tmp_path / 'plain.mcap') as bag:
        for text in texts:
            bag.write('/chatter', TYPES.types['std_msgs/msg/String'](text), 5)
    assert main(['inspect', str(tmp_path / 'plain.mcap')]) == 0
    assert 'no bracket: no image topic' in capsys.readouterr().out


def test_a_message_that_cannot_be_read_is_one_line_and_still_a_success(tmp_path, capsys):
    path = tmp_path / 'half.mcap'
    with BagWriter(path) as bag:
        for kind in ('sensor_msgs/msg/Image', 'diagnostic_msgs/msg/DiagnosticArray'):
            bag.write_cdr(Message(f'/{kind[-5:]}', kind, 5, b'\0\1\0\0'))
    assert main(['inspect', str(path)]) == 0
    assert capsys.readouterr().out.count('expected a complete rosbag2') == 2
    assert main(['inspect', str(path), '--json']) == 0
    told = json.loads(capsys.readouterr().out)
    assert told['images'][0]['problem']
    assert list(told['problems']) == ['/Array']


@pytest.mark.parametrize(('name', 'got'), [
    ('notes.txt', 'another file'), ('', 'a folder without metadata.yaml')])
def test_what_cannot_be_a_bag_is_told_what_is_one(tmp_path, capsys, name, got):
    (tmp_path / 'notes.txt').write_text('notes')
    path = tmp_path / name
    assert main(['inspect', str(path)]) == 2
    assert capsys.readouterr().err == (
        f'ddfnet: {path}: expected a bag, got {got}; name an .mcap, .db3 or .bag file, or a '
        'rosbag2 folder\n')


def test_what_is_no_bag_is_one_line_and_status_2(tmp_path, capsys):
    (tmp_path / 'notes.mcap').write_text('notes')
    assert main(['inspect', str(tmp_path / 'notes.mcap')]) == 2
    assert capsys.readouterr().err.count('\n') == 1


def test_of_several_brackets_each_line_fuses_its_own(capsys, tmp_path):
    path = tmp_path / 'two.mcap'
    with BagReader(STREET) as street, BagWriter(path) as bag:
        for message in street.messages():
            for side in ('/front', '/rear'):
                bag.write_cdr(message._replace(topic=side + message.topic))
    assert main(['inspect', str(path)]) == 0
    lines = [shlex.split(line) for line in capsys.readouterr().out.splitlines()
             if 'ddfnet bag' in line]
    assert len({line[3] for line in lines}) == 2
    for line, side in zip(lines, ('/front', '/rear'), strict=True):
        assert main([*line[1:], '--model', 'fast', '--device', 'cpu']) == 0
        with BagReader(Path(line[3])) as fused:
            assert fused.count(['/fuse_node/hdr']) == 14
        assert f'{side}/camera/image_raw/compressed' in line
    assert main(['bag', str(path), str(tmp_path / 'one.mcap'), '--model', 'fast']) == 2
    assert capsys.readouterr().err.endswith('and set --image-topics\n')

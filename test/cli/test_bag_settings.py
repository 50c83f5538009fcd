# SPDX-License-Identifier: Apache-2.0
"""Where `ddfnet bag` has its settings from: options, a parameter file, the bag itself."""

import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from ddfnet_ros.assembly import BracketAssembler
from ddfnet_ros.bags import BagReader
from ddfnet_ros.bracket import Frame
from ddfnet_ros.cli import main, parameter_file
from ddfnet_ros.cli.bag import EXAMPLES, Options
from ddfnet_ros.command_line.parsing import parse

sys.path.insert(0, str(Path(__file__).parents[1] / 'demo'))  # small_street

from small_street import IMAGE_TOPIC, write_street


@pytest.fixture
def street(tmp_path):
    return write_street(tmp_path / 'in', brackets=3)


def count(path, topic='/fuse_node/image'):
    with BagReader(path) as bag:
        return bag.count([topic])


@pytest.mark.parametrize('topic', [IMAGE_TOPIC, IMAGE_TOPIC.removeprefix('/')])
def test_topics_that_are_named_still_have_their_exposures_from_the_bag(
        topic, street, model, tmp_path):
    assert main(['bag', str(street), str(tmp_path / 'out.mcap'), '--image-topics', topic,
                 *model]) == 0
    assert count(tmp_path / 'out.mcap') == 3


def test_a_topic_that_a_bag_does_not_have_is_named_with_those_it_has(street, tmp_path, capsys):
    words = [str(street), str(tmp_path / 'out.mcap'), '--image-topics', '/camera/image']
    assert main(['bag', *words]) == 2
    assert (f'expected /camera/image, got no such image topic; there are: {IMAGE_TOPIC}'
            in capsys.readouterr().err)


def test_a_parameter_file_of_the_node_works_here_too(street, model, tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text(f"""
/**:
  ros__parameters:
    image_topics: [{IMAGE_TOPIC}]
    exposure_source: camera_ros
    exposure_times: [0.001, 0.004, 0.016]
    tone_map: reinhard
    use_sim_time: true""")
    out = tmp_path / 'out.mcap'
    assert main(['bag', str(street), str(out), '--params-file', str(file), *model]) == 0
    assert count(out) == 3
    assert main(['bag', str(street), str(tmp_path / 'b.mcap'), '--params-file', str(file),
                 '--exposure-times', '1', '2', '3', *model]) == 2  # options are stronger


def test_an_option_is_stronger_than_the_file_also_where_it_is_the_default(
        street, model, tmp_path, capsys):
    file = tmp_path / 'mine.yaml'
    file.write_text('/**: {ros__parameters: {bracket_size: 5}}')
    line = ['bag', str(street), str(tmp_path / 'out.mcap'), '--params-file', str(file), *model]
    assert main(line) == 2
    assert 'expected complete brackets' in capsys.readouterr().err
    assert main([*line, '--bracket-size', '3']) == 0


def test_a_file_may_complete_what_options_begin(street, model, tmp_path, capsys):
    line = ['bag', str(street), str(tmp_path / 'out.mcap'), '--cycle-source', 'gap', *model]
    assert main(line) == 2
    assert '--cycle-gap: expected more than 0 s' in capsys.readouterr().err
    file = tmp_path / 'mine.yaml'
    file.write_text('/**: {ros__parameters: {cycle_gap: 0.02}}')
    main([*line, '--params-file', str(file)])
    assert 'expected more than 0 s' not in capsys.readouterr().err
    two = ['--image-topics', IMAGE_TOPIC, '/other', '--params-file', str(file)]
    file.write_text('/**: {ros__parameters: {exposure_times: [0.001, 0.004]}}')
    assert main([*line[:3], *model, *two]) == 2
    assert 'topic' in (said := capsys.readouterr().err)
    assert 'got 2' not in said


@pytest.mark.parametrize(('text', 'said'), [
    ('/**: {ros__parameters: {colour: red}}', 'expected parameters of fuse_node, got colour'),
    ('[1, 2', 'expected a ROS parameter file'),
    ('just text', "got 'just text' where the file has names and values"),
    ('/**: 3', 'got 3 where a node has names and values'),
    ('/**: {ros__parameters: [1]}', 'got [1] where ros__parameters has names and values'),
    ('/**: {tone_map: drago}', "got a node without 'ros__parameters'; correct it"),
    ('/**: {ros__parameters: {tone_map: sepia}}', 'tone_map: expected one of'),
])
def test_a_bad_parameter_file_is_one_line(text, said, street, tmp_path, capsys):
    (tmp_path / 'mine.yaml').write_text(text)
    assert main(['bag', str(street), str(tmp_path / 'out.mcap'), '--params-file',
                 str(tmp_path / 'mine.yaml')]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count('\n') == 1


@pytest.mark.parametrize('name', ['fuse', 'ghent', 'backlight', 'highway'])
def test_every_shipped_parameter_file_can_be_read(name):
    settings = parameter_file.read(Path(__file__).parents[2] / 'config' / f'{name}.yaml')
    assert len(settings['exposure_times']) == 3


def test_settings_of_the_user_come_before_those_of_the_bag(street, model, tmp_path, capsys):
    assert main(['bag', str(street), str(tmp_path / 'out.mcap'), '--bracket-size', '5',
                 *model]) == 2
    assert 'expected complete brackets' in capsys.readouterr().err


def test_a_bag_that_tells_no_exposures_names_the_remedy(tmp_path, model, capsys):
    street = write_street(tmp_path / 'in', brackets=1)
    assert main(['bag', str(street), str(tmp_path / 'out.mcap'), *model]) == 2
    assert '--image-topics and --exposure-times' in capsys.readouterr().err


@pytest.mark.parametrize('line', [
    line for line in EXAMPLES.replace('\\\n', '').splitlines() if '--exposure-times' in line])
def test_an_example_says_where_frames_stand_in_the_cycle(line):
    settings = parse(Options, 'ddfnet bag', shlex.split(line)[2:], EXAMPLES).settings
    frame = Frame(pixels=np.zeros((1, 1), np.uint8), stamp_ns=0)
    assert BracketAssembler(settings).add(frame) == []  # and does not refuse the settings


def test_help_shows_settings_that_mean_something_here(capsys):
    with pytest.raises(SystemExit):
        main(['bag', '--help'])
    said = capsys.readouterr().out
    assert '--exposure-source' in said
    assert '--autostart' not in said
    assert 'ddfnet bag drive.mcap drive_fused.mcap' in said

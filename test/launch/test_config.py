# SPDX-License-Identifier: Apache-2.0
import json
import re
from pathlib import Path
from types import UnionType
from typing import get_args, get_origin, get_type_hints
from xml.etree import ElementTree

import pytest
import yaml

from ddfnet_ros.node.diagnostics import Snapshot, values_of
from ddfnet_ros.settings import NodeSettings

CONFIG = Path(__file__).resolve().parents[2] / 'config'
XMLNS = {'dds': 'http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles'}
DOCKER_SHM = 64 * 2**20  # bytes of /dev/shm in a container, unless told otherwise


@pytest.mark.parametrize('name', ['fuse', 'ghent', 'backlight', 'highway'])
def test_a_parameter_file_has_only_parameters_that_exist_with_values_that_they_take(name):
    (parameters,) = yaml.safe_load((CONFIG / f'{name}.yaml').read_text()).values()
    values = {name: tuple(value) if isinstance(value, list) else value
              for name, value in parameters['ros__parameters'].items()}
    hints = get_type_hints(NodeSettings)
    for parameter, value in values.items():  # an unknown name, which rclpy ignores, raises here
        hint = hints[parameter]
        allowed = get_args(hint) if isinstance(hint, UnionType) else [get_origin(hint) or hint]
        assert type(value) in allowed, f'{parameter}: {value!r}'
    assert NodeSettings(**values).size == 3


def profile(name):
    (shared_memory,) = [
        transport for transport in ElementTree.parse(CONFIG / f'fastdds_{name}.xml').findall(
            './/dds:transport_descriptor', XMLNS)
        if transport.findtext('dds:type', namespaces=XMLNS) == 'SHM'
    ]
    return [int(shared_memory.findtext(f'dds:{key}', namespaces=XMLNS))
            for key in ('segment_size', 'maxMessageSize')]


def test_five_processes_with_the_local_profile_fit_into_a_container():
    segment, message = profile('local')
    assert 5 * segment < DOCKER_SHM
    assert 640 * 360 * 12 < message < segment


def test_the_shared_memory_profile_takes_hdr_images_of_1080p():
    segment, message = profile('shm')
    assert 1920 * 1080 * 12 < message < segment / 4


@pytest.mark.parametrize('name', ['local', 'shm'])
def test_a_profile_is_used_unasked(name):
    root = ElementTree.parse(CONFIG / f'fastdds_{name}.xml')
    participant = root.find('.//dds:participant', XMLNS)
    assert participant.get('is_default_profile') == 'true'


def strings_in(node):
    """All texts in nested lists and dictionaries, keys left out."""
    if isinstance(node, str):
        return {node}
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return set().union(*map(strings_in, children))


def test_the_foxglove_layout_places_every_panel_it_configures():
    layout = json.loads((CONFIG / 'foxglove.json').read_text())
    places = strings_in(layout['layout']) - {'row', 'column'}
    assert places == set(layout['configById'])
    assert '/fuse_node/image' in strings_in(layout['configById'])


def test_the_plots_of_the_layout_read_what_the_diagnostics_tell():
    busy = Snapshot(latencies_ms=(1.0,))
    told = {value.key for value in values_of(busy, busy)}
    plotted = re.findall(r'key==\\"([^"]+)\\"', (CONFIG / 'foxglove.json').read_text())
    assert plotted
    assert set(plotted) <= told


def test_rviz_shows_images_of_the_node():
    config = yaml.safe_load((CONFIG / 'ddfnet.rviz').read_text())
    displays = config['Visualization Manager']['Displays']
    assert {'/fuse_node/image', '/image_raw'} == {shown['Topic']['Value'] for shown in displays}

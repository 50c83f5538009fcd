# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from ddfnet_ros.settings import NodeSettings

CONFIG = Path(__file__).resolve().parents[2] / 'config'
XMLNS = {'dds': 'http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles'}
DOCKER_SHM = 64 * 2**20  # bytes of /dev/shm in a container, unless told otherwise


def test_the_parameter_file_has_only_parameters_that_exist_with_values_that_they_take():
    (parameters,) = yaml.safe_load((CONFIG / 'fuse.yaml').read_text()).values()
    values = {name: tuple(value) if isinstance(value, list) else value
              for name, value in parameters['ros__parameters'].items()}
    assert NodeSettings(**values).size == 3  # an unknown name, which rclpy ignores, raises here


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

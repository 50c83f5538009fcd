# SPDX-License-Identifier: Apache-2.0
from importlib.util import find_spec

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import Illuminance

from ddfnet_ros.metadata import SOURCES
from ddfnet_ros.node.exposure import exposure_source, message_type
from ddfnet_ros.settings import NodeSettings

FIELD = {'exposure_source': 'field', 'metadata_type': 'sensor_msgs/msg/Illuminance',
         'exposure_field': 'illuminance', 'exposure_unit': 'us'}


def test_parameters_need_no_messages():
    assert exposure_source(NodeSettings()) is None


def test_the_class_of_messages_is_found_by_the_name_of_their_type():
    assert exposure_source(NodeSettings(exposure_source='camera_ros')).msgtype is DiagnosticArray
    assert exposure_source(NodeSettings(**FIELD)).msgtype is Illuminance


@pytest.mark.parametrize('source', sorted(set(SOURCES) - {'camera_ros'}))
def test_a_package_that_is_not_installed_is_named_with_the_remedy(source):
    package = SOURCES[source].msgtype.partition('/')[0]
    if find_spec(package):
        pytest.skip(f'{package} is installed')
    with pytest.raises(ValueError, match=f'exposure_source {source}: expected the package '
                       f'{package} to be installed') as error:
        exposure_source(NodeSettings(exposure_source=source))
    assert f'apt install ros-$ROS_DISTRO-{package.replace("_", "-")}' in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(('name', 'text'), [
    ('sensor_msgs/msg/Exposure', 'expected a message Exposure in sensor_msgs, got none'),
    ('sensor_msgs', "expected a type package/msg/Name, got 'sensor_msgs'"),
    ('../msg/x', 'expected a type package/msg/Name'), ('', 'expected a type package/msg/Name'),
    ('no.such/msg/Thing', 'expected a type package/msg/Name'),
])
def test_a_type_that_there_is_not_is_one_line(name, text):
    with pytest.raises(ValueError, match=text):
        message_type(name)


@pytest.mark.parametrize('field', ['exposure_field', 'gain_field', 'counter_field', 'stamp_field'])
def test_a_field_that_no_such_message_has_is_refused_before_the_first_one(field):
    with pytest.raises(ValueError, match=r'expected sensitivity\.value in sensor_msgs/msg/'
                       'Illuminance, got header, illuminance, variance'):
        exposure_source(NodeSettings(**FIELD | {field: 'sensitivity.value'}))


def test_metadata_without_a_stamp_match_by_counter_only():
    headless = FIELD | {'metadata_type': 'diagnostic_msgs/msg/KeyValue',
                        'exposure_field': 'value', 'counter_field': 'key'}
    with pytest.raises(ValueError, match=r'expected header\.stamp in diagnostic_msgs'):
        exposure_source(NodeSettings(**headless))
    assert exposure_source(NodeSettings(**headless, image_counter_field='header.frame_id'))

# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace as Message

import numpy as np
import pytest

from ddfnet_ros.metadata.fields import MissingFieldError, counter, look_up, number


def pair(key, value):
    return Message(key=key, value=value)


MESSAGE = Message(
    header=Message(stamp=Message(sec=3, nanosec=500_000_000), frame_id='camera_17_000042'),
    exposure_time=4000, gains=np.array([1.0, 2.5]), shots=[Message(us=10), Message(us=20)],
    json_data='{"exposure": 166, "nested": {"deep": [7, 8]}}', note='bright',
    status=[Message(values=[]), Message(values=[pair('Lux', '3'), pair('ExposureTime', '4000')]),
            Message(values=[pair('shot', '{"exposure": 12}')])],
)


@pytest.mark.parametrize(('path', 'value'), [
    ('exposure_time', 4000), ('gains.1', 2.5), ('shots.1.us', 20), ('shots.us', 10),
    ('json_data.exposure', 166), ('json_data.nested.deep.0', 7),
    ('status.values.ExposureTime', '4000'), ('status.values.shot.exposure', 12),
    ('status.1.values.0.value', '3'),
    ('header.stamp', MESSAGE.header.stamp),
])
def test_a_path_leads_through_fields_lists_keys_and_json(path, value):
    assert look_up(MESSAGE, path) == value


@pytest.mark.parametrize(('path', 'instead'), [
    ('exposure', 'only header, exposure_time, gains'),
    ('header.exposure', 'only stamp, frame_id'),
    ('json_data.gain', 'only exposure, nested'),
    ('note.gain', "'bright'"),
    ('status.values.Gain', '3 elements without values'),
    ('shots.2.us', '2 elements;'),
    ('exposure_time.us', '4000'),
    ('__class__.__name__', 'only header'),
])
def test_a_path_that_leads_nowhere_says_what_is_there_instead(path, instead):
    with pytest.raises(MissingFieldError, match=f'expected {path}, got .*{instead}') as error:
        look_up(MESSAGE, path)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(('value', 'expected'), [
    (3, 3.0), ('4000.5', 4000.5), (np.float32(0.5), 0.5), (np.uint32(7), 7.0),
    (Message(sec=2, nanosec=250_000_000), 2.25),
])
def test_numbers_come_as_numbers_texts_and_durations(value, expected):
    assert number(value, 'exposure') == expected


@pytest.mark.parametrize('value', [
    'auto', '', None, float('nan'), float('inf'), [1], 'nan', Message(nanosec=1),
    Message(sec='3', nanosec=1)])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match='exposure: expected a number, got'):
        number(value, 'exposure')


@pytest.mark.parametrize(('value', 'expected'), [
    (12, 12), ('12', 12), ('camera_17_000042', 42), (np.uint64(2**53 + 1), 2**53 + 1), (0, 0),
    (2**64 - 1, 2**64 - 1),
])
def test_a_counter_is_an_integer_or_the_last_digits_of_a_text(value, expected):
    assert counter(value, 'sequence') == expected


@pytest.mark.parametrize('value', [
    -1, 1.5, 'camera', None, MESSAGE.header.stamp, Message(sec=3, nanosec=0), 2**65, '9' * 308])
def test_what_counts_nothing_is_refused(value):
    with pytest.raises(ValueError, match='sequence: expected a'):
        counter(value, 'sequence')

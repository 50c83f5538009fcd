# SPDX-License-Identifier: Apache-2.0
import dataclasses

import pytest

from ddfnet_ros.settings import AssemblySettings, NodeSettings
from ddfnet_ros.tunables import Settings, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lamp(Settings):
    brightness: float = setting(1.0, 'How bright [lm].', bounds=(0.0, 10.0), live=True)
    colours: tuple[str, ...] = setting(('red',), 'Which.', choices=('red', 'green'))
    socket: int | str = setting(0, 'Where.', bounds=(0, 3), choices=('any',))


def test_setting_keeps_what_a_front_end_needs():
    metadata = dataclasses.fields(Lamp)[0].metadata
    assert metadata == {
        'description': 'How bright [lm].', 'bounds': (0.0, 10.0), 'choices': (), 'live': True}


@pytest.mark.parametrize(('wrong', 'message'), [
    ({'brightness': 11.0}, r'brightness: expected 0\.0 to 10\.0, got 11\.0'),
    ({'brightness': float('nan')}, 'brightness: expected a finite number, got nan'),
    ({'colours': ('red', 'blue')}, "colours: expected one of red, green, got 'blue'"),
    ({'socket': 4}, 'socket: expected a whole number of 0 to 3, or any, got 4'),
    ({'socket': 'none'}, "socket: expected a whole number of 0 to 3, or any, got 'none'"),
    ({'socket': 1.0}, r'socket: expected a whole number of 0 to 3, or any, got 1\.0'),
])
def test_value_out_of_bounds_is_refused_by_name(wrong, message):
    with pytest.raises(ValueError, match=message):
        Lamp(**wrong)


def test_number_or_word_is_allowed_where_there_are_bounds_and_choices():
    assert (Lamp(socket=3).socket, Lamp(socket='any').socket) == (3, 'any')


def test_bounds_are_inclusive():
    assert Lamp(brightness=10.0).brightness == 10.0
    assert Lamp(brightness=0.0).brightness == 0.0


@pytest.mark.parametrize(('wrong', 'message'), [
    ({'exposure_times': (0.01,)}, 'exposure_times: expected 2 to 9 times, got 1'),
    ({'exposure_times': tuple(range(1, 11))}, 'exposure_times: expected 2 to 9 times, got 10'),
    ({'exposure_times': (0.01, 0.02, 0.01)}, 'exposure_times: expected different times'),
    ({'exposure_times': (0.01, -0.02)}, 'exposure_times: expected 1e-07 to'),
    ({'cycle_source': 'phase'}, 'set cycle_period'),
    ({'cycle_period': 1e-300}, 'cycle_period: expected 0.0001 s or more, or 0 for none'),
    ({'window': 'hopping'}, 'window: expected one of cycle, sliding'),
    ({'cycle_source': 'gap'}, 'set cycle_gap'),
    ({'cycle_source': 'brightness'}, 'cycle_source: expected one of auto, metadata'),
    ({'bracket_size': 1}, 'bracket_size: expected 2 to 9, got 1'),
])
def test_assembly_settings_that_cannot_work_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        AssemblySettings(**wrong)


def test_exposure_times_decide_the_size_of_a_bracket():
    assert AssemblySettings(exposure_times=(0.01, 0.02), bracket_size=5).size == 2
    assert AssemblySettings(bracket_size=5).size == 5


def test_windows_do_not_slide_where_another_joins_the_frames():
    topics = {'image_topics': ('/a', '/b', '/c'), 'sync': 'approximate'}
    assert NodeSettings(**topics).window == 'cycle'
    with pytest.raises(ValueError, match='window: expected cycle with sync approximate'):
        NodeSettings(**topics, window='sliding')

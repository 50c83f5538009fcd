# SPDX-License-Identifier: Apache-2.0
import dataclasses

import pytest

from ddfnet_ros.settings import AssemblySettings, Settings, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lamp(Settings):
    brightness: float = setting(1.0, 'How bright [lm].', bounds=(0.0, 10.0), live=True)
    colours: tuple[str, ...] = setting(('red',), 'Which.', choices=('red', 'green'))


def test_setting_keeps_what_a_front_end_needs():
    metadata = dataclasses.fields(Lamp)[0].metadata
    assert metadata == {
        'description': 'How bright [lm].', 'bounds': (0.0, 10.0), 'choices': (), 'live': True}


@pytest.mark.parametrize(('wrong', 'message'), [
    ({'brightness': 11.0}, r'brightness: expected 0\.0 to 10\.0, got 11\.0'),
    ({'brightness': float('nan')}, 'brightness: expected a finite number, got nan'),
    ({'colours': ('red', 'blue')}, "colours: expected one of red, green, got 'blue'"),
])
def test_value_out_of_bounds_is_refused_by_name(wrong, message):
    with pytest.raises(ValueError, match=message):
        Lamp(**wrong)


def test_bounds_are_inclusive():
    assert Lamp(brightness=10.0).brightness == 10.0
    assert Lamp(brightness=0.0).brightness == 0.0


@pytest.mark.parametrize(('wrong', 'message'), [
    ({'exposure_times': (0.01,)}, 'exposure_times: expected 2 to 9 times, got 1'),
    ({'exposure_times': tuple(range(1, 11))}, 'exposure_times: expected 2 to 9 times, got 10'),
    ({'exposure_times': (0.01, 0.02, 0.01)}, 'exposure_times: expected different times'),
    ({'exposure_times': (0.01, -0.02)}, 'exposure_times: expected 1e-07 to'),
    ({'cycle_source': 'phase'}, 'set cycle_period'),
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

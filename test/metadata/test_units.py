# SPDX-License-Identifier: Apache-2.0
from contextlib import suppress

import pytest

from ddfnet_ros.metadata.units import LINEAR, SECONDS, UnitCheck, linear_gain, seconds

CYCLE = (0.001, 0.004, 0.016)


@pytest.mark.parametrize(('value', 'unit'), [
    (0.004, 's'), (4, 'ms'), (40, '100us'), (4000, 'us'), (4e6, 'ns'),
])
def test_four_milliseconds_are_four_milliseconds_in_any_unit(value, unit):
    assert seconds(value, unit, 'exposure') == pytest.approx(0.004)


@pytest.mark.parametrize(('value', 'unit', 'gain'), [
    (2, 'linear', 2), (20, 'db', 10), (0, 'db', 1), (-20, 'db', 0.1), (200, '0.1db', 10),
    (48, '16ths', 3), (400, 'iso', 4),
])
def test_gains_become_factors_of_brightness(value, unit, gain):
    assert linear_gain(value, unit, 'gain') == pytest.approx(gain)


def test_every_unit_is_a_choice_of_its_parameter(settings_choices):
    assert set(SECONDS) == settings_choices('exposure_unit') - {'auto'}
    assert set(LINEAR) == settings_choices('gain_unit') - {'auto', 'ignore'}


@pytest.mark.parametrize('value', [0, -4])
def test_exposure_times_are_positive(value):
    with pytest.raises(ValueError, match='exposure: expected a positive number, got'):
        seconds(value, 'us', 'exposure')


@pytest.mark.parametrize(('value', 'unit'), [(4000, 's'), (0.004, 'us')])
def test_an_exposure_time_that_no_camera_has_is_of_another_unit(value, unit):
    with pytest.raises(ValueError, match=f'got {value:g} {unit}; check exposure_unit'):
        seconds(value, unit, 'exposure')


@pytest.mark.parametrize(('value', 'unit'), [
    (0, 'linear'), (-1, 'linear'), (100, 'db'), (1e6, 'db'), (-1e6, 'db'), (1e7, 'iso'),
])
def test_a_gain_that_no_camera_has_is_of_another_unit(value, unit):
    with pytest.raises(ValueError, match='check gain_unit'):
        linear_gain(value, unit, 'gain')


def take(check, *times):
    """Which of the times are taken."""
    taken = []
    for time in times:
        with suppress(ValueError):
            check(time, 'exposure')
            taken.append(time)
    return taken


def test_a_jump_is_one_line_that_names_both_times_and_the_parameter():
    check = UnitCheck((), 3)
    check(0.004, 'exposure')
    with pytest.raises(ValueError, match=r'0\.004 s, got 4 s.*exposure_unit') as error:
        check(4.0, 'exposure')
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('wrong', [max(CYCLE) * 1000, min(CYCLE) / 1000])
@pytest.mark.parametrize('nominal', [(), CYCLE])
def test_a_time_a_thousand_times_those_before_is_refused_and_no_other(wrong, nominal):
    taken = take(UnitCheck(nominal, 3), *CYCLE, wrong, *CYCLE, wrong, wrong, *CYCLE)
    assert taken == [*CYCLE * 3]


def test_configured_times_refuse_a_wrong_unit_from_the_first_message_to_the_last():
    wrong = [time * 1e3 for time in CYCLE]
    assert take(UnitCheck(CYCLE, 3), *wrong[2:], *[max(wrong)] * 50) == []


def test_exposures_of_one_bracket_may_be_far_apart():
    wide = (1e-5, 5e-3, 1.0)
    assert take(UnitCheck(wide, 3), *wide, *wide) == [*wide, *wide]
    assert take(UnitCheck((), 3), *wide, *wide) == [*wide, *wide]


def test_a_first_time_that_was_wrong_is_forgotten_after_four_turns():
    taken = take(UnitCheck((), 3), 20.0, *CYCLE * 6, 20.0, *CYCLE)
    assert taken == [20.0, *[*CYCLE * 7][11:]]


def test_wrong_times_between_right_ones_are_never_believed():
    assert take(UnitCheck((), 3), *(*CYCLE, 20.0) * 20) == [*CYCLE * 20]


def test_measured_times_do_not_widen_what_is_configured():
    assert take(UnitCheck(CYCLE, 3), 0.1, 0.2) == [0.1]


@pytest.mark.parametrize('factor', [1000, 1 / 1000])
@pytest.mark.parametrize('nominal', [(), CYCLE])
def test_a_whole_cycle_in_another_unit_is_refused_from_the_first_to_the_last(nominal, factor):
    check = UnitCheck(nominal, 3)
    assert take(check, *CYCLE) == [*CYCLE]
    wrong = [time * factor for time in CYCLE]
    assert take(check, *wrong * 3) == []
    assert take(check, *CYCLE) == [*CYCLE]


@pytest.mark.parametrize('factor', [1000, 1 / 1000])
def test_a_whole_cycle_in_another_unit_is_believed_after_four_turns_without_nominal_times(factor):
    check = UnitCheck((), 3)
    wrong = [time * factor for time in CYCLE]
    assert take(check, *CYCLE, *wrong * 5) == [*CYCLE, *[*wrong * 5][11:]]
    assert take(UnitCheck(CYCLE, 3), *wrong * 20) == []


@pytest.mark.parametrize('nominal', [(), CYCLE])
def test_exposure_control_may_leave_the_known_times_by_the_root_of_what_they_leave_of_a_unit(
        nominal):
    check = UnitCheck(nominal, 3)
    assert take(check, *CYCLE) == [*CYCLE]  # 16 from end to end: 7.9 remain on either side
    assert take(check, 0.016 * 8, 0.001 / 8) == []
    assert take(check, 0.016 * 7.8) == [0.016 * 7.8]
    assert take(UnitCheck(nominal, 3), *CYCLE, 0.001 / 7.8) == [*CYCLE, 0.001 / 7.8]


def test_a_bracket_wider_than_a_unit_leaves_a_factor_of_two():
    check = UnitCheck((1e-5, 5e-3, 1.0), 3)
    assert take(check, 1.9, 2.1, 5.1e-6, 4.9e-6) == [1.9, 5.1e-6]


def test_an_exposure_that_was_lost_in_the_first_turns_is_believed_the_fourth_time():
    check = UnitCheck((), 3)
    assert take(check, 0.001, 0.016, 0.001, 0.016) == [0.001, 0.016, 0.001, 0.016]
    turn = [0.001, 0.016, 0.256]
    assert take(check, *turn * 3) == [0.001, 0.016] * 3
    assert take(check, *turn * 3) == turn * 3
    nominal = UnitCheck((0.001, 0.016), 2)
    assert take(nominal, *turn * 9) == [0.001, 0.016] * 9

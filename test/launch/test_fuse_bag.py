# SPDX-License-Identifier: Apache-2.0
import json

import pytest


def test_reliable_images_are_what_the_override_file_says(bags, given):
    file, text = bags.qos_overrides(given(bag_qos='reliable'), ['/a', '/b'])
    assert not file
    assert set(json.loads(text)) == {'/a', '/b'}
    assert json.loads(text)['/b']['reliability'] == 'reliable'


def test_an_override_file_of_the_users_is_taken(bags, given, tmp_path):
    mine = tmp_path / 'qos.yaml'
    mine.write_text('')
    assert bags.qos_overrides(given(bag_qos=str(mine)), []) == (str(mine), '')
    assert bags.qos_overrides(given(), []) == ('', '')


@pytest.mark.parametrize(('wish', 'said'), [
    ('absent.yaml', 'expected recorded, reliable or a YAML file'),
    ('reliable', 'expected the topics'),
])
def test_overrides_that_cannot_be_are_refused(wish, said, bags, given):
    with pytest.raises(RuntimeError, match=said):
        bags.qos_overrides(given(bag_qos=wish), [])


def test_rosbag2_gives_the_node_time_to_start_where_nothing_comes_again(bags, given):
    for delay, loop, words in [('10', 'false', ['--delay', '10']), ('0', 'false', []),
                               ('10', 'true', [])]:
        options = bags.play_options(given(bag='x', delay=delay, loop=loop), True, '')
        assert [word for word in options if word in ('--delay', '10')] == words
    assert '--delay' in bags.play_options(given(bag='x'), True, '')
    assert '--delay' not in bags.play_options(given(bag='x'), False, '')  # it waits itself


@pytest.mark.parametrize(('bag', 'player', 'installed', 'rosbag2'), [
    ('x.mcap', 'auto', True, True), ('x.mcap', 'auto', False, False),
    ('x.bag', 'auto', True, False), ('x.bag', 'ddfnet', True, False),
    ('x.mcap', 'ddfnet', True, False), ('x.mcap', 'rosbag2', False, True),
])
def test_whoever_can_play_the_bag_plays_it(bag, player, installed, rosbag2, bags, given):
    assert bags.uses_rosbag2(given(bag=bag, player=player), installed) == rosbag2


def test_a_bag_of_ros_1_is_nothing_for_rosbag2(bags, given):
    with pytest.raises(RuntimeError, match=r'^player: expected ddfnet or auto .*x\.bag$'):
        bags.uses_rosbag2(given(bag='x.bag', player='rosbag2'), True)


def test_both_players_get_the_clock_the_rate_and_the_loop(bags, given):
    texts = given(bag='x.mcap', rate='0.5', loop='true')
    assert bags.play_options(texts, True, 'qos.yaml') == [
        'x.mcap', '--clock', '--rate', '0.5', '--loop', '--qos-profile-overrides-path', 'qos.yaml']
    assert bags.play_options(texts, False, '') == [
        'x.mcap', '--clock', '--rate', '0.5', '--loop', '0']
    assert bags.play_options(given(bag='x'), False, '')[-2:] == ['--loop', '1']
    assert '--loop' not in bags.play_options(given(bag='x'), True, '')

# SPDX-License-Identifier: Apache-2.0
import pytest

from ddfnet_ros.command_line.naming import given_settings, quoted, with_option_names
from ddfnet_ros.settings import NodeSettings


@pytest.mark.parametrize(('text', 'shown'), [
    ('gamma: expected 1.0 to 4.0, got 9.0', '--gamma: expected 1.0 to 4.0, got 9.0'),
    ('cycle_gap: expected more than 0 s with cycle_source gap, got 0; set cycle_gap',
     '--cycle-gap: expected more than 0 s with --cycle-source gap, got 0; set --cycle-gap'),
    ('my/cycle_gap.yaml: expected a file, got camera_ros',
     'my/cycle_gap.yaml: expected a file, got camera_ros'),
])
def test_settings_have_the_names_of_their_options(text, shown):
    assert with_option_names(text, NodeSettings) == shown


@pytest.mark.parametrize('words', [
    '--tone-map mu --no-mend-halos', '--tone_map=mu --mend-halos a.png',
    '--tone-map=mu --mend_halos'])
def test_what_is_named_is_given_be_it_the_default_or_not(words):
    settings = NodeSettings(mend_halos='no' not in words)
    assert given_settings(words.split(), settings) == {
        'tone_map': 'mu_colour', 'mend_halos': settings.mend_halos}


@pytest.mark.parametrize(('path', 'typed'), [
    ('a.mcap', 'a.mcap'), ('v w.rrd', "'v w.rrd'"), ('-dash.mcap', './-dash.mcap')])
def test_a_path_is_shown_as_it_is_to_be_typed(path, typed):
    assert quoted(path) == typed

# SPDX-License-Identifier: Apache-2.0
import pytest

from ddfnet_ros.node.recorder import main


@pytest.mark.parametrize(('words', 'said'), [
    (['sepia:/camera'], 'expected raw:NAME or compressed:NAME, got sepia:/camera'),
    (['raw:/camera', '--ros-args', '-p', 'broken'], 'expected -p NAME:=VALUE'),
    (['raw:/camera', '--ros-args', '-r', '0:='], 'expected -r FROM:=TO'),
])
def test_bad_arguments_are_told_and_nothing_is_recorded(words, said, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(['recorder', '--bag', str(tmp_path / 'a.mcap'), '--table', str(tmp_path / 'a.json'),
              *words])
    assert stop.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.iterdir())

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from ddfnet_ros import weights


@pytest.fixture
def saved(tmp_path, monkeypatch) -> Path:
    """A file where models are looked for."""
    monkeypatch.setenv('DDFNET_MODELS', str(tmp_path))
    path = tmp_path / 'tiny.safetensors'
    path.touch()
    return path


def test_an_unknown_name_names_the_models_present(saved):
    with pytest.raises(weights.WeightsNotFoundError, match=r"got 'bast'.* present: .*tiny") as e:
        weights.find('bast')
    assert '\n' not in str(e.value)


def test_a_name_is_found_first_in_the_folder_given(saved, tmp_path):
    assert weights.find('tiny') == saved
    assert weights.find(str(saved)) == saved
    other = tmp_path / 'other' / 'tiny.safetensors'
    other.parent.mkdir()
    other.touch()
    assert weights.find('tiny', tmp_path / 'other') == other


def test_a_name_is_found_in_the_install_prefix(saved, tmp_path, monkeypatch):
    share = tmp_path / 'share/ddfnet_ros/models'
    share.mkdir(parents=True)
    saved.rename(share / 'tiny.safetensors')
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    assert weights.find('tiny') == share / 'tiny.safetensors'
    assert 'tiny' in weights.present()


def test_a_model_of_nobody_is_refused(monkeypatch):
    monkeypatch.setenv('DDFNET_MODELS', '~nobody_at_all')
    for name in ('~nobody_at_all/a.safetensors', 'none'):
        with pytest.raises(weights.WeightsNotFoundError, match='choose one of those present'):
            weights.find(name)

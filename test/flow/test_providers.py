# SPDX-License-Identifier: Apache-2.0
"""Flow providers by name."""

from __future__ import annotations

import pytest
import torch

from ddfnet_ros import weights
from ddfnet_ros.flow.dis import DISFlow
from ddfnet_ros.flow.providers import PROVIDERS, provider


def not_asked(name: str):
    pytest.fail(f'{name} was loaded')


def test_dis_needs_no_weights():
    assert provider('dis', not_asked) == DISFlow()


def test_none_sees_no_motion():
    flow = provider('none', not_asked)(torch.rand((2, 3, 6, 8, 12)))
    assert torch.equal(flow, torch.zeros((2, 2, 2, 8, 12)))


def test_pwcnet_is_what_was_loaded_by_its_name():
    assert provider('pwcnet', lambda name: name.upper) == 'pwcnet'.upper


def test_pwcnet_without_weights_names_what_is_there(monkeypatch, tmp_path):
    monkeypatch.setattr(weights.finding, 'model_folders', lambda _given='': [tmp_path])
    (tmp_path / 'fast.safetensors').touch()
    with pytest.raises(FileNotFoundError, match=r"got 'pwcnet'.*present: fast"):
        provider('pwcnet', weights.find)


def test_an_unknown_provider_is_refused():
    with pytest.raises(ValueError, match=f'expected one of {", ".join(PROVIDERS)}, got \'lk\''):
        provider('lk', not_asked)

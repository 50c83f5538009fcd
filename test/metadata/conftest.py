# SPDX-License-Identifier: Apache-2.0
import dataclasses

import pytest

from ddfnet_ros.settings import NodeSettings


@pytest.fixture
def settings_choices():
    """What a parameter may be set to."""
    fields = {field.name: field for field in dataclasses.fields(NodeSettings)}
    return lambda name: set(fields[name].metadata['choices'])

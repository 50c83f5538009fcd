# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from benchmark.node import environment


def test_the_environment_is_put_back_after_a_failure_too():
    before = dict(os.environ)
    with pytest.raises(ChildProcessError), environment():
        raise ChildProcessError
    after = dict(os.environ)
    os.environ.clear()
    os.environ.update(before)
    assert after == before

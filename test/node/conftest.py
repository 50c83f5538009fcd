# SPDX-License-Identifier: Apache-2.0
import pytest
import rclpy


@pytest.fixture(scope='session')
def ros():
    """A real rclpy context, for all tests in this process."""
    rclpy.init(args=[])
    yield
    rclpy.try_shutdown()

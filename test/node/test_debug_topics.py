# SPDX-License-Identifier: Apache-2.0
import sys
from types import ModuleType

from std_msgs.msg import Float64

from ddfnet_ros.node.debug_topics import number_type


def test_without_autoware_numbers_are_of_a_standard_type(monkeypatch):
    monkeypatch.setitem(sys.modules, 'autoware_internal_debug_msgs.msg', None)
    assert number_type() is Float64


def test_with_autoware_numbers_are_of_its_type(monkeypatch):
    module = ModuleType('autoware_internal_debug_msgs.msg')
    module.Float64Stamped = type('Float64Stamped', (), {})
    monkeypatch.setitem(sys.modules, 'autoware_internal_debug_msgs.msg', module)
    monkeypatch.setitem(sys.modules, 'autoware_internal_debug_msgs', ModuleType('a'))
    assert number_type() is module.Float64Stamped

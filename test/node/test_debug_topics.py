# SPDX-License-Identifier: Apache-2.0
import sys
from types import ModuleType

from sensor_msgs.msg import Image
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


def test_the_time_that_a_node_was_inactive_is_none_between_brackets(bench_with):
    bench = bench_with(views={'image': Image, 'debug/cyclic_time_ms': Float64})
    bench.send_bracket(10**9)
    assert bench.next('/fuse_node/debug/cyclic_time_ms').data == 0
    bench.node.trigger_deactivate()
    bench.node.trigger_activate()
    bench.send_bracket(2 * 10**9)
    assert bench.next('/fuse_node/debug/cyclic_time_ms').data == 0
    bench.send_bracket(3 * 10**9)
    assert bench.next('/fuse_node/debug/cyclic_time_ms').data > 0

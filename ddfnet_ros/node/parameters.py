# SPDX-License-Identifier: Apache-2.0
"""Declares the fields of a settings dataclass as ROS parameters, and keeps them up to date."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Generic, TypeVar, get_type_hints

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterTypeException, ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from ddfnet_ros.tunables import Settings

S = TypeVar('S', bound=Settings)

_ARRAY_TYPES = {
    tuple[float, ...]: Parameter.Type.DOUBLE_ARRAY,
    tuple[str, ...]: Parameter.Type.STRING_ARRAY,
}
_OTHER_TYPE = re.compile(  # some ROS distributions write Type.DOUBLE
    r"to '(.*)' of type '(?:Type\.)?(\w+)', expecting type '(?:Type\.)?(\w+)'", re.DOTALL)
_SHOWN = 5  # unknown names listed in one message


class LiveSettings(Generic[S]):
    """The settings of a node.

    Attributes:
        now: The current settings; replaced by a new object when a parameter is set.
    """

    def __init__(
        self, node: Node, cls: type[S], *,
        allow: Callable[[S], None] = lambda _: None,
        changed: Callable[[S, set[str]], None] = lambda *_: None,
    ) -> None:
        """Declare one parameter per field and read the values that the node was started with.

        Args:
            node: Node that gets the parameters.
            cls: Settings class.
            allow: Called with the new settings before a change; raises ValueError or OSError to
                refuse it.
            changed: Called after a change, with the new settings and the names that were set.

        Raises:
            ValueError: a value of the wrong type or out of its range, or values that contradict
                each other.
        """
        try:
            declared = node.declare_parameters('', _declarations(cls))
            _complete_lists(node, cls)
        except InvalidParameterTypeException as error:
            raise ValueError(f'{error}; {_remedy(str(error))}') from error
        except ParameterException as error:
            raise ValueError(str(error)) from error
        self.now: S = cls(**_values(cls, declared))
        self._allow, self._changed = allow, changed
        node.add_on_set_parameters_callback(self._check)
        if hasattr(node, 'add_post_set_parameters_callback'):
            node.add_post_set_parameters_callback(self._swap)
            self._swaps_late = True
        else:  # Humble: swapped in the check; wrong only if a later callback refuses the change
            self._swaps_late = False

    def _check(self, changed: list[Parameter]) -> SetParametersResult:
        try:
            self._refuse_deletion(changed)
            self._allow(self._updated(changed))
        except (ValueError, OSError) as error:
            return SetParametersResult(successful=False, reason=' '.join(str(error).split()))
        if not self._swaps_late:
            self._swap(changed)
        return SetParametersResult(successful=True)

    def _refuse_deletion(self, changed: list[Parameter]) -> None:
        """Raise ValueError for deletions: rclpy allows them where the type is dynamic."""
        ours = {field.name for field in dataclasses.fields(self.now)}
        for parameter in changed:
            if parameter.name in ours and parameter.type_ is Parameter.Type.NOT_SET:
                raise ValueError(f'{parameter.name}: expected a value, got none; the node keeps '
                                 'the one that it has')

    def _swap(self, changed: list[Parameter]) -> None:
        self.now = self._updated(changed)
        self._changed(self.now, {parameter.name for parameter in changed})

    def _updated(self, changed: list[Parameter]) -> S:
        return dataclasses.replace(self.now, **_values(type(self.now), changed))


def unknown_overrides(node: Node) -> str:
    """Warning about values given at the start for parameters the node does not have; '' for none.

    Args:
        node: Node whose parameters are declared; those of QoS overrides may still be missing.
    """
    # The only public way to them, automatically_declare_parameters_from_overrides, declares them.
    unknown = sorted(name for name in node._parameter_overrides
                     if not node.has_parameter(name) and not name.startswith('qos_overrides.'))
    if not unknown:
        return ''
    known = node.list_parameters([], 0).names
    nearest = {name: get_close_matches(name, known, 1) for name in unknown}
    unknown.sort(key=lambda name: not nearest[name])  # first those that look misspelt
    similar = dict.fromkeys(near for name in unknown[:_SHOWN] for near in nearest[name])
    such_as = f', such as {", ".join(similar)}' if similar else ''
    more = f' and {len(unknown) - _SHOWN} more' if len(unknown) > _SHOWN else ''
    return (f'expected parameters of the node{such_as}, got {", ".join(unknown[:_SHOWN])}{more}; '
            'ignored')


def _remedy(text: str) -> str:
    """Remedy for a value of the wrong type, from the error text of rclpy."""
    if not (found := _OTHER_TYPE.search(text)):
        return 'correct it'
    value, given, expected = found.groups()
    if expected.endswith('_ARRAY') and not given.endswith('_ARRAY'):
        return f'a list needs brackets: "[{value}]"'
    if expected.startswith('DOUBLE') and given.startswith('INTEGER'):
        return 'a float needs a point: 1.0, not 1'
    return 'correct it'


def _values(cls: type[Settings], parameters: list[Parameter]) -> dict[str, Any]:
    """Values of the parameters that are fields of the class and have been set."""
    names = {field.name for field in dataclasses.fields(cls)}
    return {
        p.name: p.value if isinstance(p.value, (bool, int, float, str)) else tuple(p.value)
        for p in parameters if p.name in names and p.value is not None
    }


def _declarations(cls: type[Settings]) -> list[tuple[str, Any, ParameterDescriptor]]:
    hints = get_type_hints(cls)
    # rclpy takes an empty list for an array of bytes: declare only the type, without a value.
    return [
        (field.name, _ARRAY_TYPES[hints[field.name]], _writable_descriptor(field))
        if field.default == () else (field.name, field.default, _descriptor(field))
        for field in dataclasses.fields(cls)
    ]


def _complete_lists(node: Node, cls: type[Settings]) -> None:
    """Set lists that have no value yet to [], and make those read-only that are not live.

    If one of several parameters that are asked for has no value, as by `ros2 param dump`, rclpy
    answers with none of them.
    """
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if field.default == ():
            kind = _ARRAY_TYPES[hints[field.name]]
            if node.get_parameter_or(field.name).value is None:
                node.set_parameters_atomically([Parameter(field.name, kind, [])])
            descriptor = _descriptor(field)
            descriptor.type = kind.value
            node.set_descriptor(field.name, descriptor)


def _writable_descriptor(field: dataclasses.Field[Any]) -> ParameterDescriptor:
    descriptor = _descriptor(field)
    descriptor.read_only = False
    return descriptor


def _descriptor(field: dataclasses.Field[Any]) -> ParameterDescriptor:
    metadata = field.metadata
    descriptor = ParameterDescriptor(
        description=metadata['description'], read_only=not metadata['live'],
        dynamic_typing=bool(metadata['bounds'] and metadata['choices']),  # a number or a word
    )
    if metadata['choices']:
        relation = 'Or one of: ' if metadata['bounds'] else 'One of: '
        descriptor.additional_constraints = relation + ', '.join(metadata['choices'])
    if bounds := metadata['bounds']:
        if isinstance(field.default, int):
            descriptor.integer_range = [
                IntegerRange(from_value=int(bounds[0]), to_value=int(bounds[1]), step=1)
            ]
        elif isinstance(field.default, float):
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(bounds[0]), to_value=float(bounds[1]))
            ]
        elif isinstance(field.default, tuple):  # ranges are for single numbers only
            descriptor.additional_constraints = f'Each {bounds[0]:g} to {bounds[1]:g}'
    return descriptor

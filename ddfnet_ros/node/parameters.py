# SPDX-License-Identifier: Apache-2.0
"""A settings dataclass as ROS parameters: declared from its fields, mirrored in one object."""

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

_EMPTY = {
    tuple[float, ...]: Parameter.Type.DOUBLE_ARRAY,
    tuple[str, ...]: Parameter.Type.STRING_ARRAY,
}
_OTHER_TYPE = re.compile(  # some distributions write Type.DOUBLE
    r"to '(.*)' of type '(?:Type\.)?(\w+)', expecting type '(?:Type\.)?(\w+)'", re.DOTALL)
_SHOWN = 5  # unknown names in one line


class LiveSettings(Generic[S]):
    """The settings of a node.

    Attributes:
        now: The settings at this moment; another object as soon as a parameter was set.
    """

    def __init__(
        self, node: Node, cls: type[S], *,
        allow: Callable[[S], None] = lambda _: None,
        changed: Callable[[S, set[str]], None] = lambda *_: None,
    ) -> None:
        """Declare one parameter per field and read those that the node was started with.

        Args:
            node: Whose parameters they become.
            cls: The settings.
            allow: Called with what a running node is asked for; raises ValueError or OSError to
                refuse it.
            changed: Called with every new `now`, after it holds, and the names that were set.

        Raises:
            ValueError: a value of the wrong type or out of its range, or values that do not fit
                together.
        """
        try:
            declared = node.declare_parameters('', _declarations(cls))
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
        else:  # Humble: no such callback, so a later one that refuses leaves us the new value
            self._swaps_late = False

    def _check(self, changed: list[Parameter]) -> SetParametersResult:
        try:
            self._check_kept(changed)
            self._allow(self._with(changed))
        except (ValueError, OSError) as error:
            return SetParametersResult(successful=False, reason=' '.join(str(error).split()))
        if not self._swaps_late:
            self._swap(changed)
        return SetParametersResult(successful=True)

    def _check_kept(self, changed: list[Parameter]) -> None:
        """Refuse to delete a parameter, which rclpy does where its type is not fixed."""
        ours = {field.name for field in dataclasses.fields(self.now)}
        for parameter in changed:
            if parameter.name in ours and parameter.type_ is Parameter.Type.NOT_SET:
                raise ValueError(f'{parameter.name}: expected a value, got none; the node keeps '
                                 'the one that it has')

    def _swap(self, changed: list[Parameter]) -> None:
        self.now = self._with(changed)
        self._changed(self.now, {parameter.name for parameter in changed})

    def _with(self, changed: list[Parameter]) -> S:
        return dataclasses.replace(self.now, **_values(type(self.now), changed))


def unknown_overrides(node: Node) -> str:
    """One line about what a node was started with that is no parameter of it; '' for nothing.

    Args:
        node: With its parameters declared; those of QoS may follow.
    """
    # No public way to them but automatically_declare_parameters_from_overrides, which hides them.
    unknown = sorted(name for name in node._parameter_overrides
                     if not node.has_parameter(name) and not name.startswith('qos_overrides.'))
    if not unknown:
        return ''
    known = node.list_parameters([], 0).names
    nearest = {name: get_close_matches(name, known, 1) for name in unknown}
    unknown.sort(key=lambda name: not nearest[name])  # mistypings before what is for other nodes
    similar = dict.fromkeys(near for name in unknown[:_SHOWN] for near in nearest[name])
    such_as = f', such as {", ".join(similar)}' if similar else ''
    more = f' and {len(unknown) - _SHOWN} more' if len(unknown) > _SHOWN else ''
    return (f'expected parameters of the node{such_as}, got {", ".join(unknown[:_SHOWN])}{more}; '
            'ignored')


def _remedy(text: str) -> str:
    """What helps against a value of another type, by what rclpy says of it."""
    if not (found := _OTHER_TYPE.search(text)):
        return 'correct it'
    value, given, expected = found.groups()
    if expected.endswith('_ARRAY') and not given.endswith('_ARRAY'):
        return f'a list needs brackets: "[{value}]"'
    if expected.startswith('DOUBLE') and given.startswith('INTEGER'):
        return 'a float needs a point: 1.0, not 1'
    return 'correct it'


def _values(cls: type[Settings], parameters: list[Parameter]) -> dict[str, Any]:
    """Field values of those parameters that are fields of ours and have been set."""
    names = {field.name for field in dataclasses.fields(cls)}
    return {
        p.name: p.value if isinstance(p.value, (bool, int, float, str)) else tuple(p.value)
        for p in parameters if p.name in names and p.value is not None
    }


def _declarations(cls: type[Settings]) -> list[tuple[str, Any, ParameterDescriptor]]:
    hints = get_type_hints(cls)
    # For rclpy, an empty list is an array of bytes: such a parameter starts without a value.
    return [
        (field.name, _EMPTY[hints[field.name]] if field.default == () else field.default,
         _descriptor(field))
        for field in dataclasses.fields(cls)
    ]


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

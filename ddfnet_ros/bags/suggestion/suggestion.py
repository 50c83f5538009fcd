# SPDX-License-Identifier: Apache-2.0
"""A suggestion: topics that look like a bracket, and the settings by which it is fused."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Suggestion:
    """Topics that look like a bracket.

    Attributes:
        why: What was seen, for people.
        settings: Node parameters by name.
        metadata_topic: What `~/meta` has to be; '' where there is none.
        complete: Whether exposures are known, so that the bag can be fused by this.
    """

    why: str
    settings: dict[str, Any] = field(default_factory=dict)
    metadata_topic: str = ''
    complete: bool = True

    @property
    def parameters(self) -> dict[str, Any]:
        """All of it as node parameters, without a remapping."""
        told = {'metadata_topics': (self.metadata_topic,)} if self.metadata_topic else {}
        return told | self.settings

    def launch_line(self, bag: str) -> str:
        """The command that plays the bag and fuses it."""
        words = [f'{name}:={_text(value)}' for name, value in self.settings.items()]
        words += [f'metadata_topic:={self.metadata_topic}'] if self.metadata_topic else []
        command = ['ros2', 'launch', 'ddfnet_ros', 'fuse.launch.py', f'bag:={bag}']
        return shlex.join([*command, *words])


def _text(value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    return value[0] if len(value) == 1 else f'[{", ".join(map(str, value))}]'

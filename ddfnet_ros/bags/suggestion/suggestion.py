# SPDX-License-Identifier: Apache-2.0
"""A suggestion: topics that look like a bracket, and the settings to fuse them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Suggestion:
    """Topics that look like a bracket.

    Attributes:
        why: Explanation for users.
        settings: Node parameters by name.
        metadata_topic: Topic that `~/meta` has to be remapped to; '' if there is none.
        complete: Whether the exposures are known, so that the bag can be fused.
    """

    why: str
    settings: dict[str, Any] = field(default_factory=dict)
    metadata_topic: str = ''
    complete: bool = True

    @property
    def parameters(self) -> dict[str, Any]:
        """All node parameters, with the metadata topic as a parameter instead of a remapping."""
        metadata = {'metadata_topics': (self.metadata_topic,)} if self.metadata_topic else {}
        return metadata | self.settings

    def launch_line(self, bag: str) -> str:
        """Return the command that plays the bag and fuses it."""
        words = [f'{name}:={_text(value)}' for name, value in self.settings.items()]
        words += [f'metadata_topic:={self.metadata_topic}'] if self.metadata_topic else []
        command = ['ros2', 'launch', 'ddfnet_ros', 'fuse.launch.py', f'bag:={bag}']
        return shlex.join([*command, *words])


def _text(value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    return value[0] if len(value) == 1 else f'[{", ".join(map(str, value))}]'

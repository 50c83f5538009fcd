# SPDX-License-Identifier: Apache-2.0
"""Where a frame's exposure time comes from: settings, or a metadata topic.

sensor_msgs/Image has no field for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ddfnet_ros.metadata import MetadataJoiner, MetadataSource, source_of
from ddfnet_ros.settings import NodeSettings


class ExposureSource(MetadataJoiner):
    """Adds the exposure that metadata messages tell to frames.

    Attributes:
        msgtype: Class of the metadata messages.
    """

    def __init__(self, settings: NodeSettings, source: MetadataSource) -> None:
        """Find the message type of the source.

        Raises:
            ValueError: it is not installed, or lacks fields that the source names.
        """
        super().__init__(settings, source)
        self.msgtype = message_type(source.msgtype)
        _check_fields(self.msgtype, source, bool(settings.image_counter_field))


def exposure_source(settings: NodeSettings) -> ExposureSource | None:
    """Create the source that the settings name; None where exposure times are parameters.

    Raises:
        ValueError: its message type is not installed, or lacks fields that the source names.
    """
    if (source := source_of(settings)) is None:
        return None
    try:
        return ExposureSource(settings, source)
    except ValueError as error:
        raise ValueError(f'exposure_source {settings.exposure_source}: {error}') from error


def message_type(name: str) -> type[Any]:
    """Import the class of `package/msg/Name`.

    Raises:
        ValueError: not such a name, or no such package or message.
    """
    package, _, message = name.partition('/msg/')
    if not (package.isidentifier() and message.isidentifier()):
        raise ValueError(f'expected a type package/msg/Name, got {name!r}; correct metadata_type')
    try:
        found: Any = getattr(import_module(f'{package}.msg'), message, None)
    except ImportError:
        raise ValueError(
            f'expected the package {package} to be installed, got none; apt install '
            f'ros-$ROS_DISTRO-{package.replace("_", "-")}, or build it and source its workspace'
        ) from None
    if not (isinstance(found, type) and hasattr(found, 'get_fields_and_field_types')):
        raise ValueError(f'expected a message {message} in {package}, got none; correct '
                         'metadata_type')
    return found


def _check_fields(msgtype: type[Any], source: MetadataSource, by_counter: bool) -> None:
    """Raise ValueError where the message type lacks a field that the source names."""
    fields = msgtype.get_fields_and_field_types()
    stamp = () if by_counter else (source.stamp,)
    for path in (source.exposure, *stamp, *source.required):
        if path and path.partition('.')[0] not in fields:
            raise ValueError(f'expected {path} in {source.msgtype}, got {", ".join(fields)}; '
                             'correct the field')

# SPDX-License-Identifier: Apache-2.0
"""The nodes that fuse.launch.py starts, and their parameters: plain functions, without ROS."""

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuse_arguments import PARAMETERS, Given, value

SHARE = Path(__file__).parent.parent
CAMERA = '{camera}'


@dataclass(frozen=True)
class Fuser:
    """One fuse_node to start.

    Attributes:
        namespace: Absolute namespace.
        files: Parameter files; later ones take precedence.
        values: Parameters that take precedence over the files.
        remappings: Pairs of topic names.
        image_topics: Fully resolved image topics; none if the arguments name none.
    """

    namespace: str
    files: list[str]
    values: dict[str, Any]
    remappings: list[tuple[str, str]]
    image_topics: list[str]

    @property
    def parameters(self) -> list[Any]:
        """Files and values as `Node` takes them."""
        return [*self.files, *([self.values] if self.values else [])]


def fusers(given: Given) -> list[Fuser]:
    """The nodes to start: one, or one per camera.

    Raises:
        RuntimeError: an invalid argument, or cameras that would all read one topic.
    """
    if not given['cameras']:
        return [_fuser(given, given['namespace'])]
    names = value(given, 'cameras')
    if len(set(names)) < len(names) or not all(name.isidentifier() for name in names):
        raise RuntimeError(f'cameras: expected different names of letters, digits and _, got '
                           f'{given["cameras"]!r}')
    topics = given['image_topics']
    if len(names) > 1 and '/' in topics.strip(' ["\'')[:1] and CAMERA not in topics:
        raise RuntimeError(f'image_topics: expected {CAMERA} in it, or a relative name, for '
                           f'{len(names)} cameras, got {topics!r}')
    return [_fuser({argument: text.replace(CAMERA, name) for argument, text in given.items()},
                   _namespace(given).replace(CAMERA, name)) for name in names]


def shared_process(given: Given, fusers: list[Fuser], write: Callable[[str], str]
                   ) -> dict[str, Any]:
    """Arguments of `Node` that start all cameras in one process.

    Args:
        given: Texts of the launch arguments; the process itself replaces `{camera}` in them.
        fusers: Result of `fusers` for them.
        write: Writes a text to a new file and returns its name.

    Raises:
        RuntimeError: no cameras.
    """
    if not given['cameras']:
        raise RuntimeError('one_process: expected the names of the cameras, got none; set cameras')
    own = {f'{fuser.namespace}/fuse_node': {'ros__parameters': fuser.values} for fuser in fusers
           if fuser.values}
    files = [*_files(given), *([write(json.dumps(own))] if own else [])]  # JSON is YAML, too
    namespace = _absolute(_namespace(given))
    return {
        'executable': 'fuse_cameras', 'exec_name': 'fuse_cameras',
        'arguments': value(given, 'cameras'),
        'ros_arguments': ['-r', f'__ns:={namespace}',
                          *(word for file in files for word in ('--params-file', file))],
        'remappings': _remappings(given),
    }


def _namespace(given: Given) -> str:
    """Namespace of each camera, with {camera} in it: at the end, unless given elsewhere."""
    namespace = given['namespace']
    return namespace if CAMERA in namespace else f'{namespace}/{CAMERA}'


def _absolute(namespace: str) -> str:
    return '/' + '/'.join(part for part in namespace.split('/') if part)


def within(pushed: str, namespace: str) -> str:
    """A namespace inside of those that launch files around this one have pushed."""
    return namespace if namespace.startswith('/') else f'{pushed}/{namespace}'


def interpreter(text: str) -> str:
    """The `python` argument as a prefix of a command.

    Raises:
        RuntimeError: no such program.
    """
    if not text:
        return ''
    path = str(Path(text).expanduser())
    if shutil.which(path) is None:
        raise RuntimeError(f'python: expected an interpreter, got {text!r}; name its path, such '
                           'as ~/venv/bin/python3')
    return shlex.quote(path)


def _files(given: Given) -> list[str]:
    file = given['params_file']
    return [file for file in (_preset(given), file and str(Path(file).expanduser())) if file]


def _remappings(given: Given) -> list[tuple[str, str]]:
    return [('~/meta', given['metadata_topic'])] if given['metadata_topic'] else []


def _fuser(given: Given, namespace: str) -> Fuser:
    namespace = _absolute(namespace)
    values = {name: value(given, name) for name in PARAMETERS if given[name]}
    for name, text in (given | {'namespace': namespace}).items():
        if CAMERA in text:
            raise RuntimeError(f'{name}: got {text!r} without cameras; set cameras')
    files = _files(given)
    if given['params_file'] and not Path(files[-1]).is_file():
        raise RuntimeError(f'params_file: expected a YAML file, got {files[-1]!r}; check the path')
    topics = [topic if topic.startswith('/') else f'{namespace.rstrip("/")}/{topic}'
              for topic in values.get('image_topics', [])]
    if given['bag']:
        values.setdefault('use_sim_time', True)
        if given['bag_qos'] == 'reliable':
            values |= {f'qos_overrides.{topic}.subscription.reliability': 'reliable'
                       for topic in topics}
    return Fuser(namespace, files, values, _remappings(given), topics)


def _preset(given: Given) -> str:
    name = value(given, 'preset')
    return str(SHARE / 'config' / f'{name}.yaml') if name else ''

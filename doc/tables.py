# SPDX-License-Identifier: Apache-2.0
"""Write the README's tables; --check only compares.

Parameters come from the settings, topics from a node that has opened them, models from the records
of benchmark/.
"""

import dataclasses
import json
import sys
import typing
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray
from pages import fill_tables, write_or_compare
from rclpy.context import Context
from rclpy.lifecycle import LifecycleNode

from ddfnet_ros.node.debug_topics import DebugTopics
from ddfnet_ros.node.diagnostics import Statistics
from ddfnet_ros.node.inputs import Inputs
from ddfnet_ros.node.outputs import Outputs
from ddfnet_ros.settings import NodeSettings
from ddfnet_ros.tunables import Settings

README = Path(__file__).resolve().parent.parent / 'README.md'
RECORDS = README.parent / 'benchmark' / 'records'
MODELS = README.parent / 'models'
_BACKEND = 'openvino'  # the default on CPUs where it is installed
ROS_TYPES = {str: 'string', float: 'double', int: 'integer', bool: 'bool',
             int | str: 'integer or string',
             tuple[str, ...]: 'string[]', tuple[float, ...]: 'double[]'}
TOPICS = {
    'image_raw': 'The exposures; `image_topics` names other topics, one or one per exposure. '
                 'CompressedImage where `transport` says so',
    'camera_info': 'Relayed with the stamp of the reference frame; `camera_info_topics`',
    '~/meta': 'Exposure time, gain and counter of each image, where `exposure_source` says who '
              'sends them (here camera_ros); `metadata_topics`',
    '~/hdr': 'Linear radiance: `32FC3` in OpenCV\'s order (blue first), or `32FC1` from mono '
             'cameras; the unit is LDR ** gamma / (exposure time x gain). `hdr_encoding` for 16 '
             'bits. Header: the reference frame\'s, here and below',
    '~/image': 'The fused picture, tone-mapped: `bgr8` or `mono8`',
    '~/image/compressed': '`~/image` as JPEG',
    '~/camera_info': 'Of the reference frame',
    '~/bracket_info': 'Stamps and exposures of the frames, share of ghosts, share that was '
                      'clipped before and is after',
    '~/moving_points': 'What moves against the background; needs sensor_msgs_py',
    '~/flow': 'Motion between two exposures on the colour wheel',
    '~/reference_share': 'How much of the reference each pixel took: white is all',
    '~/fusion_weights': 'The same of all frames, one below the other, the shortest on top',
    '~/debug/processing_time_ms': 'How long the bracket took; Autoware\'s Float64Stamped where '
                                  'that is installed, as the two below',
    '~/debug/cyclic_time_ms': 'Time since the bracket before',
    '~/debug/pipeline_latency_ms': 'Age of the reference frame when its result was published',
    '/diagnostics': 'Rates, latencies, drops by reason and what to do about them; whether '
                    'brackets are done in time',
}


def topic_table() -> str:
    """All topics of a node that uses exposure metadata, subscriptions first."""
    context = Context()  # our own: a test may be using the default context
    context.init()
    try:
        node = LifecycleNode('fuse_node', context=context, enable_communication_interface=False)
        own = {entity.topic_name for entity in [*node.publishers, *node.subscriptions]}
        Inputs(node, NodeSettings(exposure_source='camera_ros'), Statistics(), print).subscribe()
        Outputs(node)
        DebugTopics(node)
        opened = {'in': node.subscriptions, 'out': node.publishers}
        rows = [_topic_row(entity.topic_name, direction, entity.msg_type)
                for direction, entities in opened.items()
                for entity in entities if entity.topic_name not in own]
        rows.append(_topic_row('/diagnostics', 'out', DiagnosticArray))
    finally:
        context.shutdown()
    return '\n'.join(['| Topic | | Type | What |', '|---|---|---|---|', *rows])


def _topic_row(topic: str, direction: str, msgtype: type) -> str:
    name = topic.replace('/fuse_node/', '~/')
    if name not in TOPICS:
        name = name.removeprefix('/')
    package = msgtype.__module__.partition('.')[0]
    return f'| `{name}` | {direction} | {package}/{msgtype.__name__} | {TOPICS[name]} |'


def parameter_tables() -> str:
    """One table per settings class, base classes first."""
    classes = [cls for cls in reversed(NodeSettings.__mro__)
               if issubclass(cls, Settings) and cls is not Settings]
    return '\n\n'.join(_parameter_table(cls) for cls in classes)


def _parameter_table(cls: type[Settings]) -> str:
    title = (cls.__doc__ or '').partition('\n')[0]
    types = typing.get_type_hints(cls)
    lines = [f'**{title}**', '', '| Parameter | Type | Default | Meaning |', '|---|---|---|---|']
    for field in dataclasses.fields(cls):
        if field.name in cls.__annotations__:
            lines.append(f'| `{field.name}`{" *" if field.metadata["live"] else ""} '
                         f'| {ROS_TYPES[types[field.name]]} | `{_yaml(field.default)}` '
                         f'| {_meaning(field.metadata)} |')
    return '\n'.join(lines)


def _yaml(value: object) -> str:
    if isinstance(value, tuple):
        return f'[{", ".join(map(str, value))}]'
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f'{value:g}'


def _meaning(metadata: typing.Mapping[str, typing.Any]) -> str:
    meaning = str(metadata['description'])
    words = ', '.join(metadata['choices'])
    if metadata['bounds']:
        lowest, highest = map(_number, metadata['bounds'])
        meaning += f' {lowest} to {highest}{f", or {words}" if words else ""}.'
    elif words:
        meaning += f' One of {words}.'
    return meaning


def model_table() -> str:
    """Quality and speed of the shipped models, from the records."""
    record = _record('evaluation_peers')
    quality = record['methods']
    speed, soak = _record('speed')['rows'], _record('soak')
    shipped = [name for name in record['sha256']
               if name == 'fused' or (MODELS / f'{name}.safetensors').exists()]
    rows = [row for name in shipped for row in _model_rows(record, name, speed)]
    timed = next(row for row in speed if row['backend'] == _BACKEND)
    return '\n'.join([
        "| Model | PSNR-µ | Frames | A bracket takes | OpenCV's fusion takes | Memory of a call |",
        '|---|---|---|---|---|---|', *rows, '',
        f'{timed["processor"]}, {timed["threads"]} threads, `precision: auto`; medians; '
        '- is not measured. PSNR-µ: mean over '
        f'{quality["fused"]["psnr_mu"]["count"]} rendered scenes, of panoramas that training '
        f'never saw; the middle exposure alone has {_psnr(quality, "reference")}, '
        f'a plain merge {_psnr(quality, "static_merge")}. OpenCV\'s fusion: AlignMTB and '
        'MergeMertens on the same frames, for comparison. Memory comes on top of the process, '
        'which takes '
        f'{soak["transitions"]["memory_mb"][-1] / 1000:.1f} to '
        f'{soak["road"]["memory_mb"][-1] / 1000:.1f} GB in all. More in '
        '[doc/results.md](doc/results.md).'])


def _model_rows(
    record: typing.Mapping[str, typing.Any], name: str,
    speed: typing.Sequence[typing.Mapping[str, typing.Any]],
) -> list[str]:
    """One row per image size with timings of a model; one row if it has none."""
    model = record['model'] if name == 'fused' else name
    timed = [row for row in speed if row['model'] == model]
    fastest = [row for row in timed if row['backend'] == _BACKEND] or timed
    begin = f'| {model} | {_psnr(record["methods"], name)} '
    return [
        begin + f'| {row["frames"]} of {row["width"]}x{row["height"]} '
        f'| {row["median_ms"]:.0f} ms | {row["mertens_median_ms"]:.0f} ms '
        f'| {row["peak_mib"]:.0f} MiB |'
        for row in fastest
    ] or [begin + '| - | - | - | - |']


def _psnr(methods: typing.Mapping[str, typing.Any], name: str) -> str:
    return f'{methods[name]["psnr_mu"]["mean"]:.2f} dB'


def _record(name: str) -> typing.Any:
    return json.loads((RECORDS / f'{name}.json').read_text())


def install_table() -> str:
    """Download and disk size of the environment that `make` creates, from the record."""
    lines = ['| PyTorch in `.venv` | Download | On disk |', '|---|---|---|']
    lines += [f'| {row["torch"]} | {row["download_bytes"] / 1e9:.1f} GB '
              f'| {row["disk_bytes"] / 1e9:.1f} GB |' for row in _record('install')]
    return '\n'.join(lines)


def updated(text: str) -> str:
    """Replace the tables in the text of the README."""
    tables = {'topics': topic_table(), 'parameters': parameter_tables(), 'models': model_table(),
              'install': install_table()}
    return fill_tables(text, tables, README.name)


def main() -> int:
    """Write the tables, or compare them."""
    return write_or_compare({README: updated(README.read_text(encoding='utf-8'))}, __doc__ or '')


if __name__ == '__main__':
    sys.exit(main())

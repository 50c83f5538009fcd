# SPDX-License-Identifier: Apache-2.0
"""`ddfnet inspect`: list the image topics of a bag, and those that look like a bracket."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ddfnet_ros.bags.reading import name_of
from ddfnet_ros.bags.suggestion import Suggestion, suggestions
from ddfnet_ros.bags.survey import ImageTopic, Survey, survey
from ddfnet_ros.bracket import Pixels
from ddfnet_ros.command_line.naming import argument
from ddfnet_ros.command_line.parsing import parse
from ddfnet_ros.command_line.waiting import waiting
from ddfnet_ros.settings import RadianceSettings

EXAMPLES = """\
  ddfnet inspect drive.mcap
  ddfnet inspect rosbag2_2026_01_01/ --json | jq '.suggestions[0].launch'"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """List the image topics of a bag, and say which look like a bracket.

    A bracket is looked for in exposure metadata, in brightness that repeats, and in topics that
    run in step. Any bag that can be read is a success, also one without images.
    """

    bag: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar='BAG')]
    """An .mcap, .db3 or ROS 1 .bag file, or a rosbag2 folder."""
    json: bool = False
    """Print JSON."""


def run(words: Sequence[str]) -> int:
    """Survey the bag and print the result."""
    options = parse(Options, 'ddfnet inspect', words, EXAMPLES)
    with waiting(f'reading {options.bag.name}'):
        found = survey(options.bag)
        guesses = suggestions(found, _relative_exposures)
    if options.json:
        print(json.dumps(_as_json(found, guesses), indent=2))
    else:
        print('\n'.join(_format(found, guesses)))
    return 0


def _relative_exposures(pictures: Sequence[Pixels]) -> list[float]:
    from ddfnet_ros.runtime.exposure_ratios import estimate_exposures

    return estimate_exposures(pictures, RadianceSettings())[0]


def _format(found: Survey, guesses: Sequence[Suggestion]) -> list[str]:
    messages = sum(topic.count for topic in found.topics)
    lines = [f'{found.path}: {found.seconds:.1f} s, {messages} messages on '
             f'{len(found.topics)} topics']
    lines += _table([_row(topic) for topic in found.images])
    lines += [f'{topic.name}: {topic.problem}' for topic in found.images if topic.problem]
    lines += [f'{name}: {problem}' for name, problem in found.problems.items()]
    lines += [f'{source.name}: exposures, as {source.source} tells them'
              for source in found.metadata]
    several = sum(guess.complete for guess in guesses) > 1
    for number, guess in enumerate(guesses, 1):
        lines += ['', f'bracket: {guess.why}', f'  {guess.launch_line(str(found.path))}']
        if guess.complete:
            lines.append(f'  {_bag_command(found, guess, number if several else 0)}')
    if not guesses:
        lines += ['', 'no bracket: ' + ('no image topic' if not found.images else (
            'no metadata tells of several exposures, no brightness repeats, and no topics of '
            'different brightness run in step'))]
    return lines


def _bag_command(found: Survey, guess: Suggestion, number: int) -> str:
    """Return the command that fuses a bag as suggested.

    Args:
        found: Survey of the bag.
        guess: The suggestion.
        number: Number of the suggestion if there are several, else 0.
    """
    named = found.path if found.path.name else found.path.absolute()  # '.' has no name
    end = f'_{number}' if number else ''
    words = ['ddfnet', 'bag', argument(found.path), argument(named.with_name(
        f'{name_of(named)}_fused{end}.mcap'))]
    for option in ('image_topics', 'metadata_topics') if number else ():
        if topics := guess.parameters.get(option):
            words += [f'--{option.replace("_", "-")}', *topics]
    return shlex.join(words) + _node_option(found)


def _node_option(found: Survey) -> str:
    """Return a --node option if the bag has topics under the default node name; '' otherwise."""
    taken = {topic.name for topic in found.topics}
    names = ['fuse_node', *(f'fuse_node_{k}' for k in range(2, 10))]
    free = next((name for name in names
                 if not any(topic.startswith(f'/{name}/') for topic in taken)), names[-1])
    return '' if free == names[0] else f' --node {free}'


def _row(topic: ImageTopic) -> list[str]:
    size = f'{topic.size[0]}x{topic.size[1]}' if topic.size[0] else '-'
    rate = f'{topic.rate:.1f} Hz' if topic.rate else '-'
    return [topic.name, topic.msgtype, topic.encoding or '-', size, rate, f'{topic.count} images']


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ['  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows]


def _as_json(found: Survey, guesses: Sequence[Suggestion]) -> dict[str, Any]:
    return {
        'bag': str(found.path),
        'seconds': round(found.seconds, 3),
        'topics': {topic.name: {'type': topic.msgtype, 'count': topic.count}
                   for topic in found.topics},
        'images': [{
            'topic': topic.name, 'type': topic.msgtype, 'encoding': topic.encoding,
            'width': topic.size[0], 'height': topic.size[1], 'rate_hz': round(topic.rate, 3),
            'count': topic.count, 'problem': topic.problem,
        } for topic in found.images],
        'metadata': [{'topic': source.name, 'source': source.source}
                     for source in found.metadata],
        'problems': dict(found.problems),
        'suggestions': [{
            'why': guess.why, 'complete': guess.complete, 'settings': guess.settings,
            'metadata_topic': guess.metadata_topic, 'launch': guess.launch_line(str(found.path)),
        } for guess in guesses],
    }

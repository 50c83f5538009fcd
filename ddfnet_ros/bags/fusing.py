# SPDX-License-Identifier: Apache-2.0
"""Fuse a whole bag: copy all topics and add the messages that the node would have sent."""

from __future__ import annotations

import dataclasses
import heapq
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tqdm import tqdm

from ddfnet_ros import __version__
from ddfnet_ros.bags.brackets import BracketFinder, Found
from ddfnet_ros.bags.outputs import OUTPUTS, messages_of
from ddfnet_ros.bags.parts import Parts
from ddfnet_ros.bags.reading import BagError, BagReader, Message
from ddfnet_ros.bags.writing import BagWriter
from ddfnet_ros.bracket import Bracket
from ddfnet_ros.settings import NodeSettings
from ddfnet_ros.whole_files import behind_links

if TYPE_CHECKING:
    from ddfnet_ros.runtime.deghosted import Deghosted

_ROS_NAME = re.compile(r'(/[A-Za-z_][A-Za-z0-9_]*)+')

Fuse = Callable[[Bracket], 'Deghosted']


@dataclass(frozen=True, kw_only=True)
class BagJob:
    """One bag to fuse.

    Attributes:
        source: The bag: .mcap, .db3, .bag, or a rosbag2 folder.
        target: The .mcap file to write; it appears only when it is complete.
        settings: Node settings.
        outputs: Topics to write, of `outputs.OUTPUTS`.
        node: Full name of the node; result topics are in its namespace.
        keep_exposures: Whether the images of the brackets are copied too.
        progress: Whether progress bars are shown.
        overwrite: Whether an existing target is replaced.
    """

    source: Path
    target: Path
    settings: NodeSettings
    outputs: tuple[str, ...] = OUTPUTS[:3]
    node: str = '/fuse_node'
    keep_exposures: bool = True
    progress: bool = False
    overwrite: bool = False

    @property
    def folder(self) -> Path:
        """Folder that holds the results until all are complete."""
        target = behind_links(self.target)
        return target.with_name(f'{target.name}.partial')


class TakenError(BagError):
    """The target exists already, perhaps written by another run."""


class Done(NamedTuple):
    """The result of a finished job.

    Attributes:
        brackets: Number of fused brackets.
        earlier: How many of them an interrupted run had fused already.
        dropped: Number of dropped frames by reason.
        complaints: The first problem of each topic.
        out_of_memory: Number of brackets of this run that needed a fallback for lack of memory,
            by the name of the fallback.
    """

    brackets: int
    earlier: int
    dropped: Mapping[str, int]
    complaints: Mapping[str, str]
    out_of_memory: Mapping[str, int] = {}


def fuse_bag(job: BagJob, fuse: Fuse) -> Done:
    """Fuse one bag; continues an interrupted run of the same job.

    Args:
        job: The job.
        fuse: Fuses a bracket.

    Raises:
        BagError: the bag cannot be read, lacks the topics or has no complete bracket.
        TakenError: the target exists already.
        ValueError: no bracket could ever be assembled with these settings.
    """
    with BagReader(job.source) as bag:
        _check_names(job, bag)
        finder = BracketFinder(job.source, bag, job.settings)
        with Parts(job.folder, _describe_run(job, fuse)) as parts:
            check_free(job)
            done = _fuse_all(job, bag, finder, fuse, parts)
            whole = job.folder / 'whole.mcap'
            _write(job, bag, finder, parts, whole)
            check_free(job)  # again: it may have appeared meanwhile
            os.replace(whole, behind_links(job.target))
            parts.remove()
    return done


def _fuse_all(job: BagJob, bag: BagReader, finder: BracketFinder, fuse: Fuse,
              parts: Parts) -> Done:
    earlier, brackets = parts.done, 0
    ways: Counter[str] = Counter()
    images = bag.count(finder.image_topics)
    with _progress_bar(job, 'fuse', images, 'images') as bar:
        for found in finder.find(bar.update):
            if (key := _key(found)) not in earlier:
                try:
                    deghosted = fuse(found.bracket)
                except (ValueError, MemoryError) as error:
                    finder.refuse(found, error)
                    continue
                ways[deghosted.way] += 1
                parts.add(key, messages_of(
                    deghosted, found, job.node, job.outputs, job.settings))
            brackets += 1
    parts.flush()
    if not brackets:
        reasons = ', '.join(f'{reason} {n}' for reason, n in finder.dropped.items()) or 'none'
        complaint = next(iter(finder.complaints.values()), 'check exposure_times and their order, '
                         'or see `ddfnet inspect`')
        raise BagError(f'{job.source}: expected complete brackets, got {images} images without '
                       f'one (dropped: {reasons}); {complaint}')
    return Done(brackets, len(earlier), dict(finder.dropped), dict(finder.complaints),
                {way: count for way, count in ways.items() if way != 'whole'})


def _write(job: BagJob, bag: BagReader, finder: BracketFinder, parts: Parts, path: Path) -> None:
    """Write the copied topics and the results into one bag, in order of recording time."""
    left_out = () if job.keep_exposures else finder.image_topics
    topics = [topic for topic in bag.describe_topics() if topic.name not in left_out]
    names = {topic.name for topic in topics}
    originals: Iterator[Message] = bag.messages(names) if names else iter(())
    total = sum(topic.count for topic in topics)
    with BagWriter(path) as writer, _progress_bar(job, 'write', total, 'messages') as bar:
        for topic in topics:
            writer.declare(topic)
        for message in heapq.merge(originals, parts.messages(), key=lambda m: m.stamp_ns):
            writer.write_cdr(message)
            bar.update(message.topic in names)


def _check_names(job: BagJob, bag: BagReader) -> None:
    if job.target.suffix != '.mcap':
        raise BagError(f'{job.target}: expected a name that ends in .mcap; choose another')
    if job.target.resolve().is_relative_to(job.source.resolve()):
        raise BagError(f'{job.target}: expected a result outside of the bag, got a place in it; '
                       'choose another name')
    if not _ROS_NAME.fullmatch(job.node):
        raise BagError(f'--node: expected a name of ROS, such as /fuse_node, got {job.node!r}')
    if taken := [f'{job.node}/{name}' for name in job.outputs
                 if f'{job.node}/{name}' in bag.topics]:
        raise BagError(f'{job.source}: expected no topic {taken[0]}, got one; choose another name '
                       'for the results (--node)')


def check_free(job: BagJob) -> None:
    """Raise TakenError if the target exists and may not be replaced."""
    if job.target.exists() and not job.overwrite:
        raise TakenError(f'{job.target}: expected a name that is free, got a file; --overwrite '
                         'replaces it')


def _describe_run(job: BagJob, fuse: Fuse) -> dict[str, Any]:
    """Everything that must be equal for the results of an interrupted run to be reused."""
    files = sorted(job.source.iterdir()) if job.source.is_dir() else [job.source]
    settings = dataclasses.asdict(job.settings)
    del settings['threads']  # changes no result
    return {
        'version': __version__, 'weights': getattr(fuse, 'sha256', ''),
        'outputs': list(job.outputs), 'node': job.node,
        'settings': settings, 'source': str(job.source.resolve()),
        'files': [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files],
    }


def _key(found: Found) -> str:
    return f'{found.stamp_ns} {found.bracket.reference.stamp_ns}'


def _progress_bar(job: BagJob, what: str, total: int, unit: str) -> Any:
    return tqdm(total=total, desc=f'{job.target.name}: {what}', unit=f' {unit}',
                disable=None if job.progress else True)

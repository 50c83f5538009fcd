# SPDX-License-Identifier: Apache-2.0
"""`ddfnet bag`: bags in, bags with fused images out, without a ROS node."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ddfnet_ros.bags.fusing import BagJob, check_free, fuse_bag
from ddfnet_ros.bags.many import run_all, share_of_threads
from ddfnet_ros.bags.outputs import OUTPUTS
from ddfnet_ros.bags.processes import Processes
from ddfnet_ros.bags.ray_actors import RayActors
from ddfnet_ros.bags.reading import BagError, name_of
from ddfnet_ros.cli.bag_report import Report, json_line, summary
from ddfnet_ros.cli.bag_settings import LIVE_ONLY, settings_for_bag
from ddfnet_ros.cli.options import as_options, optional
from ddfnet_ros.command_line.naming import given_settings, quoted
from ddfnet_ros.command_line.parsing import parse
from ddfnet_ros.command_line.waiting import waiting
from ddfnet_ros.settings import NodeSettings

EXAMPLES = """\
  ddfnet bag drive.mcap drive_fused.mcap
  ddfnet bag drive/ fused.mcap --image-topics /cam/image_raw --exposure-times 0.001 0.004 0.016 \\
    --cycle-gap 0.03
  ddfnet bag drive.mcap fused.mcap --params-file my_camera.yaml
  ddfnet bag drive.bag fused.mcap --no-keep-exposures --outputs image/compressed camera_info
  ddfnet bag day1.mcap day2.mcap day3.mcap fused/ --jobs 2
  ddfnet bag day*.mcap fused/ --json | jq 'select(.state == "failed")'
  ddfnet bag day*.mcap fused/ --ray --ray-address auto"""

FAILED = 1
_Given = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Fuse all brackets of a bag; copy all its topics beside them.

    Frames become brackets as in the node, by the same settings. Without image topics, exposure
    times or source, those are taken that `ddfnet inspect` finds in the bag's metadata. What is
    written appears under its name when it is complete; an interrupted run goes on when it is
    started again. Several bags go into a folder, under their own names.
    """

    bags: Annotated[tyro.conf.Positional[tuple[Path, ...]], optional('BAG... OUT')]
    """Bags (.mcap, .db3, ROS 1 .bag, rosbag2 folders); then an .mcap file, or a folder for \
several."""
    outputs: tuple[Literal['image', 'hdr', 'camera_info', 'image/compressed'], ...] = (
        'image', 'hdr', 'camera_info')
    """What to write: bgr8, 32FC3, the camera info of the reference frames, JPEG."""
    node: str = '/fuse_node'
    """Name in whose namespace the results lie, such as /fuse_node/image."""
    keep_exposures: bool = True
    """Whether the images of the brackets are copied, too."""
    overwrite: bool = False
    """Replace results that are there."""
    jobs: int = 1
    """Bags at a time, each in a process of its own."""
    retries: int = 2
    """How often a bag is tried again after its process died."""
    ray: bool = False
    """Spread the bags over a Ray cluster; needs ddfnet_ros[ray]."""
    ray_address: str = 'local'
    """Of the cluster: local starts one here, auto takes the one that is there."""
    json: bool = False
    """Print one JSON object per bag, each in a line, and nothing else."""
    params_file: Annotated[Path | None, optional('FILE.yaml')] = None
    """Parameter file of the node, such as config/ghent.yaml; the options below are stronger."""
    settings: Annotated[NodeSettings, as_options(NodeSettings, LIVE_ONLY, partly=True)] = field(
        default_factory=NodeSettings)
    """How frames become brackets, and how these are fused."""

    def __post_init__(self) -> None:
        if len(self.bags) < 2:
            raise ValueError('expected a bag and a name for the result, got '
                             f'{len(self.bags)} name(s)')
        if self.jobs < 1 or self.retries < 0:
            raise ValueError(f'expected --jobs 1 or more and --retries 0 or more, got {self.jobs} '
                             f'and {self.retries}')
        if not set(self.outputs) <= set(OUTPUTS) or not self.outputs:
            raise ValueError(f'--outputs: expected some of {", ".join(OUTPUTS)}, got none')


def run(words: Sequence[str]) -> int:
    """Fuse one bag in this process, or several in a pool."""
    options = parse(Options, 'ddfnet bag', words, EXAMPLES)
    *sources, target = options.bags
    given = given_settings(words, options.settings)
    several = len(sources) > 1 or options.ray or target.is_dir()
    if not several:
        return _fuse_one(options, given, sources[0], target)
    return _fuse_several(options, given, sources, target)


def _fuse_one(options: Options, given: _Given, source: Path, target: Path) -> int:
    with waiting(f'reading {source.name} and the model'):
        job = _make_job(options, given, source, target)
        check_free(job)

        from ddfnet_ros.runtime.fallback import FallbackDeghoster

        deghoster = FallbackDeghoster(job.settings)
    try:
        done = fuse_bag(job, deghoster)
    except KeyboardInterrupt:
        _print_resume_hint([job])
        raise
    if options.json:
        print(json_line(source, target, done))
    else:
        used = deghoster.in_use
        print(f'{target}: {summary(done)}, model {used.model_name} on {used.device}')
    return 0


def _fuse_several(
    options: Options, given: _Given, sources: Sequence[Path], folder: Path
) -> int:
    """Fuse bags into a folder; returns the exit status: 1 if any of them failed."""
    report = Report(as_json=options.json)
    jobs = []
    for source, target in _target_paths(sources, folder).items():
        if target.exists() and not options.overwrite:
            report.add(source, target, None)
            continue
        try:
            jobs.append(_make_job(options, given, source, target, progress=False))
        except ValueError as error:
            report.add(source, target, error)
    if jobs:
        try:
            with _make_pool(options, jobs) as pool:
                run_all(jobs if options.ray else _share_threads(jobs, pool.size), pool,
                        options.retries,
                        lambda job, outcome: report.add(job.source, job.target, outcome))
        except KeyboardInterrupt:
            _print_resume_hint(jobs)
            raise
    return FAILED if report.failed else 0


def _print_resume_hint(jobs: Sequence[BagJob]) -> None:
    if folders := [quoted(job.folder) for job in jobs if job.folder.is_dir()]:
        print(f'\nddfnet: interrupted; the same command goes on where it was, '
              f'`rm -r {" ".join(folders)}` forgets it', file=sys.stderr)


def _target_paths(sources: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """Return the target path of each bag.

    Raises:
        BagError: the folder is a file or a bag, a target is one of the bags, or two bags have one
            name.
    """
    if (is_bag := (folder / 'metadata.yaml').is_file()) or (
            folder.exists() and not folder.is_dir()):
        raise BagError(f'{folder}: expected a folder for the results, got '
                       f'{"a bag" if is_bag else "a file"}; name OUT last')
    targets = [folder / f'{name_of(source)}.mcap' for source in sources]
    if taken := [target for source, target in zip(sources, targets, strict=True)
                 if target.exists() and source.exists() and target.samefile(source)]:
        raise BagError(f'expected a folder for results apart from the bags, got {folder}, where '
                       f'{taken[0]} is one of them; choose another')
    if twice := sorted({target for target in targets if targets.count(target) > 1}):
        raise BagError(f'expected bags of different names, got two for {twice[0]}; rename one')
    return dict(zip(sources, targets, strict=True))


def _make_pool(options: Options, jobs: Sequence[BagJob]) -> Processes | RayActors:
    size = min(options.jobs, len(jobs))
    if options.ray:
        gpus = any(job.settings.device != 'cpu' for job in jobs)
        return RayActors(options.ray_address, size, gpus=gpus)
    return Processes(size)


def _share_threads(jobs: Sequence[BagJob], processes: int) -> list[BagJob]:
    """Give each process its share of the CPU threads, unless the settings name a number."""
    return [dataclasses.replace(job, settings=dataclasses.replace(
        job.settings, threads=job.settings.threads or share_of_threads(processes)))
        for job in jobs]


def _make_job(
    options: Options, given: _Given, source: Path, target: Path, *, progress: bool = True
) -> BagJob:
    """Make the job for one bag, from the given settings or else from the bag's metadata.

    Args:
        options: Options of the command line.
        given: Settings that the command line names.
        source: Path of the bag.
        target: Path of the result.
        progress: Whether progress bars are shown.

    Raises:
        BagError: neither the settings nor the bag tell the exposures.
    """
    return BagJob(
        source=source, target=target, outputs=options.outputs,
        settings=settings_for_bag(source, given, options.params_file),
        node='/' + options.node.strip('/'), keep_exposures=options.keep_exposures,
        progress=progress, overwrite=options.overwrite,
    )

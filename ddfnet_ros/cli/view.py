# SPDX-License-Identifier: Apache-2.0
"""`ddfnet view`: show in the rerun viewer what happens inside while brackets are fused."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from tqdm import tqdm

from ddfnet_ros.bags.brackets import BracketFinder
from ddfnet_ros.bags.reading import BagError, BagReader, may_be_bag
from ddfnet_ros.bracket import Bracket
from ddfnet_ros.cli.bag_settings import LIVE_ONLY, node_settings, settings_for_bag
from ddfnet_ros.cli.image_files import (
    AUTO,
    check_not_among_times,
    frames_of,
    seconds,
    warn_of_mismatch,
)
from ddfnet_ros.cli.options import as_options, check_output, optional
from ddfnet_ros.command_line.naming import given_settings, option, quoted
from ddfnet_ros.command_line.parsing import parse
from ddfnet_ros.command_line.waiting import waiting
from ddfnet_ros.settings import DeghosterSettings, NodeSettings
from ddfnet_ros.whole_files import behind_links, put_in_place

if TYPE_CHECKING:
    from ddfnet_ros.runtime.deghosted import Deghosted

EXAMPLES = """\
  ddfnet view drive.mcap --brackets 20
  ddfnet view drive.mcap --save inside.rrd                (then: ddfnet view inside.rrd)
  ddfnet view short.png middle.png long.png --exposure-times 1 4 16
  ddfnet view IMG_*.JPG --save inside.rrd                 (times from EXIF)"""

_SUFFIX = '.rrd'
# Beside the settings of the deghoster.
_OF_FILES = {'exposure_times', 'moving_threshold'}
_ROOM = 2**16  # bytes that a disk with room takes
# With CI set the viewer sends no analytics, and the user's own choice is kept. It looks for newer
# releases through the named proxy; none runs at this one.
_OFFLINE = dict.fromkeys(('ALL_PROXY', 'HTTPS_PROXY'), 'http://127.0.0.1:9') | {'CI': 'true'}
_HIDDEN = LIVE_ONLY - {'moving_threshold'} | {'exposure_times', 'hdr_encoding', 'jpeg_quality'}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Show what happens inside while brackets are fused; needs ddfnet_ros[view].

    Shown are the frames, the motion between them, how much of the reference each pixel takes,
    radiance and picture, histograms of all frames on one scale, and over the brackets of a bag
    the shares of ghosts and clipping, the time of each stage and the exposures. Works without a
    network: the viewer is started so that it sends nothing and answers this machine only.
    """

    sources: Annotated[tyro.conf.Positional[tuple[Path, ...]],
                       optional('BAG|RRD|LDR...')]
    """A bag as for `ddfnet bag`, what --save wrote, or 2 to 9 image files as for `ddfnet fuse`."""
    exposure_times: Annotated[tuple[str, ...], optional('T...')] = ()
    """Seconds per file, or of one turn of a bag's camera; absent: from EXIF data or the bag's \
metadata; auto, for files: estimated."""
    save: Annotated[Path | None, optional('OUT.rrd')] = None
    """Write a recording instead of opening the viewer."""
    brackets: Annotated[int | None, optional('INT')] = None
    """Stop after so many brackets; absent: all. One of 640x360 takes about 3 MB."""
    params_file: Annotated[Path | None, optional('FILE.yaml')] = None
    """Parameter file of the node, for a bag; the options below are stronger."""
    json: bool = False
    """With --save: print one JSON object and nothing else."""
    settings: Annotated[NodeSettings, as_options(NodeSettings, _HIDDEN, partly=True)] = field(
        default_factory=NodeSettings)
    """How frames become brackets, and how these are fused."""

    def __post_init__(self) -> None:
        if not self.sources:
            check_not_among_times(self.sources, self.exposure_times)
            raise ValueError('expected a bag or image files, got none')
        if self.brackets is not None and self.brackets < 1:
            raise ValueError(f'--brackets: expected at least 1, got {self.brackets}')
        if self.json and self.save is None:
            raise ValueError('--json: expected --save as well, got none')


def run(words: Sequence[str]) -> int:
    """Fuse and record, then save the recording or open the viewer."""
    options = parse(Options, 'ddfnet view', words, EXAMPLES)
    is_recording = options.sources[0].suffix == _SUFFIX
    if is_recording:
        _check_no_other_words(options.sources, words)
    if len(options.sources) > 1:
        _check_files_use(options, words)
    if importlib.util.find_spec('rerun') is None:
        raise ValueError('expected rerun, got none; pip install "ddfnet_ros[view]" '
                         '(Python 3.11 or newer)')
    if is_recording:
        return _open_viewer(options.sources[0])
    if options.save is not None:
        check_output(options.save, _SUFFIX)
    # Recorded in the folder of the result, so that the final rename is atomic.
    place = behind_links(options.save).parent if options.save else None
    with TemporaryDirectory(prefix='.ddfnet_view_', dir=place) as folder:
        recording = Path(folder) / f'inside{_SUFFIX}'
        about = _record_brackets(options, words, recording)
        _check_room(Path(folder))
        if options.save is None:
            return _open_viewer(recording)
        put_in_place(recording, options.save)
    print(json.dumps({'recording': str(options.save), **about}) if options.json else
          _format(options.save, about))
    return 0


def _check_no_other_words(sources: Sequence[Path], words: Sequence[str]) -> None:
    """Raise ValueError if a recording is named together with options or other files."""
    more = [word for word in words if word.startswith('--') and word != '--']
    more += map(str, sources[1:])
    if more:
        raise ValueError(f'{sources[0]}: expected no more words beside a recording, got '
                         f'{more[0]}; leave that out, or give what the recording was made of')


def _check_files_use(options: Options, words: Sequence[str]) -> None:
    """Raise ValueError if there are options that image files do not use, or bags among these."""
    if bag := next((path for path in options.sources if may_be_bag(path)), None):
        raise ValueError(f'expected image files, or one bag, got {bag} among {options.sources[0]} '
                         'and others; name one bag alone')
    given = {*given_settings(words, options.settings),
             *(name for name in ('params_file', 'brackets') if getattr(options, name) is not None)}
    used = {field.name for field in dataclasses.fields(DeghosterSettings)} | _OF_FILES
    if useless := sorted(given - used):
        raise ValueError(f'{option(useless[0])}: expected none with image files, where it changes '
                         'nothing; leave it out')


def _check_room(folder: Path) -> None:
    """Raise OSError on a full disk, of which rerun says nothing: the recording lacks its end."""
    (folder / 'room').write_bytes(bytes(_ROOM))


def _record_brackets(options: Options, words: Sequence[str], path: Path) -> dict[str, Any]:
    """Fuse the sources into a recording; return the number of brackets, model and device."""
    from_files = len(options.sources) > 1
    with waiting(f'reading {options.sources[0].name} and the model'):
        from ddfnet_ros.results.inside import InsideRecording
        from ddfnet_ros.runtime.deghoster import Deghoster

        settings = (node_settings(dataclasses.asdict(options.settings)) if from_files
                    else _bag_settings(options, words))
        deghoster = Deghoster(settings)
    with InsideRecording(path, settings) as recording:
        def add(bracket: Bracket) -> None:
            fused: Deghosted = deghoster(bracket)
            recording.add(fused)

        if from_files:
            with waiting('fusing'):
                frames = frames_of(options.sources, options.exposure_times, settings)
                bracket = Bracket.of(frames, settings.reference)
                add(bracket)
            warn_of_mismatch(bracket, dict(zip(map(id, frames), options.sources, strict=True)))
            count = 1
        else:
            count = _fuse_bag(options, settings, add)
    return {'brackets': count, 'model': deghoster.model_name, 'device': deghoster.device}


def _format(recording: Path, about: Mapping[str, Any]) -> str:
    brackets = '1 bracket' if about['brackets'] == 1 else f'{about["brackets"]} brackets'
    return (f'{recording}: {brackets}, model {about["model"]} on {about["device"]}; look at it: '
            f'ddfnet view {quoted(recording)}')


def _bag_settings(options: Options, words: Sequence[str]) -> NodeSettings:
    if options.exposure_times == AUTO:
        raise ValueError('--exposure-times auto: expected image files, got a bag; leave it out')
    times = tuple(map(seconds, options.exposure_times))
    given = given_settings(words, options.settings) | ({'exposure_times': times} if times else {})
    return settings_for_bag(options.sources[0], given, options.params_file)


def _fuse_bag(
    options: Options, settings: NodeSettings, add: Callable[[Bracket], None]
) -> int:
    """Call `add` with each bracket of the bag; return their number."""
    source = options.sources[0]
    count = 0
    with BagReader(source) as bag:
        finder = BracketFinder(source, bag, settings)
        with tqdm(total=bag.count(finder.image_topics), desc=source.name, unit=' images',
                  disable=None) as bar:
            for found in islice(finder.find(bar.update), options.brackets):
                add(found.bracket)
                count += 1
    if not count:
        raise BagError(f'{source}: expected complete brackets, got none; see `ddfnet inspect '
                       f'{quoted(source)}`')
    return count


def _open_viewer(recording: Path) -> int:
    """Open the viewer and wait until it is closed."""
    if not recording.is_file():
        raise FileNotFoundError(f'{recording}: expected a recording, got no such file')
    environment = os.environ | _OFFLINE | {'RUST_LOG': 'error'}
    viewer = [sys.executable, '-m', 'rerun', '--bind', '127.0.0.1', '--port', 'auto']
    if code := subprocess.run([*viewer, recording], check=False, env=environment).returncode:
        raise ValueError(f'expected the viewer to open a window, got its exit status {code}; '
                         f'without a screen use --save FILE{_SUFFIX} and look at it elsewhere')
    return 0

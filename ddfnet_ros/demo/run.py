# SPDX-License-Identifier: Apache-2.0
"""`make demo`, step by step: play, record, score, report."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ddfnet_ros.command_line.parsing import parse
from ddfnet_ros.demo import score
from ddfnet_ros.demo.options import Options
from ddfnet_ros.demo.playing import DemoSession, Played
from ddfnet_ros.demo.processes import ProcessError, end_on_signals
from ddfnet_ros.demo.recording import Recording, shipped_bag
from ddfnet_ros.demo.report import report
from ddfnet_ros.demo.sheet import before_after, contact_sheet
from ddfnet_ros.demo.shots import Shot, largest_motion
from ddfnet_ros.demo.summary import Summary
from ddfnet_ros.images import write_exr, write_png

FAILED, USER_ERROR, INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo.

    Returns:
        Exit status: 0 if the figures reach all bars, 1 if they miss one or a process failed, 2 for
        invalid input, 130 if interrupted.
    """
    try:
        options = parse(Options, 'python -m ddfnet_ros.demo',
                        sys.argv[1:] if argv is None else argv)
        end_on_signals()
        return _print_misses(run(options), options.pace)
    except ProcessError as error:
        print(f'demo: {error}', file=sys.stderr)
        return FAILED
    except (ValueError, OSError) as error:
        print(f'demo: {error}', file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print('demo: interrupted; all its processes have been ended', file=sys.stderr)
        return INTERRUPTED


def run(options: Options) -> Summary:
    """Run all steps, and write the results to `options.output`.

    Raises:
        ProcessError: the node, the recorder or the player failed.
        ValueError: an invalid bag, truth or option.
        OSError: a file that cannot be read or written.
    """
    begun = time.monotonic()
    bag = options.bag or shipped_bag()
    truth = options.truth or bag.parent / 'truth'
    options.output.mkdir(parents=True, exist_ok=True)
    with _step(f'[1/4] read {bag.name}'):
        recording = Recording.read(bag)
        truths = [score.read_truth(truth, bracket) for bracket in recording.brackets]
    played = _play(recording, options)
    with _step('[3/4] score what was recorded against the truth'):
        shots = score.shots(recording, truths, options.output / 'fused.mcap')
        summary = score.summarise(shots, played)
    with _step('[4/4] write the report'):
        _write(options.output, shots, summary, score.subscriber_latencies_ms(recording, played))
    print(f'      {options.output / "report.html"}: open it in a browser '
          f'(all in all {time.monotonic() - begun:.0f} s)')
    return summary


def _play(recording: Recording, options: Options) -> Played:
    stage = DemoSession(recording, options)
    what = '[2/4] start fuse_node and the recorder, then play over DDS'
    with _step(what, f'about {2 * options.seconds:.0f} s'), stage.running() as (node, recorder):
        return stage.play(node, recorder)


def _write(output: Path, shots: list[Shot], summary: Summary, latencies_ms: list[float]) -> None:
    window = largest_motion(shots)
    write_png(output / 'contact_sheet.png', contact_sheet(shots))
    write_png(output / 'before_after.png', before_after(window))
    page = report(shots, window, summary, latencies_ms)
    (output / 'report.html').write_text(page, 'utf-8')
    for old in output.glob('fused_[0-9]*.exr'):
        old.unlink()
    for shot in {shots[0], window.shot, shots[-1]}:
        write_exr(output / f'fused_{shot.number:02}.exr', shot.radiance['fused'])
    summary.write(output / 'summary.json')


def _print_misses(summary: Summary, pace: float) -> int:
    misses = summary.missed_bars(pace)
    for miss in misses:
        print(f'demo: {miss}', file=sys.stderr)
    return FAILED if misses else 0


@contextmanager
def _step(what: str, expectation: str = '') -> Iterator[None]:
    """Print what the body of the `with` does, and then how long it took."""
    print(what + (f'; {expectation}' if expectation else ''), flush=True)
    begun = time.monotonic()
    yield
    print(f'      {time.monotonic() - begun:.1f} s', flush=True)

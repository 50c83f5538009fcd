# SPDX-License-Identifier: Apache-2.0
"""`ddfnet evaluate`: measure models and their peers on scenes with known ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ddfnet_ros.cli.options import FUSION, optional
from ddfnet_ros.command_line.parsing import parse
from ddfnet_ros.command_line.waiting import waiting
from ddfnet_ros.evaluation.plan import Plan
from ddfnet_ros.settings import DeghosterSettings
from ddfnet_ros.whole_files import check_writable, whole_target

if TYPE_CHECKING:
    from ddfnet_ros.evaluation.evaluate import Comparison
    from ddfnet_ros.evaluation.record import Evaluation, Failure

EXAMPLES = """\
  ddfnet evaluate --panoramas my_panoramas
  ddfnet evaluate --panoramas my_panoramas --model base --models fast --peers all --json base.json
  ddfnet evaluate --panoramas my_panoramas --study robustness --scenes 20 --json robustness.json
  ddfnet evaluate --dataset kalantari --root Test --model base
doc/evaluation.md explains metrics, studies and the JSON."""


@dataclass(frozen=True, kw_only=True)
class Options(Plan):
    """Measure models and their peers on scenes whose truth is known.

    Random windows of HDR panoramas, with a shaking camera and moving layers in front, are taken
    by a simulated sensor; the truth is exact. Shown are mean and standard deviation over the
    scenes: PSNR and SSIM after the mu-law (_mu) and linear (_l), PSNR where something moves and
    by the brightness of the reference frame, and the ghost score (lower is better; that of the
    reference is its noise).
    """

    json: Annotated[Path | None, optional('FILE')] = None
    """Also write the result as JSON."""
    fusion: Annotated[DeghosterSettings, FUSION] = field(default_factory=DeghosterSettings)
    """How to fuse."""


def run(words: Sequence[str]) -> int:
    """Measure, print tables, write JSON."""
    options = parse(Options, 'ddfnet evaluate', words, EXAMPLES)
    if options.json is not None:
        check_writable(options.json)
    with waiting('reading models and scenes') as stop:
        from ddfnet_ros.evaluation.run import carry_out

        evaluation = carry_out(options, options.fusion, ready=stop)
    print(report(evaluation), flush=True)  # before writing the file, which may fail on a full disk
    if options.json is not None:
        with whole_target(options.json) as partial:
            partial.write_text(evaluation.to_json(), encoding='utf-8')
    return 0


def report(evaluation: Evaluation) -> str:
    """Format all tables and the model that they are for."""
    parts = [f'{point.axis} {point.value:g}\n{table(point.methods)}'
             for point in evaluation.points] or [table(evaluation.methods)]
    parts += [f'{failed.method} over {failed.axis}, {failed.metric}: '
              + _describe_failure(failed) for failed in evaluation.failures]
    model = f'fused: {evaluation.model} on {evaluation.device}, {evaluation.precision}'
    return '\n'.join([*parts, model])


def _describe_failure(failed: Failure) -> str:
    places = dict.fromkeys(p for p in (failed.below, failed.above) if p is not None)
    if not places:
        return 'better than the reference alone everywhere'
    return f'no better than the reference alone at {" and ".join(f"{p:g}" for p in places)}'


def table(methods: Comparison) -> str:
    """Format mean and spread over the scenes: a line per metric, a column per method."""
    from ddfnet_ros.evaluation.metrics import shown

    lines = [f'{"":24}' + ''.join(f'{name:>18}' for name in methods) + f'{"scenes":>8}']
    for metric in dict.fromkeys(name for found in methods.values() for name in found):
        found = [methods[name].get(metric) for name in methods]
        cells = [f'{shown(metric, s.mean)} ± {shown(metric, s.spread)}' if s else '-'
                 for s in found]
        count = max(s.count for s in found if s)
        lines.append(f'{metric:24}' + ''.join(f'{cell:>18}' for cell in cells) + f'{count:>8}')
    return '\n'.join(lines)

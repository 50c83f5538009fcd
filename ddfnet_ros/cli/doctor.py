# SPDX-License-Identifier: Apache-2.0
"""`ddfnet doctor`: check this machine and name the remedy for each problem.

Libraries that may be broken are tried in a separate process, because importing incompatible ones
can crash the process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from ddfnet_ros.cli import library_checks, ros_checks
from ddfnet_ros.cli.findings import FAIL, Finding
from ddfnet_ros.command_line.parsing import parse

EXAMPLES = """\
  ddfnet doctor
  ddfnet doctor --json | jq '.[] | select(.level != "OK")'"""

CHECKS: dict[str, Callable[[], list[Finding]]] = {
    'python': library_checks.check_python,
    'ros': ros_checks.check_ros,
    'dds profile': ros_checks.check_dds,
    'torch': library_checks.check_torch,
    'cpu': library_checks.check_cpu,
    'weights': library_checks.check_weights,
    'opencv': library_checks.check_opencv,
    'cv_bridge': library_checks.check_cv_bridge,
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Check this machine: Python, ROS, DDS, GPU, OpenVINO, Numba, weights, cv_bridge.

    Each line says OK, WARN (works, but not as well as it could) or FAIL, and the remedy. The exit
    status is 1 where something failed.
    """

    json: bool = False
    """Print JSON."""


def run(words: Sequence[str]) -> int:
    """Run all checks."""
    options = parse(Options, 'ddfnet doctor', words, EXAMPLES)
    findings = []
    for finding in examine():
        findings.append(finding)
        if not options.json:
            print(_format(finding), flush=True)  # at once: some checks take seconds
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    return int(any(finding.level == FAIL for finding in findings))


def examine() -> Iterator[Finding]:
    """Run all checks and yield their findings; a check that raises is a finding, too."""
    for name, check in CHECKS.items():
        try:
            yield from check()
        except Exception as error:  # any error: the other checks go on
            text = ' '.join(str(error).split())
            yield Finding(name, FAIL, f'{type(error).__name__}: {text}', 'repair what it names')


def _format(finding: Finding) -> str:
    remedy = f'; {finding.remedy}' if finding.remedy else ''
    return f'{finding.level:4}  {finding.name:14} {finding.text}{remedy}'

# SPDX-License-Identifier: Apache-2.0
"""The findings of `ddfnet doctor`: the type that all its checks return."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARN, FAIL = 'OK', 'WARN', 'FAIL'


@dataclass(frozen=True)
class Finding:
    """One finding of a check.

    Attributes:
        name: Name of what was checked.
        level: OK, WARN (works, but not as well as it could) or FAIL.
        text: Description of the finding.
        remedy: What the user should do; '' if nothing.
    """

    name: str
    level: str
    text: str
    remedy: str = ''

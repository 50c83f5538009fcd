# SPDX-License-Identifier: Apache-2.0
"""What `ddfnet doctor` finds, in the words that all its checks share."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARN, FAIL = 'OK', 'WARN', 'FAIL'


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: What was looked at.
        level: OK, WARN (works, but not as well as it could) or FAIL.
        text: What was found.
        remedy: What to do about it; '' where there is nothing to do.
    """

    name: str
    level: str
    text: str
    remedy: str = ''

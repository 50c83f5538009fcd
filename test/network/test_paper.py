# SPDX-License-Identifier: Apache-2.0
"""doc/paper.md and the code agree on each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ddfnet_ros.network.ddfnet import STRUCTURES, DDFNet, DDFNetConfig

ROOT = Path(__file__).parents[2]
PAPER = (ROOT / 'doc/paper.md').read_text(encoding='utf-8')


def anchors_of(markdown: str) -> set[str]:
    headings = re.findall(r'^#+ (.+)$', markdown, re.MULTILINE)
    return {re.sub(r'[^\w -]', '', heading.lower()).replace(' ', '-') for heading in headings}


def test_every_place_that_the_code_points_to_is_there():
    sources = [path.read_text(encoding='utf-8') for path in (ROOT / 'ddfnet_ros').rglob('*.py')]
    named = {anchor for text in sources for anchor in re.findall(r'paper\.md#([\w-]+)', text)}
    assert named
    assert named <= anchors_of(PAPER)


@pytest.mark.parametrize('structure', STRUCTURES)
def test_the_table_of_structures_has_the_parameters(structure):
    [row] = [line for line in PAPER.splitlines() if re.match(rf'\|[^|]*`{structure}`', line)]
    written = int(row.split('|')[-2].strip().replace(' ', ''))
    built = DDFNet(DDFNetConfig(structure=structure))
    assert written == sum(p.numel() for p in built.parameters())

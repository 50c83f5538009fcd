# SPDX-License-Identifier: Apache-2.0
"""What tyro says about bad options in a box of several lines, in one line of ours."""

from __future__ import annotations

import ast
import re
import textwrap

# What tyro draws around and inside the box, in Unicode or not.
_BORDER = re.compile(r'^[╭╰].*|^\s*│|│\s*$')
_RULE = re.compile(r'\s*(─+|-{5,})\s*')
_KINDS = {
    'could not convert string to float:': 'a number',
    'invalid literal for int() with base 10:': 'a whole number',
}


def one_line(box: str) -> str:
    """Expected, got and remedy.

    Args:
        box: What tyro printed, its lines not broken.
    """
    sections, help_at = _sections(box)
    about = ' '.join(' '.join(sections[0]).split()) if sections else ''
    for of_kind in (_missing, _without_value, _unknown, _choice, _subcommand, _unreadable):
        if said := of_kind(about, sections):
            about = said
            break
    return about if '; ' in about or not help_at else f'{about}; see {help_at}'


def _sections(box: str) -> tuple[list[list[str]], str]:
    """Lines between the rules, without the title; and the command that shows the help."""
    sections: list[list[str]] = [[]]
    for line in box.splitlines():
        inner = _BORDER.sub('', line).rstrip()
        if _RULE.fullmatch(inner):
            sections.append([])
        elif inner:
            sections[-1].append(inner)
    if sections[0] and not box.lstrip().startswith('╭'):
        del sections[0]  # without a border the title is a section of its own
    words = ' '.join(' '.join(sections[-1]).split()) if sections else ''
    if found := re.fullmatch(r'For full helptext, (?:run|see):? (.*)', words):
        return _indented_from_0(sections[:-1]), found[1]
    return _indented_from_0(sections), ''


def _indented_from_0(sections: list[list[str]]) -> list[list[str]]:
    return [textwrap.dedent('\n'.join(section)).split('\n') for section in sections if section]


def _named(lines: list[str]) -> list[str]:
    """Options or arguments that lines introduce: those that are indented, but not most."""
    indented = [line for line in lines if line[:1].isspace()]
    least = min((len(line) - len(line.lstrip()) for line in indented), default=0)
    return [line.strip() for line in indented if len(line) - len(line.lstrip()) <= least]


def _missing(about: str, sections: list[list[str]]) -> str:
    if not about.startswith('Missing from '):
        return ''
    expected = ' and '.join(_named(sections[0]))
    others = [line.strip() for section in sections[1:] for line in section[1:]
              if section[0].strip().startswith('Unrecognized')]
    return f'expected {expected}, got {" ".join(others) or "none"}'


def _without_value(about: str, _sections: list[list[str]]) -> str:
    if not (found := re.match(r"Missing value for argument '(\S+)'\. Expected (\d+)", about)):
        return ''
    number = 'a value' if found[2] == '1' else f'{found[2]} values'
    return f'{_long(found[1])}: expected {number}, got none'


def _unknown(about: str, sections: list[list[str]]) -> str:
    if not (found := re.match(r'Unrecognized (?:or misplaced )?options: (.*)', about)):
        return ''
    words = re.sub(r' ?\(applied to [^)]*\)', '', found[1]).replace(', ', ' ')
    expected = 'an option that there is' if words.startswith('-') else 'no more words'
    for title, *lines in sections[1:]:
        if title.strip().startswith('Available subcommands: ') and not words.startswith('-'):
            expected = f'one of {title.partition(": ")[2].strip()}'
        elif title.strip().startswith(('Perhaps you meant:', 'Arguments similar to ')):
            if similar := re.search(r'--[\w-]+', lines[0]):
                expected += f', such as {similar[0]}'
            break
    return f'expected {expected}, got {words}'


def _choice(about: str, _sections: list[list[str]]) -> str:
    found = re.match(r"invalid choice (.+) for argument '(\S+)'\. Expected one of (\(.*\))\.$",
                     about)
    if not found:
        return ''
    choices = ', '.join(map(str, ast.literal_eval(found[3])))
    return f'{_long(found[2])}: expected one of {choices}, got {found[1]}'


def _subcommand(about: str, _sections: list[list[str]]) -> str:
    found = re.match(r'Expected one of \{(.*)\}', about)
    return f'expected one of {found[1]}, got none' if found else ''


def _unreadable(about: str, _sections: list[list[str]]) -> str:
    if not (found := re.match(r'Error parsing (\S+): (.*)', about)):
        return ''
    name, what = found.groups()
    if re.match('[A-Z][a-z]', name):  # a class: the text is its own
        return what
    for begin, kind in _KINDS.items():
        if what.startswith(begin):
            what = f'expected {kind}, got{what.removeprefix(begin)}'
    return f'{_long(name)}: {what}'


def _long(names: str) -> str:
    """The option without its aliases."""
    return next((name for name in names.split('/') if name.startswith('--')), names)

# SPDX-License-Identifier: Apache-2.0
"""Shorten tyro's error boxes about bad options to one line."""

from __future__ import annotations

import ast
import re
import textwrap

# Lines that tyro draws around and inside the box, in Unicode or ASCII.
_BORDER = re.compile(r'^[╭╰].*|^\s*│|│\s*$')
_RULE = re.compile(r'\s*(─+|-{5,})\s*')
_KINDS = {
    'could not convert string to float:': 'a number',
    'invalid literal for int() with base 10:': 'a whole number',
}


def one_line(box: str) -> str:
    """Convert an error box to one line with what was expected, what was given and the remedy.

    Args:
        box: Text that tyro printed, without line breaks inside sentences.
    """
    sections, help_at = _split_sections(box)
    about = ' '.join(' '.join(sections[0]).split()) if sections else ''
    for parse_kind in (_parse_missing, _parse_without_value, _parse_unknown, _parse_choice,
                       _parse_subcommand, _parse_unreadable):
        if line := parse_kind(about, sections):
            about = line
            break
    return about if '; ' in about or not help_at else f'{about}; see {help_at}'


def _split_sections(box: str) -> tuple[list[list[str]], str]:
    """Return the lines between the rules, without the title, and the help command."""
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
        return _dedent(sections[:-1]), found[1]
    return _dedent(sections), ''


def _dedent(sections: list[list[str]]) -> list[list[str]]:
    return [textwrap.dedent('\n'.join(section)).split('\n') for section in sections if section]


def _option_names(lines: list[str]) -> list[str]:
    """Names of the options or arguments: the lines with the smallest indentation above 0."""
    indented = [line for line in lines if line[:1].isspace()]
    least = min((len(line) - len(line.lstrip()) for line in indented), default=0)
    return [line.strip() for line in indented if len(line) - len(line.lstrip()) <= least]


def _parse_missing(about: str, sections: list[list[str]]) -> str:
    if not about.startswith('Missing from '):
        return ''
    expected = ' and '.join(_option_names(sections[0]))
    others = [line.strip() for section in sections[1:] for line in section[1:]
              if section[0].strip().startswith('Unrecognized')]
    return f'expected {expected}, got {" ".join(others) or "none"}'


def _parse_without_value(about: str, _split_sections: list[list[str]]) -> str:
    if not (found := re.match(r"Missing value for argument '(\S+)'\. Expected (\d+)", about)):
        return ''
    number = 'a value' if found[2] == '1' else f'{found[2]} values'
    return f'{_long_option(found[1])}: expected {number}, got none'


def _parse_unknown(about: str, sections: list[list[str]]) -> str:
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


def _parse_choice(about: str, _split_sections: list[list[str]]) -> str:
    found = re.match(r"invalid choice (.+) for argument '(\S+)'\. Expected one of (\(.*\))\.$",
                     about)
    if not found:
        return ''
    choices = ', '.join(map(str, ast.literal_eval(found[3])))
    return f'{_long_option(found[2])}: expected one of {choices}, got {found[1]}'


def _parse_subcommand(about: str, _split_sections: list[list[str]]) -> str:
    found = re.match(r'Expected one of \{(.*)\}', about)
    return f'expected one of {found[1]}, got none' if found else ''


def _parse_unreadable(about: str, _split_sections: list[list[str]]) -> str:
    if not (found := re.match(r'Error parsing (\S+): (.*)', about)):
        return ''
    name, what = found.groups()
    if re.match('[A-Z][a-z]', name):  # a class of ours: the text is our error message
        return what
    for begin, kind in _KINDS.items():
        if what.startswith(begin):
            what = f'expected {kind}, got{what.removeprefix(begin)}'
    return f'{_long_option(name)}: {what}'


def _long_option(names: str) -> str:
    """Return the long form among an option's aliases."""
    return next((name for name in names.split('/') if name.startswith('--')), names)

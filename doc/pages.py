# SPDX-License-Identifier: Apache-2.0
"""Pages with generated parts: text between two comments is replaced, the rest is kept.

The comments are `<!-- NAME: make tables -->` and `<!-- end of NAME -->`.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path


def fill_tables(text: str, tables: Mapping[str, str], page: str) -> str:
    """Replace the tables in the text of a page.

    Args:
        text: Text of the page.
        tables: New tables by name.
        page: Name of the page in errors.

    Raises:
        ValueError: the text lacks the comments of a table.
    """
    for name, table in tables.items():
        begin, end = f'<!-- {name}: make tables -->\n', f'<!-- end of {name} -->'
        before, middle, rest = text.partition(begin)
        _, last, after = rest.partition(end)
        if not (middle and last):
            raise ValueError(f'{page}: expected {begin.strip()} and {end.strip()}')
        text = f'{before}{begin}{table}\n\n{end}{after}'
    return text


def write_or_compare(wanted: Mapping[Path, str], about: str) -> int:
    """Main function of a script: write the files, or with --check compare them.

    Args:
        wanted: Wanted text of each file.
        about: Docstring of the script; --help shows its first line.

    Returns:
        Exit status: 1 if --check found differences, else 0.
    """
    parser = argparse.ArgumentParser(description=about.partition('\n')[0])
    parser.add_argument('--check', action='store_true', help='only compare; 1 where they differ')
    if parser.parse_args().check:
        return int(any(not path.is_file() or path.read_text(encoding='utf-8') != text
                       for path, text in wanted.items()))
    for path, text in wanted.items():
        path.write_text(text, encoding='utf-8')
    return 0

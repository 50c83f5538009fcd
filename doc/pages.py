# SPDX-License-Identifier: Apache-2.0
"""Pages of which code writes a part: what stands between two comments is replaced, the rest stays.

The comments are `<!-- NAME: make tables -->` and `<!-- end of NAME -->`.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path


def filled(text: str, tables: Mapping[str, str], page: str) -> str:
    """A page's text with its tables replaced.

    Args:
        text: The page.
        tables: By name.
        page: What an error calls it.

    Raises:
        ValueError: a table has no place in the text.
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
    """The whole of a script: write the files, or with --check tell by the status if they differ.

    Args:
        wanted: What the files have to hold.
        about: Docstring of the script; its first line is shown by --help.
    """
    parser = argparse.ArgumentParser(description=about.partition('\n')[0])
    parser.add_argument('--check', action='store_true', help='only compare; 1 where they differ')
    if parser.parse_args().check:
        return int(any(not path.is_file() or path.read_text(encoding='utf-8') != text
                       for path, text in wanted.items()))
    for path, text in wanted.items():
        path.write_text(text, encoding='utf-8')
    return 0

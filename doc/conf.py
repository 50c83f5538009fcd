# SPDX-License-Identifier: Apache-2.0
"""Sphinx configuration: pages from doc/*.md, reference from the code. See `make docs`."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from ddfnet_ros import __version__, cli

project = 'ddfnet_ros'
author = 'ddfnet_ros maintainers'
version = release = __version__
extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
exclude_patterns = ['images']
html_theme = 'alabaster'
html_show_copyright = False
html_theme_options = {
    'page_width': '1160px', 'sidebar_width': '230px', 'fixed_sidebar': True,
    'font_family': 'sans-serif', 'head_font_family': 'sans-serif', 'font_size': '15px',
    'code_font_size': '13px',
}
html_sidebars = {'**': ['about.html', 'navigation.html', 'searchbox.html']}
myst_heading_anchors = 3
autodoc_member_order = 'bysource'
autodoc_typehints = 'description'
autodoc_typehints_description_target = 'documented'
# Pages of doc/ include files from outside of it; their links must be redirected.
MOVED = {
    '](../README.md': '](index.md', '](../CONTRIBUTING.md': '](contributing.md',
    '](doc/': '](', '](models/README.md': '](models.md', '](CHANGELOG.rst': '](changes.md',
    '](LICENSE': '](../LICENSE', '](CONTRIBUTING.md': '](contributing.md',
    '](#topics': '](reference.md#topics', '](#parameters': '](reference.md#parameters',
}
default_role = 'code'  # docstrings put code between single backticks, as Markdown does


class VerbHelp(Directive):
    """Directive that shows the --help text of every verb, one section each."""

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        os.environ['COLUMNS'] = '96'
        return [_section('ddfnet', _help_text('--help')),
                *(_section(f'ddfnet {verb}', _help_text(verb, '--help')) for verb in cli.VERBS)]


def _help_text(*words: str) -> str:
    if words[0] == 'play':  # this verb replaces its process
        command = [sys.executable, '-m', 'ddfnet_ros.node.player', '--help']
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        cli.main(words)
    return output.getvalue()


def _section(title: str, text: str) -> nodes.section:
    plain = '\n'.join(line.rstrip() for line in text.splitlines())
    return nodes.section('', nodes.title(text=title), nodes.literal_block(text=plain),
                         ids=[nodes.make_id(title)], names=[title])


def _redirect_links(app: Sphinx, *event: object) -> None:
    """Replace links in the source of a page: the last argument, a list with one text."""
    text = event[-1]
    if isinstance(text, list):
        for before, now in MOVED.items():
            text[0] = text[0].replace(before, now)


def _keep_first_line(app: Sphinx, what: str, *rest: object) -> None:
    """Keep napoleon from reading `Summary: more` of a property as `type: description`."""
    lines = rest[-1]
    if what == 'property' and isinstance(lines, list):
        lines[0] = lines[0].replace(': ', ', ', 1)


def setup(app: Sphinx) -> None:
    """Register the directive and the text filters."""
    app.add_directive('verb-help', VerbHelp)
    app.connect('env-get-outdated', lambda *event: ['reference'])  # depends on the code
    app.connect('source-read', _redirect_links)
    app.connect('include-read', _redirect_links)
    app.connect('autodoc-process-docstring', _keep_first_line, priority=400)  # before napoleon

# SPDX-License-Identifier: Apache-2.0
"""Link the package's data files into a prefix: `pip install --editable` leaves them out.

Links, not copies, so that share/ddfnet_ros never holds an older model or launch file than the
checkout.
"""

import sys
from distutils.core import run_setup  # setuptools' own, also from Python 3.12 on
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def link_data_files(prefix):
    """Make links for all data files of setup.py; remove those whose file is gone."""
    for folder, sources in run_setup(str(ROOT / 'setup.py'), stop_after='config').data_files:
        (prefix / folder).mkdir(parents=True, exist_ok=True)
        for source in map(Path, sources):
            link = prefix / folder / source.name
            link.unlink(missing_ok=True)
            link.symlink_to(ROOT / source)
        for link in (prefix / folder).iterdir():
            if not link.exists():
                link.unlink()


if __name__ == '__main__':
    link_data_files(Path(sys.argv[1]))

# SPDX-License-Identifier: Apache-2.0
"""List what is installed, and the weights, as CycloneDX 1.5 in JSON.

python requirements/sbom.py out/sbom.json
"""

import datetime
import hashlib
import json
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
_LICENCE = 'License :: '


def bill():
    """The bill of materials of this interpreter's environment and this checkout's models."""
    found = {component['bom-ref']: component for component in map(_package, distributions())}
    models = [_model(path) for path in sorted((ROOT / 'models').glob('*.safetensors'))]
    return {
        'bomFormat': 'CycloneDX', 'specVersion': '1.5', 'version': 1,
        'metadata': {
            'timestamp': datetime.datetime.now(datetime.timezone.utc).isoformat(),
            'component': {'type': 'application', 'name': 'ddfnet_ros', 'bom-ref': 'ddfnet_ros'},
        },
        'components': [*(found[name] for name in sorted(found)), *models],
    }


def _package(distribution: Distribution):
    about = distribution.metadata
    name = about['Name'].lower().replace('_', '-')
    url = f'pkg:pypi/{quote(name)}@{quote(distribution.version)}'
    component = {'type': 'library', 'name': name, 'version': distribution.version,
                 'purl': url, 'bom-ref': url}
    said = about.get('License-Expression') or next(
        (c.rpartition(' :: ')[2] for c in about.get_all('Classifier', ())
         if c.startswith(_LICENCE)), None)
    if said:
        component['licenses'] = [{'license': {'name': said}}]
    return component


def _model(path):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {'type': 'machine-learning-model', 'name': path.name,
            'bom-ref': f'models/{path.name}', 'hashes': [{'alg': 'SHA-256', 'content': digest}]}


def main():
    """Write the bill to the path that is given."""
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    content = bill()
    path.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
    print(f'{path}: {len(content["components"])} components')


if __name__ == '__main__':
    main()

# SPDX-License-Identifier: Apache-2.0
"""Import third-party weights as model files of this package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ddfnet_ros import network, weights

LICENCE = ('CC BY-NC-SA 4.0 (NVIDIA): for non-commercial use only, and so is every model that is '
           'trained with it')

# Pattern of our layer name, and NVlabs' name (PyTorch/models/PWCNet.py, class PWCDCNet).
_NVLABS_NAMES = (
    (r'pyramid\.5\.0\.0', 'conv6aa.0'),  # at level 6, aa comes before a
    (r'pyramid\.5\.1\.0', 'conv6a.0'),
    (r'pyramid\.(\d)\.0\.0', 'conv{next}a.0'),
    (r'pyramid\.(\d)\.1\.0', 'conv{next}aa.0'),
    (r'pyramid\.(\d)\.2\.0', 'conv{next}b.0'),
    (r'levels\.(\d)\.dense\.(\d)\.0', 'conv{0}_{1}.0'),
    (r'levels\.(\d)\.flow', 'predict_flow{0}'),
    (r'levels\.(\d)\.raise_flow', 'deconv{0}'),
    (r'levels\.(\d)\.raise_maps', 'upfeat{0}'),
    (r'context\.6', 'dc_conv7'),
    (r'context\.(\d)\.0', 'dc_conv{next}.0'),
)
_FIRST_LAYER = 'pyramid.0.0.0.weight'


def import_pwcnet(checkpoint: Path, path: Path) -> str:
    """Convert NVlabs' PWC-Net for PyTorch to a model file.

    Args:
        checkpoint: File written by torch.save: the state dict, bare or under `state_dict`.
        path: Model file to write.

    Returns:
        Checksum of the tensors.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        WeightsError: the file is not a checkpoint of that network.
    """
    theirs = _state_dict(checkpoint)
    model = network.build({'architecture': 'pwcnet'})
    ours = {}
    for name, tensor in model.state_dict().items():
        found = theirs.get(nvlabs_name(name))
        if not isinstance(found, Tensor) or found.shape != tensor.shape:
            got = tuple(found.shape) if isinstance(found, Tensor) else 'none'
            raise weights.WeightsError(
                f'{checkpoint}: expected {nvlabs_name(name)} of shape {tuple(tensor.shape)}, got '
                f'{got}; give the pwc_net.pth.tar of NVlabs/PWC-Net (PyTorch)')
        ours[name] = found.float()
    ours[_FIRST_LAYER] = ours[_FIRST_LAYER].flip(1)  # they feed BGR, we RGB
    model.load_state_dict(ours)
    card = {
        'data': 'FlyingChairs and FlyingThings3D, by NVIDIA (NVlabs/PWC-Net)', 'licence': LICENCE,
        'recipe': {'imported': checkpoint.name}, 'steps': 0, 'minutes': 0, 'hardware': 'unknown',
    }
    return weights.save(model, path, card)


def nvlabs_name(name: str) -> str:
    """NVlabs' name of our tensor `name`."""
    layer, _, kind = name.rpartition('.')
    for pattern, theirs in _NVLABS_NAMES:
        if match := re.fullmatch(pattern, layer):
            groups = match.groups()
            following = int(groups[0]) + 1 if groups else 0
            return f'{theirs.format(*groups, next=following)}.{kind}'
    raise ValueError(f'expected a tensor of PWC-Net, got {name}')


def _state_dict(checkpoint: Path) -> Mapping[str, Any]:
    try:
        loaded = torch.load(checkpoint, map_location='cpu', weights_only=True)
    except OSError:
        raise
    except Exception as error:  # bytes of another format can make the unpickler raise anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise weights.WeightsError(f'{checkpoint}: expected a file of tensors that torch.save '
                                   f'wrote, got another ({reason}); download it again') from error
    tensors = loaded.get('state_dict', loaded) if isinstance(loaded, Mapping) else {}
    return tensors if isinstance(tensors, Mapping) else {}

# SPDX-License-Identifier: Apache-2.0
"""Build networks from the config in a weights file, and describe networks by such a config.

Every fusion model is called as `model(stack, flow, reference_index) -> radiance` (shapes in
`ddfnet.py`; without the index the reference is the median exposure) and has the attributes

- `multiple`: height and width of the input must be multiples of this;
- `config`: the frozen dataclass that it was built from;
- `reach(flow)`, if it can process bands of rows: rows above and below that a pixel depends on;
- `shares`, called like the model, if it weighs frames: how much of each frame a pixel takes;
- `core(frames, flow) -> maps`, if other runtimes (OpenVINO, say) may compute its convolutions.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any

from torch import nn

# Architecture: (module, model class, config class). Modules are imported only when used, so that
# a node that runs `fast` does not load the others.
_ARCHITECTURES = {
    'ddfnet': ('ddfnet_ros.network.ddfnet', 'DDFNet', 'DDFNetConfig'),
    'fast': ('ddfnet_ros.network.fast', 'FastFusion', 'FastConfig'),
    'pwcnet': ('ddfnet_ros.flow.pwcnet', 'PWCNet', 'PWCNetConfig'),
    'ahdrnet': ('ddfnet_ros.network.ahdrnet', 'AHDRNet', 'AHDRNetConfig'),
    'kalantari17': ('ddfnet_ros.network.kalantari17', 'Kalantari17', 'Kalantari17Config'),
    'deephdr': ('ddfnet_ros.network.deephdr', 'DeepHDR', 'DeepHDRConfig'),
}


def build(config: Mapping[str, Any]) -> nn.Module:
    """Build an untrained model.

    Args:
        config: `architecture` (ddfnet, fast, pwcnet, ...) and fields of that architecture's
            config class; fields left out keep their defaults.

    Raises:
        ValueError: unknown architecture, or fields that are unknown or invalid.
    """
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
    name = fields.pop('architecture', None)
    if name not in _ARCHITECTURES:
        known = ', '.join(_ARCHITECTURES)
        raise ValueError(f'architecture: expected one of {known}, got {name!r}')
    module_name, model_name, config_name = _ARCHITECTURES[name]
    module = importlib.import_module(module_name)
    _check_types(getattr(module, config_name), fields)
    try:
        model_config = getattr(module, config_name)(**fields)
    except TypeError as error:
        raise ValueError(f'expected fields of {config_name}, got {sorted(fields)}: {error}; '
                         'update ddfnet_ros or the weights') from error
    model: nn.Module = getattr(module, model_name)(model_config)
    return model


def _check_types(config: Any, given: Mapping[str, Any]) -> None:
    for field in dataclasses.fields(config):
        value, expected = given.get(field.name, field.default), type(field.default)
        if type(value) is not expected:
            raise ValueError(f'{field.name}: expected {expected.__name__}, got {value!r}')


def describe(model: nn.Module) -> dict[str, Any]:
    """Config, ready for JSON, from which `build` makes this model.

    Raises:
        ValueError: the model is not of a known architecture.
    """
    for architecture, (module_name, model_name, _) in _ARCHITECTURES.items():
        if (type(model).__module__, type(model).__name__) == (module_name, model_name):
            config: Any = model.config
            return {'architecture': architecture, **dataclasses.asdict(config)}
    known = ', '.join(_ARCHITECTURES)
    raise ValueError(f'expected a model of {known}, got {type(model).__name__}')


def fixed_frames(model: nn.Module) -> int | None:
    """Number of frames that a network requires; None if it takes any number."""
    config = describe(model)
    # Of DDFNet's structures, only concatenation has a fixed number of frames.
    fixed = config.get('structure', 'concatenation') == 'concatenation'
    return config.get('frames') if fixed else None

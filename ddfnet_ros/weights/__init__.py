# SPDX-License-Identifier: Apache-2.0
"""Save, find and load models: safetensors files with config, card and checksum, all checked."""

from ddfnet_ros.weights.files import LoadedModel, checksum, load, save, stored_checksum, write
from ddfnet_ros.weights.finding import (
    SUFFIX,
    WeightsError,
    WeightsNotFoundError,
    find,
    model_folders,
    present,
)

__all__ = ['SUFFIX', 'LoadedModel', 'WeightsError', 'WeightsNotFoundError', 'checksum', 'find',
           'load', 'model_folders', 'present', 'save', 'stored_checksum', 'write']

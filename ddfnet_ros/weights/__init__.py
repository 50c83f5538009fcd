# SPDX-License-Identifier: Apache-2.0
"""Weights in and out: safetensors with the model's config, its card and a checksum; strict."""

from ddfnet_ros.weights.files import LoadedModel, checksum, load, save, write
from ddfnet_ros.weights.finding import (
    SUFFIX,
    WeightsError,
    WeightsNotFoundError,
    find,
    model_folders,
    present,
)

__all__ = ['SUFFIX', 'LoadedModel', 'WeightsError', 'WeightsNotFoundError', 'checksum', 'find',
           'load', 'model_folders', 'present', 'save', 'write']

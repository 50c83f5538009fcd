# SPDX-License-Identifier: Apache-2.0
"""The demo's street: a scene made by code, with exact truth."""

from ddfnet_ros.synthesis.street.recording import synthesize_street

__all__ = ['synthesize_street']

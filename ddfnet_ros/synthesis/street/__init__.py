# SPDX-License-Identifier: Apache-2.0
"""The demo's street: a procedural scene with exact ground truth."""

from ddfnet_ros.synthesis.street.recording import synthesize_street

__all__ = ['synthesize_street']

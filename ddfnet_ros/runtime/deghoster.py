# SPDX-License-Identifier: Apache-2.0
"""Deghoster: a bracket in, one HDR image out. The one class that node, CLI and evaluation call."""

# SPDX-License-Identifier: Apache-2.0
"""Measuring: metrics, baselines and the comparison of both with a model."""

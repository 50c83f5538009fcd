# SPDX-License-Identifier: Apache-2.0
"""Evaluation: metrics, baselines, and their comparison with a model."""

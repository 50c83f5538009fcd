# SPDX-License-Identifier: Apache-2.0
"""Per-pixel work on a CPU, compiled by Numba: one pass, without intermediate pictures in memory.

Each kernel computes some rows and releases Python's lock, so that threads share a picture. Each
has a counterpart in torch, which GPUs, training and CPUs without Numba use. Tests compare the two.
"""

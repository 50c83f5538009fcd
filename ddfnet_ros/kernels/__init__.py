# SPDX-License-Identifier: Apache-2.0
"""What a CPU does for every pixel, compiled by Numba: one pass, and nothing between in memory.

Each kernel computes some rows, so that threads share a picture; it lets go of Python's lock. All
have a counterpart in torch, which GPUs, training and CPUs without Numba use, and which tests
compare them with.
"""

# SPDX-License-Identifier: Apache-2.0
"""Scenes with exact truth, and the sensor that photographs them."""

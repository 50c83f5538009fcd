# SPDX-License-Identifier: Apache-2.0
"""Does the fused picture help a detector? Traffic lights and pedestrians whose truth is known."""

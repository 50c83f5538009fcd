# SPDX-License-Identifier: Apache-2.0
"""The demo: plays recorded brackets of a street over DDS to the node, and reports the results."""

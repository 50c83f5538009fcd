# SPDX-License-Identifier: Apache-2.0
"""The demo: brackets of a street, over DDS, through the node, into a report."""

# SPDX-License-Identifier: Apache-2.0
"""Information about a result besides its picture: clipping, motion, files on disk."""

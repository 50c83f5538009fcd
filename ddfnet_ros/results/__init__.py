# SPDX-License-Identifier: Apache-2.0
"""What can be told of a result besides its picture: clipping, motion, files on disk."""

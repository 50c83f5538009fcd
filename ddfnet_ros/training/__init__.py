# SPDX-License-Identifier: Apache-2.0
"""Training on synthesised brackets: batches, loss, checkpoints and the loop."""

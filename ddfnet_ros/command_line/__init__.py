# SPDX-License-Identifier: Apache-2.0
"""What all that is started from a shell shares: words that become options, signs of life."""

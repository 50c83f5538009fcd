# SPDX-License-Identifier: Apache-2.0
"""What all command-line programs share: parsing of options, and a progress indicator."""

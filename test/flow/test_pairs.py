# SPDX-License-Identifier: Apache-2.0
"""Pairs in a common range."""

from __future__ import annotations

import torch

from ddfnet_ros.flow.pairs import common_range


def frame(*values: float) -> torch.Tensor:
    """One-channel image of one row."""
    return torch.tensor(values).reshape(1, 1, 1, -1)


def test_both_frames_of_a_pair_are_cut_at_the_lower_white_level():
    # The reference clips at 0.5, the short frame shows more, the long one clips at 0.1.
    corrected = torch.stack(
        [frame(0.02, 0.1, 0.5), frame(0.02, 0.1, 1.0), frame(0.02, 0.1, 0.1)], dim=1)
    reference, other = common_range(corrected)
    expected_short = torch.tensor([0.04, 0.2, 1.0]) ** (1 / 2.2)
    torch.testing.assert_close(reference[0, 0, 0, 0], expected_short)
    torch.testing.assert_close(other[0, 0, 0, 0], expected_short)
    expected_long = torch.tensor([0.2, 1.0, 1.0]) ** (1 / 2.2)
    torch.testing.assert_close(reference[0, 1, 0, 0], expected_long)
    torch.testing.assert_close(other[0, 1, 0, 0], expected_long)


def test_black_frames_stay_black():
    reference, other = common_range(torch.zeros(1, 2, 3, 4, 4))
    assert not reference.any()
    assert not other.any()

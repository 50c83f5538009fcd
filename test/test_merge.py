# SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ddfnet_ros.merge import static_merge, static_weights
from ddfnet_ros.radiance import correct, encode


def frames(*values: float) -> torch.Tensor:
    """A one-pixel bracket, grey, the reference first."""
    return torch.tensor(values).reshape(1, -1, 1, 1, 1).expand(-1, -1, 3, -1, -1)


def weights(reference_index: int, *values: float) -> list[float]:
    return static_weights(frames(*values), reference_index)[0, :, 0, 0, 0].tolist()


@given(
    st.lists(st.floats(0, 1, width=32), min_size=2, max_size=9).flatmap(
        lambda values: st.tuples(st.just(values), st.integers(0, len(values) - 1))
    )
)
def test_weights_are_convex(case):
    values, reference_index = case
    result = weights(reference_index, *values)
    assert min(result) >= -1e-6
    assert sum(result) == pytest.approx(1, abs=1e-5)


def test_mid_grey_is_the_reference_alone():
    assert weights(1, 0.5, 0.2, 0.9) == pytest.approx([1, 0, 0])


def test_bright_pixel_goes_to_the_shorter_frame_by_the_triangle():
    assert weights(1, 0.8, 0.3, 0.94) == pytest.approx([0.4, 0.6, 0])


def test_clipped_pixel_is_the_shorter_frame_alone():
    assert weights(1, 1.0, 0.6, 1.0) == pytest.approx([0, 1, 0])


def test_dark_pixel_goes_to_the_longer_frame_by_the_triangle():
    assert weights(1, 0.1, 0.0, 0.3) == pytest.approx([0.2, 0, 0.8])


def test_clipped_longer_frame_is_not_asked():
    assert weights(1, 0.1, 0.0, 1.0) == pytest.approx([1, 0, 0])


def test_shorter_frames_hand_on_what_they_clip_too():
    assert weights(2, 1.0, 0.4, 0.75) == pytest.approx([0, 0.5, 0.5])


def test_longest_reference_has_nobody_to_ask_in_the_dark():
    assert weights(2, 0.0, 0.0, 0.0) == pytest.approx([1, 0, 0])


def test_still_scene_merges_to_its_radiance():
    radiance = torch.rand(1, 1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    exposure = torch.tensor([[4.0, 1.0, 16.0]])
    ldr = encode((radiance * exposure[..., None, None, None]).clamp(max=1))
    merged = static_merge(ldr, correct(ldr, exposure), 1)
    torch.testing.assert_close(merged, radiance[:, 0], atol=1e-6, rtol=1e-5)


def test_reference_is_left_alone_until_it_is_bright():
    ldr = frames(0.7, 0.2, 0.9)
    assert static_weights(ldr, 1)[0, 0].max() == pytest.approx(0.6)
    assert static_weights(ldr, 1, bright=0.8)[0, 0].min() == 1

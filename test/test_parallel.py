# SPDX-License-Identifier: Apache-2.0
import threading

import pytest
import torch

from ddfnet_ros.parallel import each


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def told(piece):
    """What a thread knows of itself."""
    return (piece, threading.get_ident(), torch.get_num_threads(),
            torch.is_inference_mode_enabled(), torch.is_autocast_enabled('cpu'))


@torch.inference_mode()
def test_pieces_come_back_in_order_from_threads_that_work_alone():
    found = each(told, range(20))
    assert [piece for piece, *_ in found] == list(range(20))
    assert threading.get_ident() not in {thread for _, thread, *_ in found}
    assert {modes for _, _, *modes in found for modes in [tuple(modes)]} == {(1, True, False)}
    assert torch.get_num_threads() == 2


@torch.inference_mode()
def test_precision_is_that_of_the_caller():
    with torch.autocast('cpu', torch.bfloat16):
        assert all(low for *_, low in each(told, range(4)))


@torch.inference_mode()
def test_an_error_comes_through():
    def fail(piece):
        raise MemoryError(piece)

    with pytest.raises(MemoryError):
        each(fail, range(4))


def test_what_learns_stays_in_its_thread():
    assert {thread for _, thread, *_ in each(told, range(4))} == {threading.get_ident()}


@torch.inference_mode()
def test_at_the_same_time():
    met = threading.Barrier(2, timeout=20)
    each(lambda _: met.wait(), range(2))

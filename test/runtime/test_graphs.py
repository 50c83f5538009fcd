# SPDX-License-Identifier: Apache-2.0
import logging
import threading

import pytest
import torch

from ddfnet_ros.runtime.graphs import Graphs


class Recorder:
    """Captures as CUDA does, but that the work is done by the CPU each time.

    Attributes:
        captured: How often.
        replayed: How often.
    """

    def __init__(self):
        self.captured = self.replayed = 0

    def __call__(self, work):
        self.captured += 1
        result = work()

        def replay():
            self.replayed += 1
            result.copy_(work())
        return result, replay


@pytest.fixture
def recorder():
    return Recorder()


def double(x):
    return 2 * x


def test_work_is_captured_the_second_time_and_replayed_from_then_on(recorder):
    graphs, calls = Graphs(recorder), []

    def listening(x):
        calls.append(x)
        return 2 * x

    given = [torch.full((2, 3), float(k)) for k in range(5)]
    results = [graphs('double', listening, x) for x in given]
    assert (recorder.captured, recorder.replayed) == (1, 4)
    assert calls[0] is given[0]  # as always, and no copy
    for x, result in zip(given, results, strict=True):  # none was written over by a later one
        assert torch.equal(result, 2 * x)


def test_inputs_may_change_and_go_once_it_was_called(recorder):
    graphs, x = Graphs(recorder), torch.ones(3)
    for _ in range(2):
        graphs('double', double, x)
    x.fill_(5)
    assert torch.equal(graphs('double', double, x), torch.full((3,), 10.0))
    x.fill_(torch.nan)
    assert torch.equal(graphs('double', double, torch.ones(3)), torch.full((3,), 2.0))


def test_shapes_types_and_names_have_graphs_of_their_own(recorder):
    graphs = Graphs(recorder)
    kinds = [('a', torch.ones(2)), ('b', torch.ones(2)), ('a', torch.ones(3)),
             ('a', torch.ones(2).double())]
    for _ in range(3):
        for name, x in kinds:
            assert torch.equal(graphs(name, double, x), 2 * x)
    assert (recorder.captured, recorder.replayed) == (4, 8)


def test_the_most_recent_four_are_kept(recorder):
    graphs = Graphs(recorder)
    for size in (1, 2, 3, 4):
        for _ in range(2):
            graphs('double', double, torch.ones(size))
    graphs('double', double, torch.ones(1))  # of the four, 2 is now the one not used for longest
    graphs('double', double, torch.ones(5))
    assert recorder.captured == 4
    for size in (1, 3, 4):
        graphs('double', double, torch.ones(size))
    assert recorder.captured == 4
    for _ in range(2):
        graphs('double', double, torch.ones(2))
    assert recorder.captured == 5


def test_where_capturing_fails_all_goes_on_as_always_and_one_line_says_so(caplog):
    attempts = []

    def failing(_work):
        attempts.append(1)
        raise RuntimeError('operation not permitted\nwhen stream is capturing')

    graphs = Graphs(failing)
    with caplog.at_level(logging.WARNING):
        for size in (2, 3):
            for _ in range(4):
                x = torch.rand(size)
                assert torch.equal(graphs('double', double, x), 2 * x)
    assert len(attempts) == 1
    assert [record.message for record in caplog.records] == [
        'no CUDA graphs, kernels are launched one by one: operation not permitted when stream is '
        'capturing']


def test_what_was_forgotten_is_made_again(recorder):
    graphs, x = Graphs(recorder), torch.ones(2)
    for _ in range(2):
        graphs('double', double, x)
    graphs.forget()
    for _ in range(2):
        assert torch.equal(graphs('double', double, x), 2 * x)
    assert recorder.captured == 2


def test_another_thread_does_the_work_once_before_it_captures(recorder):
    graphs, x = Graphs(recorder), torch.ones(2)
    for _ in range(2):  # as where a node warms up, and then fuses in its worker
        thread = threading.Thread(target=graphs, args=('double', double, x))
        thread.start()
        thread.join()
    assert recorder.captured == 0
    for _ in range(3):
        assert torch.equal(graphs('double', double, x), 2 * x)
    assert (recorder.captured, recorder.replayed) == (1, 2)


def test_too_little_memory_for_one_graph_leaves_the_others(caplog):
    record = Recorder()

    def capture(work):
        if work().numel() > 2:
            raise torch.OutOfMemoryError('CUDA out of memory')
        return record(work)

    graphs = Graphs(capture)
    for _ in range(3):
        for size in (3, 2):
            x = torch.ones(size)
            assert torch.equal(graphs('double', double, x), 2 * x)
    assert record.captured == 1
    assert [record.message for record in caplog.records] == [
        'no CUDA graph of this size, kernels are launched one by one: CUDA out of memory']
    graphs.forget()
    for _ in range(2):
        graphs('double', double, torch.ones(3))
    assert len(caplog.records) == 2

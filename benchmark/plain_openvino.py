# SPDX-License-Identifier: Apache-2.0
"""A large network as the node runs it on a CPU, in torch, beside the whole of it in OpenVINO.

    python -m benchmark.plain_openvino --model denoise --size 640x360

prints one JSON object, which `benchmark.speed` adds to its record.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ddfnet_ros import weights
from ddfnet_ros.runtime.export import Whole
from ddfnet_ros.runtime.memory import keep_freed_memory
from ddfnet_ros.runtime.openvino_core import graph_of, runtime
from ddfnet_ros.runtime.selection import move_

REPEATS = 5


def main() -> None:
    """Time torch and OpenVINO in alternation."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--model', default='denoise')
    parser.add_argument('--size', default='640x360')
    options = parser.parse_args()
    width, height = map(int, options.size.split('x'))
    keep_freed_memory()
    model = weights.load(weights.find(options.model)).model
    move_(model, torch.device('cpu'))
    inputs = torch.rand(1, 3, 6, height, width), torch.randn(1, 2, 2, height, width)
    runs = {'torch': _make_torch_run(model, inputs), 'openvino': _make_openvino_run(model, inputs)}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(REPEATS + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - start) * 1e3)
    medians = {f'{name}_ms': round(statistics.median(taken[1:]), 1)
               for name, taken in times.items()}
    print(json.dumps({'model': options.model, 'width': width, 'height': height,
                      'precision': 'bfloat16', 'threads': torch.get_num_threads(), **medians,
                      'ratio': round(medians['torch_ms'] / medians['openvino_ms'], 3)}))


def _make_torch_run(model: nn.Module, inputs: tuple[Tensor, Tensor]) -> Callable[[], Any]:
    def run() -> None:
        with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16):
            model(*inputs, 1)
    return run


def _make_openvino_run(model: nn.Module, inputs: tuple[Tensor, Tensor]) -> Callable[[], Any]:
    graph = graph_of(Whole(model, 1), inputs)
    graph.reshape({place: list(x.shape) for place, x in enumerate(inputs)})
    request = runtime().compile_model(graph, 'CPU', {
        'PERFORMANCE_HINT': 'LATENCY', 'INFERENCE_NUM_THREADS': torch.get_num_threads(),
        'INFERENCE_PRECISION_HINT': 'bf16'}).create_infer_request()
    return lambda: request.infer([x.numpy() for x in inputs], share_inputs=True)


if __name__ == '__main__':
    main()

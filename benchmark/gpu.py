# SPDX-License-Identifier: Apache-2.0
"""What a bracket costs on a GPU, stage by stage, beside the arithmetic that the card can do.

    python -m benchmark.gpu

writes `benchmark/records/gpu.json` in under 10 minutes. `floor_ratio` is the network's time over
the time that its operations would take at the rate of a large matrix product in the same run.
Without a GPU nothing is measured; `--device cpu --sizes 32x32` tries the script itself.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import statistics
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmark.gpu_layers import FRAMES, REFERENCE, example, matrix_rate, memory_rate, profile
from ddfnet_ros import network, weights
from ddfnet_ros.bracket import Bracket
from ddfnet_ros.evaluation.record import commit_of
from ddfnet_ros.evaluation.speed import moving_bracket
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.machine import hardware
from ddfnet_ros.runtime.request import Request
from ddfnet_ros.settings import DeghosterSettings

RECORD = Path(__file__).parent / 'records' / 'gpu.json'
SIZES = ('640x360', '1280x720', '1920x1080', '3840x2160')
PENDING = 3  # number of brackets in flight
STAGES = {'prepare': 'upload', 'flow': 'flow', 'network': 'compute', 'finish': 'download'}
COUNTED = (64, 96)  # height and width for counting operations; any size will do


@dataclass(frozen=True)
class Run:
    """A way to run a model.

    Attributes:
        name: Name in the record.
        model: Name or path of the weights.
        precision: Precision of the convolutions.
        cuda_graphs: Whether the network runs as CUDA graphs.
        tuned: Whether cuDNN benchmarks its kernels for each size.
    """

    name: str
    model: str
    precision: str = 'bfloat16'
    cuda_graphs: bool = True
    tuned: bool = False


def main(words: list[str] | None = None) -> None:
    """Measure everything and write the record."""
    options = _options(words)
    if options.device == 'cuda' and not torch.cuda.is_available():
        print('no GPU here: nothing is measured')
        return
    sizes = [tuple(map(int, size.split('x'))) for size in options.sizes]
    brackets = {size: moving_bracket(size, FRAMES) for size in sizes}
    rates = {precision: matrix_rate(options.device, dtype) for precision, dtype in
             (('float32', torch.float32), ('bfloat16', torch.bfloat16))}
    with tempfile.TemporaryDirectory() as folder:
        rows = [_print_row(measure(run, bracket, rates, options))
                for run in runs(Path(folder)) for bracket in brackets.values()]
    layers = profile(
        sizes[min(2, len(sizes) - 1)], options.device, options.repeats, options.warm_ups)
    record = {
        'date': datetime.date.today().isoformat(), 'commit': commit_of(Path(__file__).parent),
        'device': hardware(options.device), 'torch': torch.__version__,
        'cuda': torch.version.cuda, 'matrix_tflops': rates,
        'memory_gb_per_s': memory_rate(options.device), 'rows': rows, 'profile': layers,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(record, indent=1) + '\n')


def _options(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--device', choices=('cuda', 'cpu'), default='cuda')
    parser.add_argument('--sizes', nargs='+', default=SIZES)
    parser.add_argument('--repeats', type=int, default=20)
    parser.add_argument('--warm-ups', type=int, default=4)
    parser.add_argument('--output', type=Path, default=RECORD)
    return parser.parse_args(words)


def runs(folder: Path) -> list[Run]:
    """Runs of the paper's network in four ways, an untrained AHDRNet, and our small network."""
    untrained = folder / f'ahdrnet{weights.SUFFIX}'
    torch.manual_seed(0)
    weights.save(network.build({'architecture': 'ahdrnet'}), untrained, {})
    return [
        Run('base, float32', 'base', 'float32', cuda_graphs=False),
        Run('base, bfloat16', 'base', cuda_graphs=False),
        Run('base, bfloat16, graphs', 'base'),
        Run('base, bfloat16, graphs, tuned', 'base', tuned=True),
        Run('ahdrnet, bfloat16, graphs', str(untrained)),
        Run('fast, bfloat16, graphs', 'fast'),
    ]


def measure(
    run: Run, bracket: Bracket, rates: dict[str, float], options: argparse.Namespace
) -> dict[str, Any]:
    """Measure one row: median times of stages, calls and overlapping brackets [ms]."""
    device, repeats = options.device, options.repeats
    deghoster = Deghoster(DeghosterSettings(
        model=run.model, device=device, precision=run.precision, backend='torch'),
        cuda_graphs=run.cuda_graphs)
    torch.backends.cudnn.benchmark = run.tuned
    for _ in range(options.warm_ups):
        deghoster(bracket)
    _reset_peak_memory(device)
    calls, totals = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        calls.append(deghoster(bracket).stage_ms)
        totals.append((time.perf_counter() - start) * 1e3)
    stages = {STAGES[name]: statistics.median(call[name] for call in calls) for name in STAGES}
    overlapping = _overlapping_ms(deghoster, bracket, repeats)
    width, height = bracket.reference.size
    flop = flop_per_pixel(run.model) * width * height
    rate = flop / (stages['compute'] * 1e-3) / 1e12
    row = {
        'run': run.name, 'width': width, 'height': height, 'frames': FRAMES, 'repeats': repeats,
        **{f'{name}_ms': round(ms, 3) for name, ms in stages.items()},
        'total_ms': round(statistics.median(totals), 3), 'overlapping_ms': round(overlapping, 3),
        'overlap_efficiency': round(sum(stages.values()) / overlapping, 3),
        'peak_mib': _peak_mib(device), 'tflops': round(rate, 3),
        'floor_ratio': round(rates[run.precision] / rate, 3),
    }
    del deghoster
    gc.collect()
    if device == 'cuda':
        torch.cuda.empty_cache()
    return row


def _overlapping_ms(deghoster: Deghoster, bracket: Bracket, repeats: int) -> float:
    """Mean time per bracket while `PENDING` brackets are in flight."""
    request = Request(bracket, deghoster.settings)
    pending = deque(deghoster.submit(request) for _ in range(PENDING))
    for _ in range(PENDING):
        pending.popleft().result()
        pending.append(deghoster.submit(request))
    start = time.perf_counter()
    for _ in range(repeats):
        pending.popleft().result()
        pending.append(deghoster.submit(request))
    taken = (time.perf_counter() - start) * 1e3 / repeats
    for last in pending:
        last.result()
    return taken


def flop_per_pixel(model: str) -> float:
    """Floating-point operations of the convolutions per pixel of the result."""
    whole = weights.load(weights.find(model)).model
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        whole(*example(*COUNTED), REFERENCE)
    return counter.get_total_flops() / (COUNTED[0] * COUNTED[1])


def _reset_peak_memory(device: str) -> None:
    if device == 'cuda':
        torch.cuda.reset_peak_memory_stats()


def _peak_mib(device: str) -> float | None:
    """Peak memory that torch has reserved since the reset, graphs and caches included."""
    return round(torch.cuda.max_memory_reserved() / 2**20, 1) if device == 'cuda' else None


def _print_row(row: dict[str, Any]) -> dict[str, Any]:
    print(json.dumps(row), flush=True)
    return row


if __name__ == '__main__':
    main()

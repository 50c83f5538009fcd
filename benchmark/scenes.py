# SPDX-License-Identifier: Apache-2.0
"""How long it takes to make a batch of training scenes.

    python -m benchmark.scenes --panoramas my_panoramas --cutouts my_cutouts [--device cuda]

prints the median over batches of the seconds for a batch: of the processor, on one thread, and of
the clock, which on a GPU is what counts.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch

from ddfnet_ros.synthesis.layers import CutoutBank
from ddfnet_ros.synthesis.panorama_bank import PanoramaBank
from ddfnet_ros.synthesis.scene_settings import SceneSettings
from ddfnet_ros.synthesis.scenes import SceneSource


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--panoramas', type=Path, required=True)
    parser.add_argument('--cutouts', type=Path)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--instants', type=int, default=1)
    parser.add_argument('--batches', type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cutouts = CutoutBank(options.cutouts, options.device) if options.cutouts else None
    source = SceneSource(
        PanoramaBank(options.panoramas, options.device),
        SceneSettings(instants=options.instants), cutouts)
    generator = torch.Generator().manual_seed(1)
    times = [seconds(source, options.batch, generator) for _ in range(options.batches + 2)][2:]
    processor, clock = (statistics.median(column) for column in zip(*times, strict=True))
    print(f'{options.batch} scenes of 128x128, {options.instants} instants, {options.device}: '
          f'{processor:.3f} s of the processor, {clock:.3f} s of the clock')


def seconds(
    source: SceneSource, count: int, generator: torch.Generator
) -> tuple[float, float]:
    """CPU and wall-clock time of drawing one batch, until its pixels can be read [s]."""
    processor, clock = time.process_time(), time.perf_counter()
    source.draw(count, generator).ldr[0, 0, 0, 0, 0].item()
    return time.process_time() - processor, time.perf_counter() - clock


if __name__ == '__main__':
    main()

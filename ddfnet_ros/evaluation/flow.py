# SPDX-License-Identifier: Apache-2.0
"""Endpoint errors of optical flow on brackets with known motion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ddfnet_ros.evaluation.evaluate import Statistic
from ddfnet_ros.evaluation.record import Record
from ddfnet_ros.flow.providers import FlowProvider
from ddfnet_ros.images import read_ldr
from ddfnet_ros.radiance import input_stack
from ddfnet_ros.synthesis.scenes import SceneSource

_FLO_MAGIC = 202021.25
_MOVING = 1.0  # pixels; shorter motion counts as still


class FlowFileError(ValueError):
    """A ground-truth flow file is missing or damaged."""


@dataclass(frozen=True, eq=False)
class FlowSample:
    """A bracket with ground-truth flow.

    Attributes:
        stack: (1, N, 6, H, W) input stack, the reference first.
        flow: (1, N - 1, 2, H, W) true motion from the reference to the other frames [px].
        masks: Pixels to average over, by name, each (1, N - 1, H, W).
    """

    stack: Float[Tensor, '1 n 6 h w']
    flow: Float[Tensor, '1 m 2 h w']
    masks: dict[str, Bool[Tensor, '1 m h w']]


def endpoint_errors(
    providers: Mapping[str, FlowProvider], brackets: Iterable[FlowSample]
) -> dict[str, dict[str, Statistic]]:
    """Mean endpoint error by flow provider and mask [px].

    Args:
        providers: Flow providers by name.
        brackets: Brackets with known motion. One whose mask is empty does not count for it.
    """
    values: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in providers}
    for bracket in brackets:
        for name, estimate in providers.items():
            with torch.inference_mode():
                error = (estimate(bracket.stack).float() - bracket.flow).norm(dim=2)
            for mask, where in bracket.masks.items():
                if where.any():
                    values[name][mask].append(error[where].mean().item())
    return {name: {mask: Statistic.of(found) for mask, found in masks.items()}
            for name, masks in values.items()}


def synthetic_brackets(source: SceneSource, count: int, seed: int) -> Iterator[FlowSample]:
    """Draw `count` synthetic brackets with noise and clipping; equal seeds give equal ones."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        scenes = source.draw(1, generator)
        clipped = scenes.clipped.expand(-1, scenes.flow.shape[1], -1, -1)
        masks = _masks(scenes.flow) | {'clipped': clipped, 'not clipped': ~clipped}
        yield FlowSample(input_stack(scenes.ldr, scenes.exposure), scenes.flow, masks)


def flying_chairs(folder: Path) -> Iterator[FlowSample]:
    """Read the pairs of FlyingChairs: NAME-img0.ppm, NAME-img1.ppm and NAME-gt.flo.

    Raises:
        FlowFileError: no pair found, or a flow file is damaged.
    """
    truths = sorted(folder.glob('*-gt.flo'))
    if not truths:
        raise FlowFileError(f'{folder}: expected files NAME-gt.flo, got none; give the folder '
                            'of FlyingChairs')
    for path in truths:
        name = path.name.removesuffix('-gt.flo')
        pair = [np.float32(read_ldr(folder / f'{name}-img{i}.ppm')) / 255 for i in range(2)]
        ldr = torch.from_numpy(np.stack(pair)).permute(0, 3, 1, 2)[None]
        flow = torch.from_numpy(read_flo(path)).permute(2, 0, 1)[None, None]
        yield FlowSample(input_stack(ldr, torch.ones(1, 2)), flow, _masks(flow))


def read_flo(path: Path) -> Float[np.ndarray, 'h w 2']:
    """Read optical flow in Middlebury's .flo format [px].

    Raises:
        FlowFileError: not a .flo file, or truncated.
    """
    data = path.read_bytes()
    if len(data) >= 12 and np.frombuffer(data, '<f4', 1)[0] == _FLO_MAGIC:
        width, height = np.frombuffer(data, '<i4', 2, 4).tolist()
        if len(data) == 12 + 8 * width * height:
            return np.frombuffer(data, '<f4', -1, 12).reshape(height, width, 2).copy()
    raise FlowFileError(f'{path}: expected a whole .flo file, got {len(data)} bytes; '
                        'copy it again')


def flow_table(record: Record) -> str:
    """One row per data set and provider, one column per mask; mean and spread over brackets."""
    found = record['endpoint_error']
    masks = list(next(iter(found['synthetic'].values())))
    lines = [f'| | | {" | ".join(masks)} |', '|---|---|' + '---|' * len(masks)]
    for name, providers in found.items():
        for provider, errors in providers.items():
            cells = [f'{errors[mask]["mean"]:.2f} ± {errors[mask]["spread"]:.2f}'
                     if mask in errors else '-' for mask in masks]
            lines.append(f'| {name} | {provider} | {" | ".join(cells)} |')
    return '\n'.join([*lines, '', (
        f'Endpoint error [px]; {record["brackets"]} brackets of {record["size"]} pixels, seed '
        f'{record["seed"]}; `DIS` is what the models use; commit {record["commit"]}, '
        f'{record["date"]}.')])


def _masks(flow: Float[Tensor, '1 m 2 h w']) -> dict[str, Tensor]:
    length = flow.norm(dim=2)
    return {'all': torch.ones_like(length, dtype=torch.bool), 'moving': length > _MOVING}

# SPDX-License-Identifier: Apache-2.0
"""How far off estimated motion is: endpoint errors on brackets whose motion is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ddfnet_ros.evaluation.evaluate import Statistic
from ddfnet_ros.flow.providers import FlowProvider
from ddfnet_ros.images import read_ldr
from ddfnet_ros.radiance import input_stack
from ddfnet_ros.synthesis.scenes import SceneSource

_FLO_MAGIC = 202021.25
_MOVING = 1.0  # pixels: a shorter motion counts as standing still


class FlowFileError(ValueError):
    """A file of true motion that cannot be used."""


@dataclass(frozen=True, eq=False)
class Known:
    """A bracket whose motion is known.

    Attributes:
        stack: (1, N, 6, H, W) input stack, the reference first.
        flow: (1, N - 1, 2, H, W) true motion from the reference to the others [px].
        masks: Where to average, by name, each (1, N - 1, H, W).
    """

    stack: Float[Tensor, '1 n 6 h w']
    flow: Float[Tensor, '1 m 2 h w']
    masks: dict[str, Bool[Tensor, '1 m h w']]


def endpoint_errors(
    providers: Mapping[str, FlowProvider], brackets: Iterable[Known]
) -> dict[str, dict[str, Statistic]]:
    """Mean distance between estimated and true motion, by provider and mask [px].

    Args:
        providers: Motion estimators by name.
        brackets: A mask that is empty in one of them leaves that one out.
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


def synthesised(source: SceneSource, count: int, seed: int) -> Iterator[Known]:
    """Brackets as the network sees them (Eq. 2), differing in noise and clipping; seeded."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        scenes = source.draw(1, generator)
        clipped = scenes.clipped.expand(-1, scenes.flow.shape[1], -1, -1)
        masks = _masks(scenes.flow) | {'clipped': clipped, 'not clipped': ~clipped}
        yield Known(input_stack(scenes.ldr, scenes.exposure), scenes.flow, masks)


def chairs(folder: Path) -> Iterator[Known]:
    """Pairs of FlyingChairs: NAME-img0.ppm, NAME-img1.ppm and NAME-gt.flo.

    Raises:
        FlowFileError: no pair is there, or one is damaged.
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
        yield Known(input_stack(ldr, torch.ones(1, 2)), flow, _masks(flow))


def read_flo(path: Path) -> Float[np.ndarray, 'h w 2']:
    """Read motion in Middlebury's format.

    Raises:
        FlowFileError: not such a file, or truncated.
    """
    data = path.read_bytes()
    if len(data) >= 12 and np.frombuffer(data, '<f4', 1)[0] == _FLO_MAGIC:
        width, height = np.frombuffer(data, '<i4', 2, 4).tolist()
        if len(data) == 12 + 8 * width * height:
            return np.frombuffer(data, '<f4', -1, 12).reshape(height, width, 2).copy()
    raise FlowFileError(f'{path}: expected a whole .flo file, got {len(data)} bytes; '
                        'copy it again')


def flow_table(record: Mapping[str, Any]) -> str:
    """A row per provider and set, a column per mask; mean and spread over the brackets."""
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

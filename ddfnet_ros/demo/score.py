# SPDX-License-Identifier: Apache-2.0
"""Computes the demo's figures from the played brackets and the recorded results."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ddfnet_ros.bags import BagReader
from ddfnet_ros.bracket import Bracket, Pixels
from ddfnet_ros.demo.playing import Played
from ddfnet_ros.demo.processes import ProcessError
from ddfnet_ros.demo.recording import Recording
from ddfnet_ros.demo.shots import METHODS, Mask, Radiance, Shot
from ddfnet_ros.demo.summary import PerMethod, Summary
from ddfnet_ros.encodings import pixels_of
from ddfnet_ros.evaluation.baselines import BASELINES
from ddfnet_ros.evaluation.metrics import ghost_score, psnr_mu
from ddfnet_ros.images import read_exr, read_ldr
from ddfnet_ros.metadata import frames

HDR, IMAGE = '/fuse_node/hdr', '/fuse_node/image'
_DROPPED = 'dropped.'
_REQUIRED = {'model', 'device', 'latency_ms.median', 'latency_ms.p95'}


class Truth(NamedTuple):
    """Ground truth of one bracket; see `Shot`."""

    radiance: Radiance
    moving: Mask


def read_truth(folder: Path, bracket: Bracket) -> Truth:
    """Read the two files named after the stamp of the reference frame.

    Raises:
        ValueError: a file is missing, or not of the size of the frames.
        OSError: a file cannot be read.
    """
    stamp, (width, height) = bracket.reference.stamp_ns, bracket.reference.size
    paths = folder / f'{stamp}.exr', folder / f'{stamp}_moving.png'
    for path in paths:
        if not path.is_file():
            raise ValueError(f'{path}: expected the truth of a bracket, got no file; set --truth')
    truth = Truth(read_exr(paths[0]), read_ldr(paths[1]) > 0)
    if truth.radiance.shape[:2] != (height, width) or truth.moving.shape != (height, width):
        raise ValueError(f'{paths[0]}: expected truth of {width}x{height} pixels, got '
                         f'{truth.radiance.shape} and a mask of {truth.moving.shape}')
    return truth


def shots(recording: Recording, truths: Sequence[Truth], fused: Path) -> list[Shot]:
    """Join brackets, truth and results; brackets that were never fused are left out.

    Args:
        recording: Played recording.
        truths: Ground truth of each of its brackets.
        fused: Bag with the results of the node.

    Raises:
        ProcessError: nothing was fused.
    """
    with BagReader(fused) as bag:
        if missing := {HDR, IMAGE} - set(bag.topics):
            raise ProcessError(f'fuse_node: expected images on {HDR} and {IMAGE}, got nothing on '
                               f'{" and ".join(sorted(missing))}; see {fused.parent / "logs"}')
        hdr, pictures = _read_by_stamp(bag, HDR), _read_by_stamp(bag, IMAGE)
    return [
        Shot(number=number, bracket=bracket, truth=truth.radiance, moving=truth.moving,
             published=_to_rgb(pictures[stamp]),
             radiance=_radiance_by_method(bracket, np.asarray(hdr[stamp], np.float32)))
        for number, (bracket, truth) in enumerate(zip(recording.brackets, truths, strict=True), 1)
        if (stamp := bracket.reference.stamp_ns) in hdr and stamp in pictures
    ]


def _read_by_stamp(bag: BagReader, topic: str) -> dict[int, Pixels]:
    messages = map(bag.deserialise, bag.messages([topic]))
    return {frames.stamp_ns(message): pixels_of(message) for message in messages}


def _radiance_by_method(bracket: Bracket, fused: Radiance) -> dict[str, Radiance]:
    shortest = np.float32(min(bracket.exposures))
    made = {name: fuse(bracket) for name, fuse in BASELINES.items()} | {'fused': fused}
    return {name: _to_rgb(made[name]) * shortest for name in METHODS}


def _to_rgb(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)


def summarise(shots: Sequence[Shot], played: Played) -> Summary:
    """Compute the figures of `summary.json`.

    Raises:
        ProcessError: the node's diagnostics lack values.
    """
    values = played.diagnostics
    if missing := _REQUIRED - values.keys():
        raise ProcessError(f'fuse_node: expected /diagnostics with {", ".join(sorted(missing))}, '
                           f'got {", ".join(values) or "none"}')
    arrivals = [received_ns for _, received_ns in played.received['hdr']]
    elapsed = (arrivals[-1] - arrivals[0]) * 1e-9
    return Summary(
        brackets_played=played.brackets,
        brackets_fused=len(arrivals),
        brackets_per_second=(len(arrivals) - 1) / elapsed if elapsed else 0.0,
        rate=played.rate,
        dropped={key.removeprefix(_DROPPED): int(value) for key, value in values.items()
                 if key.startswith(_DROPPED)},
        latency_ms={name: float(values[f'latency_ms.{name}']) for name in ('median', 'p95')},
        psnr_mu=_mean(shots, psnr_mu, lambda shot: np.ones(shot.truth.shape[:2], bool)),
        psnr_mu_moving=_mean(shots, psnr_mu, lambda shot: shot.moving),
        psnr_mu_clipped=_mean(shots, psnr_mu, lambda shot: shot.clipped),
        ghost_score=_mean(shots, ghost_score, lambda shot: shot.moving & ~shot.clipped),
        model=values['model'],
        device=values['device'],
    )


def _mean(shots: Sequence[Shot], metric: Callable[[Radiance, Radiance, Mask], float | None],
          mask: Callable[[Shot], Mask]) -> PerMethod:
    """Mean of a metric, per method, over the brackets that have pixels in the mask."""
    found: dict[str, list[float]] = {name: [] for name in METHODS}
    for shot in shots:
        chosen = mask(shot)
        for name in METHODS:
            value = metric(shot.radiance[name], shot.truth, chosen)
            if value is not None:
                found[name].append(value)
    return {name: float(np.mean(values)) if values else None for name, values in found.items()}


def subscriber_latencies_ms(recording: Recording, played: Played) -> list[float]:
    """Latency of each result at the recorder [ms]: from the last frame received to the result."""
    arrived = defaultdict(list)
    for stamp_ns, received_ns in played.received['input']:
        arrived[stamp_ns].append(received_ns)
    last_member = {
        bracket.reference.stamp_ns: max(frame.stamp_ns for frame in bracket.frames)
        for bracket in recording.brackets
    }
    latencies = []
    for stamp_ns, received_ns in played.received['hdr']:
        times = arrived[last_member[stamp_ns]]
        if place := bisect_right(times, received_ns):
            latencies.append((received_ns - times[place - 1]) * 1e-6)
    return latencies

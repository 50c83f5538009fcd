# SPDX-License-Identifier: Apache-2.0
"""From what was played, recorded and told to the demo's figures."""

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
_TOLD = {'model', 'device', 'latency_ms.median', 'latency_ms.p95'}


class Truth(NamedTuple):
    """What is true of one bracket; see `Shot`."""

    radiance: Radiance
    moving: Mask


def read_truth(folder: Path, bracket: Bracket) -> Truth:
    """Read the two files that are named after the stamp of the reference frame.

    Raises:
        ValueError: they are not there, or not of the frames' size.
        OSError: they cannot be read.
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
    """Join brackets, truth and results; a bracket that was never fused is left out.

    Raises:
        ProcessError: nothing was fused at all.
    """
    with BagReader(fused) as bag:
        if missing := {HDR, IMAGE} - set(bag.topics):
            raise ProcessError(f'fuse_node: expected images on {HDR} and {IMAGE}, got nothing on '
                               f'{" and ".join(sorted(missing))}; see {fused.parent / "logs"}')
        hdr, pictures = _by_stamp(bag, HDR), _by_stamp(bag, IMAGE)
    return [
        Shot(number=number, bracket=bracket, truth=truth.radiance, moving=truth.moving,
             published=_colour(pictures[stamp]),
             radiance=_radiance(bracket, np.asarray(hdr[stamp], np.float32)))
        for number, (bracket, truth) in enumerate(zip(recording.brackets, truths, strict=True), 1)
        if (stamp := bracket.reference.stamp_ns) in hdr and stamp in pictures
    ]


def _by_stamp(bag: BagReader, topic: str) -> dict[int, Pixels]:
    messages = map(bag.deserialised, bag.messages([topic]))
    return {frames.stamp_ns(message): pixels_of(message) for message in messages}


def _radiance(bracket: Bracket, fused: Radiance) -> dict[str, Radiance]:
    shortest = np.float32(min(bracket.exposures))
    made = {name: fuse(bracket) for name, fuse in BASELINES.items()} | {'fused': fused}
    return {name: _colour(made[name]) * shortest for name in METHODS}


def _colour(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)


def summarise(shots: Sequence[Shot], played: Played) -> Summary:
    """All figures of `summary.json`.

    Raises:
        ProcessError: the node's diagnostics never told what it did.
    """
    told = played.told
    if missing := _TOLD - told.keys():
        raise ProcessError(f'fuse_node: expected /diagnostics with {", ".join(sorted(missing))}, '
                           f'got {", ".join(told) or "none"}')
    arrivals = [received_ns for _, received_ns in played.received['hdr']]
    elapsed = (arrivals[-1] - arrivals[0]) * 1e-9
    return Summary(
        brackets_played=played.brackets,
        brackets_fused=len(arrivals),
        brackets_per_second=(len(arrivals) - 1) / elapsed if elapsed else 0.0,
        rate=played.rate,
        dropped={key.removeprefix(_DROPPED): int(value) for key, value in told.items()
                 if key.startswith(_DROPPED)},
        latency_ms={name: float(told[f'latency_ms.{name}']) for name in ('median', 'p95')},
        psnr_mu=_mean(shots, psnr_mu, lambda shot: np.ones(shot.truth.shape[:2], bool)),
        psnr_mu_moving=_mean(shots, psnr_mu, lambda shot: shot.moving),
        psnr_mu_clipped=_mean(shots, psnr_mu, lambda shot: shot.clipped),
        ghost_score=_mean(shots, ghost_score, lambda shot: shot.moving & ~shot.clipped),
        model=told['model'],
        device=told['device'],
    )


def _mean(shots: Sequence[Shot], metric: Callable[[Radiance, Radiance, Mask], float | None],
          mask: Callable[[Shot], Mask]) -> PerMethod:
    """Mean of a metric over those brackets that have pixels in the mask."""
    found: dict[str, list[float]] = {name: [] for name in METHODS}
    for shot in shots:
        chosen = mask(shot)
        for name in METHODS:
            value = metric(shot.radiance[name], shot.truth, chosen)
            if value is not None:
                found[name].append(value)
    return {name: float(np.mean(values)) if values else None for name, values in found.items()}


def seen_ms(recording: Recording, played: Played) -> list[float]:
    """Latency of each result as the recorder saw it: last member received to result received."""
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

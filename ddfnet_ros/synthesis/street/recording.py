# SPDX-License-Identifier: Apache-2.0
"""Record the street: a rosbag2 file of a camera's messages, and the truth beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.bags import BagWriter
from ddfnet_ros.images import write_exr, write_png
from ddfnet_ros.synthesis.panorama import find_panorama
from ddfnet_ros.synthesis.sensor import Sensor, expose
from ddfnet_ros.synthesis.street.arrays import Array
from ddfnet_ros.synthesis.street.drawn import drawn_panorama
from ddfnet_ros.synthesis.street.film import Street, expose_street
from ddfnet_ros.synthesis.street.messages import (
    IMAGE_TOPIC,
    INFO_TOPIC,
    META_TOPIC,
    write_messages,
)
from ddfnet_ros.synthesis.street.shutter import Shot, Shutter
from ddfnet_ros.synthesis.street.story import PREFERRED, build_street, credit
from ddfnet_ros.tonemap import mu_law

_SENSOR = Sensor(electrons=3000.0, read_noise=0.0018)  # a small sensor at the shutter's gain
_MOVING_THRESHOLD = 0.02  # difference after the mu-law, as in training scenes

Progress = Callable[[int, int], None]


def synthesize_street(
    output_dir: Path | str,
    panoramas: Path | str | None = None,
    *,
    seed: int = 7,
    brackets: int = 14,
    progress: Progress | None = None,
) -> Path:
    """Render the demo's street and record it.

    Writes `street.mcap`, `README.md` and two files per bracket in `truth/`:

    - `<stamp_ns>.exr`: radiance of the reference frame before noise, clipping and quantisation,
      but with its motion blur (half float, relative to the shortest exposure);
    - `<stamp_ns>_moving.png`: mask of the pixels that differ between the bracket's frames by more
      than noise.

    Args:
        output_dir: Output folder, created if missing; existing files of these names are replaced.
        panoramas: Folder with equirectangular .exr panoramas; None: one is drawn by code.
        seed: Random seed; the same seed gives the same recording.
        brackets: Number of brackets to record.
        progress: Called with the number of frames done and the number of all frames.

    Returns:
        Path of the recording.

    Raises:
        ValueError: the folder has no panorama, or one that is not twice as wide as high; or the
            output folder has a README.md but no recording.
        OSError: a file cannot be read or written.
    """
    recording, readme = (Path(output_dir) / name for name in ('street.mcap', 'README.md'))
    if readme.exists() and not recording.exists():
        raise ValueError(f'{output_dir}: expected a new folder, or one of a former recording, got '
                         'one with the README.md of something else; choose another')
    panorama = find_panorama(Path(panoramas), PREFERRED) if panoramas else drawn_panorama(seed)
    shutter = Shutter()
    record(build_street(panorama, seed), shutter, Path(output_dir), brackets=brackets, seed=seed,
           progress=progress)
    readme.write_text(_readme(panorama.name, seed, brackets, shutter))
    return recording


def record(
    street: Street, shutter: Shutter, output: Path, *, brackets: int, seed: int,
    progress: Progress | None = None,
) -> Path:
    """Expose a street bracket by bracket and write `street.mcap` and `truth/`."""
    output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=output, prefix='.truth-') as folder:
        truth, bracket = Path(folder), list[Shot]()
        with BagWriter(output / 'street.mcap') as bag:
            for shot in _take_shots(street, shutter, brackets, seed):
                write_messages(bag, shot, shutter)
                bracket.append(shot)
                if len(bracket) == len(shutter.exposure_times):
                    _write_truth(truth, bracket, shutter)
                    bracket = []
                if progress:
                    progress(shot.index + 1, brackets * len(shutter.exposure_times))
        _replace_truth(truth, output / 'truth')
    return output / 'street.mcap'


def _replace_truth(new: Path, folder: Path) -> None:
    """Replace the truth of an earlier recording; other files in the folder stay."""
    folder.mkdir(exist_ok=True)
    for old in (*folder.glob('[0-9]*.exr'), *folder.glob('[0-9]*_moving.png')):
        old.unlink()
    for path in new.iterdir():
        path.rename(folder / path.name)


def _take_shots(street: Street, shutter: Shutter, brackets: int, seed: int) -> Iterator[Shot]:
    times = shutter.exposure_times
    generator = torch.Generator().manual_seed(seed)
    for index in range(brackets * len(times)):
        member = index % len(times)
        radiance = expose_street(street, shutter.opens_ns(index) * 1e-9, times[member],
                                 shutter.instants[member])
        pixels = _expose_pixels(radiance, times[member] / min(times), generator)
        yield Shot(index=index, member=member, radiance=radiance, pixels=pixels)


def _expose_pixels(
    radiance: Array, exposure: float, generator: torch.Generator
) -> npt.NDArray[np.uint8]:
    batch = torch.from_numpy(radiance).float().permute(2, 0, 1)[None, None]
    ldr = expose(batch, torch.tensor([[exposure]]), _SENSOR, generator)[0, 0]
    pixels: npt.NDArray[np.uint8] = (ldr.permute(1, 2, 0) * 255).round().byte().numpy()
    return pixels


def _write_truth(folder: Path, bracket: list[Shot], shutter: Shutter) -> None:
    """Write the reference's radiance, and the mask of where other frames differ from it."""
    reference = bracket[shutter.reference]
    stamp_ns = shutter.start_ns + shutter.opens_ns(reference.index)
    write_exr(folder / f'{stamp_ns}.exr', reference.radiance, compact=True)
    tonemapped = [mu_law(torch.from_numpy(shot.radiance)).numpy() for shot in bracket]
    difference = np.max(
        [np.abs(other - tonemapped[shutter.reference]) for other in tonemapped], 0).max(-1)
    moving = difference > _MOVING_THRESHOLD
    write_png(folder / f'{stamp_ns}_moving.png', moving.astype(np.uint8) * 255)


def _readme(panorama: str, seed: int, brackets: int, shutter: Shutter) -> str:
    times = ', '.join(f'{time * 1e3:g}' for time in shutter.exposure_times)
    reference = shutter.exposure_times[shutter.reference] * 1e3
    return f"""# A street against the sun

`street.mcap` holds {brackets} brackets of three exposures ({times} ms, interleaved at
{shutter.frame_rate:g} frames/s), 640x360: `{IMAGE_TOPIC}` (JPEG, quality 95), `{META_TOPIC}`
(exposure, gain and frame counter as camera_ros publishes them) and `{INFO_TOPIC}`.
Everything but the background is drawn by code: `ddfnet synthesize --seed {seed}`.

`truth/<stamp_ns>.exr` is the radiance of each bracket's reference frame, the {reference:g} ms
exposure, before noise, clipping and quantisation, with that frame's own motion blur: linear RGB,
half float, relative to the shortest exposure, in [0, 1]. `truth/<stamp_ns>_moving.png` is white
where the frames of the bracket saw different things.

Background: {credit(panorama)}
"""

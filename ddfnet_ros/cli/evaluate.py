# SPDX-License-Identifier: Apache-2.0
"""`ddfnet evaluate`: a model and the baselines, measured on synthesised scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tqdm import tqdm

from ddfnet_ros import images
from ddfnet_ros.cli.options import FUSION, parse
from ddfnet_ros.settings import DeghosterSettings

if TYPE_CHECKING:
    from ddfnet_ros.evaluation.evaluate import Evaluation

EXAMPLES = """\
  ddfnet evaluate --panoramas my_panoramas
  ddfnet evaluate --panoramas my_panoramas --model base --scenes 10 --json base.json"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure a model and the baselines on synthesised scenes.

    Random windows of HDR panoramas, with a shaking camera and moving layers in front, are taken
    by a simulated sensor; the truth is exact. Shown are mean and standard deviation over the
    scenes: PSNR and SSIM after the mu-law (_mu) and linear (_l), PSNR where something moves and
    by the brightness of the reference frame, and the ghost score (lower is better; that of the
    reference is its noise).
    """

    panoramas: Path
    """Folder of equirectangular .exr panoramas; not those that the model was trained on."""
    cutouts: Path | None = None
    """Folder of RGBA .png figures that also move through the scenes."""
    scenes: int = 50
    """How many scenes."""
    size: int = 128
    """Side of the square scenes [px]."""
    seed: int = 1
    """Equal seeds give equal scenes."""
    json: Path | None = None
    """Also write the result as JSON."""
    fusion: Annotated[DeghosterSettings, FUSION] = field(default_factory=DeghosterSettings)
    """How to fuse."""

    def __post_init__(self) -> None:
        if self.scenes < 1:
            raise ValueError(f'--scenes: expected at least 1, got {self.scenes}')
        if not 32 <= self.size <= 512:
            raise ValueError(f'--size: expected 32 to 512 pixels, got {self.size}')
        if self.cutouts is not None and not any(self.cutouts.glob('*.png')):
            raise ValueError(f'--cutouts: expected a folder with .png files, got {self.cutouts}')


def run(words: Sequence[str]) -> int:
    """Measure, print a table, write JSON."""
    options = parse(Options, 'evaluate', words, EXAMPLES)
    if options.json is not None:
        images.check_writable(options.json)
    evaluation = _evaluate(options)
    print(table(evaluation))
    if options.json is not None:
        options.json.write_text(evaluation.to_json())
    return 0


def _evaluate(options: Options) -> Evaluation:
    # Torch takes seconds to import, which `--help` and bad options need not wait for.
    from ddfnet_ros.evaluation.baselines import BASELINES  # noqa: PLC0415
    from ddfnet_ros.evaluation.evaluate import Evaluation, compare, synthesised  # noqa: PLC0415
    from ddfnet_ros.runtime.deghoster import Deghoster  # noqa: PLC0415
    from ddfnet_ros.synthesis.backdrop import PanoramaBank  # noqa: PLC0415
    from ddfnet_ros.synthesis.layers import CutoutBank  # noqa: PLC0415
    from ddfnet_ros.synthesis.scene_settings import SceneSettings  # noqa: PLC0415
    from ddfnet_ros.synthesis.scenes import SceneSource  # noqa: PLC0415

    deghoster = Deghoster(options.fusion)
    panoramas = PanoramaBank(options.panoramas)
    cutouts = CutoutBank(options.cutouts) if options.cutouts is not None else None
    source = SceneSource(panoramas, SceneSettings(size=options.size), cutouts)
    scenes = iter(tqdm(synthesised(source, options.scenes, options.seed), 'scenes',
                       options.scenes, leave=False, disable=None))
    fusers = {**BASELINES, 'fused': lambda bracket: deghoster(bracket).radiance}
    return Evaluation(
        model=deghoster.model_name, device=deghoster.device, precision=deghoster.precision,
        panoramas=panoramas.names, seed=options.seed, methods=compare(fusers, scenes),
    )


def table(evaluation: Evaluation) -> str:
    """A line per metric, a column per method: mean and spread over the scenes."""
    methods = evaluation.methods
    lines = [f'{"":16}' + ''.join(f'{name:>20}' for name in methods) + f'{"scenes":>8}']
    for metric in dict.fromkeys(name for found in methods.values() for name in found):
        digits = 2 if metric.startswith('psnr') else 4
        found = [methods[name].get(metric) for name in methods]
        cells = [f'{s.mean:.{digits}f} ± {s.spread:.{digits}f}' if s else '-' for s in found]
        count = max(s.count for s in found if s)
        lines.append(f'{metric:16}' + ''.join(f'{cell:>20}' for cell in cells) + f'{count:>8}')
    model = f'fused: {evaluation.model} on {evaluation.device}, {evaluation.precision}'
    return '\n'.join([*lines, model])

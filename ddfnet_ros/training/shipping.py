# SPDX-License-Identifier: Apache-2.0
"""From a training run to a model file with its card, and the cards as a page."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from ddfnet_ros import network, weights
from ddfnet_ros.training.settings import TrainingSettings

CHECKPOINT = 'checkpoint.safetensors'
SETTINGS = 'settings.json'
_AVERAGE = 'average.'


def ship(
    run: Path, path: Path, evaluation: Mapping[str, Any] | None = None, half: bool = True
) -> str:
    """Write the averaged weights of a run as a model file.

    Args:
        run: Folder that `train` wrote.
        path: Model file to write, models/NAME.safetensors.
        evaluation: What `ddfnet evaluate --json` wrote about these weights, for the card.
        half: Store the numbers as float16, which halves the file.

    Returns:
        The checksum.

    Raises:
        FileNotFoundError: the folder holds no finished checkpoint.
    """
    settings = TrainingSettings(**json.loads((run / SETTINGS).read_text()))
    model = network.build(settings.network)
    stored = load_file(run / CHECKPOINT)
    average = {k.removeprefix(_AVERAGE): v for k, v in stored.items() if k.startswith(_AVERAGE)}
    model.load_state_dict(average)
    card = _card(run, settings) | ({'evaluation': dict(evaluation)} if evaluation else {})
    return weights.save(model, path, card, torch.float16 if half else torch.float32)


def cards(folder: Path) -> str:
    """Markdown: one section per model file of a folder, from what the files say of themselves."""
    return '\n'.join(_section(path) for path in sorted(folder.glob(f'*{weights.SUFFIX}')))


def _card(run: Path, settings: TrainingSettings) -> dict[str, Any]:
    with safe_open(run / CHECKPOINT, 'pt') as file:
        facts = json.loads(file.metadata()['facts'])
    private = ('panoramas', 'cutouts', 'run', 'device', 'workers')
    return {
        'flow': 'dis',
        'data': 'Scenes synthesised from 62 Poly Haven panoramas (CC0) and public-domain '
                'cut-outs; no photograph of a person, no licensed data set.',
        'licence': 'Apache-2.0',
        'recipe': {k: v for k, v in asdict(settings).items() if k not in private},
        'steps': facts['step'],
        'minutes': round(facts['seconds'] / 60, 1),
        'hardware': _hardware(),
    }


def _hardware() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f'{platform.machine()} CPU, {torch.get_num_threads()} threads'


def _section(path: Path) -> str:
    loaded = weights.load(path)
    card = loaded.card
    parameters = sum(p.numel() for p in loaded.model.parameters())
    lines = [
        f'## {path.stem}\n',
        f'- Network: `{network.describe(loaded.model)}`, {parameters:,} parameters',
        f'- Flow: {card["flow"]}',
        f'- Trained: {card["steps"]:,} steps, {card["minutes"]:g} minutes of computing, '
        f'{card["hardware"]}',
        f'- Data: {card["data"]}',
        f'- Recipe: `{json.dumps(card["recipe"])}`',
        f'- Licence: {card["licence"]}',
        f'- sha256 of the tensors: `{loaded.sha256}`',
    ]
    if 'evaluation' in card:
        lines.append('\n' + _results(card['evaluation']))
    return '\n'.join(lines) + '\n'


def _results(evaluation: Mapping[str, Any]) -> str:
    """Table of the evaluation: one row per metric, mean and spread per method."""
    methods = evaluation['methods']
    scenes = ', '.join(evaluation['panoramas'])
    rows = [
        f'Scenes from {scenes} (not trained on), seed {evaluation["seed"]}:\n',
        f'| metric | {" | ".join(methods)} | scenes |',
        '|---|' + '---|' * (len(methods) + 1),
    ]
    for metric, statistic in methods['fused'].items():
        values = [methods[name].get(metric) for name in methods]
        shown = [f'{v["mean"]:.4g} ± {v["spread"]:.2g}' if v else '-' for v in values]
        rows.append(f'| {metric} | {" | ".join(shown)} | {statistic["count"]} |')
    return '\n'.join(rows)

# SPDX-License-Identifier: Apache-2.0
"""Model cards as Markdown, from the metadata in the model files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ddfnet_ros import network, weights

_NOT_STATED = 'its card does not say'


def cards(folder: Path) -> str:
    """Markdown with one section per model file of a folder."""
    return '\n'.join(_section(path) for path in sorted(folder.glob(f'*{weights.SUFFIX}')))


def page(folder: Path) -> str:
    """README of a folder of models."""
    return ('# Models\n\nWritten by `ddfnet weights cards` from the model files.\n\n'
            f'{cards(folder)}')


def _section(path: Path) -> str:
    loaded = weights.load(path)
    card = loaded.card
    parameters = sum(p.numel() for p in loaded.model.parameters())
    lines = [
        f'## {path.stem}\n',
        f'- Network: `{network.describe(loaded.model)}`, {parameters:,} parameters',
        *_motion(card),
        '- Trained: ' + _fill(
            card, '{steps:,} steps, {minutes:g} minutes of computing, {hardware}'),
        *_origin(card),
        '- Data: ' + _fill(card, '{data}'),
        '- Recipe: ' + (f'`{json.dumps(card["recipe"])}`' if 'recipe' in card else _NOT_STATED),
        *_eight_bits(card),
        '- Licence: ' + _fill(card, '{licence}'),
        f'- sha256 of the tensors: `{loaded.sha256}`',
    ]
    if 'evaluation' in card:
        lines.append('\n' + _warn_if_other_weights(card['evaluation'], loaded.sha256)
                     + _results(card['evaluation']))
    return '\n'.join(lines) + '\n'


def _fill(card: Mapping[str, Any], template: str) -> str:
    """Fill a template from the card; cards of other origin may lack any entry."""
    try:
        return template.format_map(card)
    except KeyError:
        return _NOT_STATED


def _motion(card: Mapping[str, Any]) -> list[str]:
    """Line on the flow that the model was trained with; none if it estimates flow itself."""
    if 'flow' not in card:
        return []
    which = f', sha256 of its tensors `{card["flow_sha256"]}`' if 'flow_sha256' in card else ''
    return [f'- Flow: {card["flow"]}{which}']


def _origin(card: Mapping[str, Any]) -> list[str]:
    lines = []
    if origin := card.get('started_from'):
        lines.append(f'- Started from the weights of `{origin["model"]}` '
                     f'({origin["minutes"]:g} minutes), sha256 `{origin["sha256"]}`')
    if mixed := card.get('mixed_with'):
        lines.append(f'- Mixed with the weights of `{mixed["model"]}`, of which it has '
                     f'{mixed["share"]:.0%}, sha256 `{mixed["sha256"]}`')
    return lines


def _eight_bits(card: Mapping[str, Any]) -> list[str]:
    return ['- May be computed in 8 bits: ranges of what its '
            f'{len(card["ranges"])} convolutions are given are noted'] if 'ranges' in card else []


def _warn_if_other_weights(evaluation: Mapping[str, Any], sha256: str) -> str:
    """Warning if the evaluation was of other weights than the file holds, or nothing."""
    measured = evaluation.get('sha256', {})
    if sha256 in measured.values():
        return ''
    return ('**Measured with earlier weights of this name**, sha256 '
            f'`{measured.get("fused", "not noted")}`. ')


def _results(evaluation: Mapping[str, Any]) -> str:
    """Results table: one row per metric, mean and spread for each method."""
    methods = evaluation['methods']
    scenes = ', '.join(evaluation['panoramas'])
    rows = [
        f'Scenes from {scenes}, seed {evaluation["seed"]}:\n',
        f'| metric | {" | ".join(methods)} | scenes |',
        '|---|' + '---|' * (len(methods) + 1),
    ]
    for metric, statistic in methods['fused'].items():
        values = [methods[name].get(metric) for name in methods]
        shown = [f'{v["mean"]:.4g} ± {v["spread"]:.2g}' if v else '-' for v in values]
        rows.append(f'| {metric} | {" | ".join(shown)} | {statistic["count"]} |')
    return '\n'.join(rows)

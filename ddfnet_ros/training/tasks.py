# SPDX-License-Identifier: Apache-2.0
"""Training tasks: fuse brackets, or estimate their motion. A task computes the loss of a batch."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.flow.pairs import common_range, corrected_frames
from ddfnet_ros.flow.pwcnet import FLOW_UNIT
from ddfnet_ros.flow.warp import warp
from ddfnet_ros.network import fixed_frames
from ddfnet_ros.tonemap import mu_law
from ddfnet_ros.training.batches import Batch
from ddfnet_ros.training.loss import (
    dead_relu_penalty,
    logit_penalty,
    mu_law_l1,
    multiscale_endpoint_error,
    reference_hinge,
)
from ddfnet_ros.training.settings import TrainingSettings


class FusionTask(nn.Module):
    """Fuse brackets to radiance, with motion from the batch or from a PWC-Net."""

    def __init__(self, settings: TrainingSettings, model: Any, flow: nn.Module | None) -> None:
        super().__init__()
        self.model = model
        self.flow = flow
        self._settings = settings
        self._logits: list[Tensor] = []
        self._relu_inputs: list[Tensor] = []
        if settings.logit_penalty and (predictor := _logit_module(model)):
            predictor.register_forward_hook(self._collect_logits)
        for layer in model.modules() if settings.dead_relu_penalty else ():
            if isinstance(layer, nn.ReLU):
                layer.register_forward_pre_hook(self._collect_relu_inputs)

    def forward(self, batch: Batch) -> Float[Tensor, '']:
        """The loss of Eq. 9, plus the penalties that the settings ask for."""
        self._logits, self._relu_inputs = [], []
        radiance = self._fuse(batch)
        settings = self._settings
        loss = mu_law_l1(radiance, batch.truth, settings.mu)
        if settings.reference_hinge:
            loss = loss + settings.reference_hinge * reference_hinge(
                radiance, batch.truth, batch.stack[:, 0], settings.mu)
        if self._logits:
            loss = loss + settings.logit_penalty * logit_penalty(self._logits)
        if self._relu_inputs:
            loss = loss + settings.dead_relu_penalty * dead_relu_penalty(self._relu_inputs)
        return loss

    @torch.no_grad()
    def picture(self, batch: Batch) -> Float[Tensor, '3 h w']:
        """Reference, result and truth of the first bracket, side by side, after the mu-law."""
        one = batch.first()
        images = [one.stack[:, 0, 3:], self._fuse(one), one.truth]
        mapped = [mu_law(image, self._settings.mu)[0].clamp(0, 1) for image in images]
        return torch.cat(mapped, dim=2)

    def _collect_logits(
        self, _predictor: nn.Module, _inputs: object, logits: Tensor | list[Tensor]
    ) -> None:
        self._logits += logits if isinstance(logits, list) else [logits]

    def _collect_relu_inputs(self, _relu: nn.Module, inputs: tuple[Tensor]) -> None:
        self._relu_inputs.append(inputs[0])

    def _fuse(self, batch: Batch) -> Float[Tensor, 'b 3 h w']:
        flow = batch.flow if self.flow is None else self.flow(batch.stack)
        radiance: Tensor = self.model(batch.stack, flow, batch.reference_index)
        return radiance.float()


class MotionTask(nn.Module):
    """Estimate the motion from the reference to the other frames with a PWC-Net."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Float[Tensor, '']:
        """PWC-Net's loss.

        Args:
            batch: Brackets with true motion; height and width are multiples of 64.
        """
        reference, other = common_range(corrected_frames(batch.stack))
        flows = self.model.flows(reference.flatten(0, 1), other.flatten(0, 1))
        return multiscale_endpoint_error(flows, batch.true_flow.flatten(0, 1))

    @torch.no_grad()
    def picture(self, batch: Batch) -> Float[Tensor, '3 h w']:
        """Reference, warped other frame and flow error of the first pair, side by side."""
        one = batch.first()
        reference, other = common_range(corrected_frames(one.stack))
        flow = self.model(one.stack).float()
        error = (flow - one.true_flow).norm(dim=2, keepdim=True) / FLOW_UNIT
        images = [reference, warp(other, flow), error.expand_as(other)]
        return torch.cat([image[0, 0].clamp(0, 1) for image in images], dim=2)


Task = FusionTask | MotionTask


def _logit_module(model: nn.Module) -> nn.Module | None:
    """Module that outputs logits of the frames: the core, or what precedes their weights."""
    parts = dict(model.named_children())
    layers = parts.get('layers')
    if isinstance(layers, nn.Sequential) and isinstance(layers[-1], nn.Sigmoid):
        return layers[-2]
    return parts.get('core') or parts.get('weight_predictor')


def make_task(settings: TrainingSettings, model: nn.Module, flow: nn.Module | None) -> Task:
    """Make the task that trains an architecture.

    Raises:
        ValueError: the network cannot be trained on patches or numbers of frames as set.
    """
    _check(settings, model)
    if settings.architecture == 'pwcnet':
        return MotionTask(model)
    return FusionTask(settings, model, flow)


def _check(settings: TrainingSettings, model: Any) -> None:
    if settings.patch % model.multiple:
        raise ValueError(f'patch: expected a multiple of {model.multiple} for '
                         f'{settings.architecture}, got {settings.patch}')
    frames = fixed_frames(model)
    if settings.dataset == 'synthetic' and settings.vary_brackets and frames is not None:
        raise ValueError('vary_brackets: expected a network that takes any number of frames, but '
                         f'{settings.architecture} takes {frames} frames; give --no-vary-brackets')

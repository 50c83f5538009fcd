# SPDX-License-Identifier: Apache-2.0
"""What is learnt: to fuse brackets, or to see their motion. A task gives the loss of a batch."""

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
        self._rectified: list[Tensor] = []
        if settings.logit_penalty and (weighing := _weighing(model)):
            weighing.register_forward_hook(self._note_logits)
        for layer in model.modules() if settings.dead_relu_penalty else ():
            if isinstance(layer, nn.ReLU):
                layer.register_forward_pre_hook(self._note_rectified)

    def forward(self, batch: Batch) -> Float[Tensor, '']:
        """The loss (Eq. 9), and what is asked for besides."""
        self._logits, self._rectified = [], []
        radiance = self._fuse(batch)
        asked = self._settings
        loss = mu_law_l1(radiance, batch.truth, asked.mu)
        if asked.reference_hinge:
            loss = loss + asked.reference_hinge * reference_hinge(
                radiance, batch.truth, batch.stack[:, 0], asked.mu)
        if self._logits:
            loss = loss + asked.logit_penalty * logit_penalty(self._logits)
        if self._rectified:
            loss = loss + asked.dead_relu_penalty * dead_relu_penalty(self._rectified)
        return loss

    @torch.no_grad()
    def picture(self, batch: Batch) -> Float[Tensor, '3 h w']:
        """Of the first bracket: reference, what is made of it, and truth, side by side."""
        one = batch.first()
        images = [one.stack[:, 0, 3:], self._fuse(one), one.truth]
        mapped = [mu_law(image, self._settings.mu)[0].clamp(0, 1) for image in images]
        return torch.cat(mapped, dim=2)

    def _note_logits(
        self, _weighing: nn.Module, _given: object, logits: Tensor | list[Tensor]
    ) -> None:
        self._logits += logits if isinstance(logits, list) else [logits]

    def _note_rectified(self, _relu: nn.Module, given: tuple[Tensor]) -> None:
        self._rectified.append(given[0])

    def _fuse(self, batch: Batch) -> Float[Tensor, 'b 3 h w']:
        flow = batch.flow if self.flow is None else self.flow(batch.stack)
        radiance: Tensor = self.model(batch.stack, flow, batch.reference_index)
        return radiance.float()


class Motion(nn.Module):
    """See the motion from the reference to the other frames, as PWC-Net learns it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Float[Tensor, '']:
        """The loss; the batch holds the true motion, and its side is a multiple of 64."""
        reference, other = common_range(corrected_frames(batch.stack))
        flows = self.model.flows(reference.flatten(0, 1), other.flatten(0, 1))
        return multiscale_endpoint_error(flows, batch.true_flow.flatten(0, 1))

    @torch.no_grad()
    def picture(self, batch: Batch) -> Float[Tensor, '3 h w']:
        """Of the first pair: reference, the other frame moved onto it, and the flow's error."""
        one = batch.first()
        reference, other = common_range(corrected_frames(one.stack))
        flow = self.model(one.stack).float()
        error = (flow - one.true_flow).norm(dim=2, keepdim=True) / FLOW_UNIT
        images = [reference, warp(other, flow), error.expand_as(other)]
        return torch.cat([image[0, 0].clamp(0, 1) for image in images], dim=2)


Task = FusionTask | Motion


def _weighing(model: nn.Module) -> nn.Module | None:
    """What gives the logits that weigh frames: core of fast, weight predictor of ddfnet."""
    parts = dict(model.named_children())
    return parts.get('core') or parts.get('weight_predictor')


def task(settings: TrainingSettings, model: nn.Module, flow: nn.Module | None) -> Task:
    """The task of an architecture.

    Raises:
        ValueError: patches or numbers of frames that the network cannot be trained on.
    """
    _check(settings, model)
    if settings.architecture == 'pwcnet':
        return Motion(model)
    return FusionTask(settings, model, flow)


def _check(settings: TrainingSettings, model: Any) -> None:
    if settings.patch % model.multiple:
        raise ValueError(f'patch: expected a multiple of {model.multiple} for '
                         f'{settings.architecture}, got {settings.patch}')
    frames = fixed_frames(model)
    if settings.dataset == 'synthetic' and settings.vary_brackets and frames is not None:
        raise ValueError('vary_brackets: expected a network that takes any number of frames, but '
                         f'{settings.architecture} takes {frames} frames; give --no-vary-brackets')

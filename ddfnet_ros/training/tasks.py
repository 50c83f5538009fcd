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
    beyond_bound,
    mu_law_l1,
    multiscale_endpoint_error,
    worse_than_reference,
)
from ddfnet_ros.training.settings import TrainingSettings


class Fusion(nn.Module):
    """Fuse brackets to radiance, with motion from the batch or from a PWC-Net."""

    def __init__(
        self, model: Any, flow: nn.Module | None, mu: float, no_worse: float = 0.0,
        calm: float = 0.0,
    ) -> None:
        super().__init__()
        self.model = model
        self.flow = flow
        self._mu = mu
        self._no_worse = no_worse
        self._logits: list[Tensor] = []
        weighing = _weighing(model)
        self._calm = calm if weighing else 0.0
        if self._calm and weighing:
            weighing.register_forward_hook(self._note)

    def forward(self, batch: Batch) -> Float[Tensor, '']:
        """The loss (Eq. 9), and what is asked for besides."""
        radiance = self._fuse(batch)
        loss = mu_law_l1(radiance, batch.truth, self._mu)
        if self._no_worse:
            loss = loss + self._no_worse * worse_than_reference(
                radiance, batch.truth, batch.stack[:, 0], self._mu)
        if self._calm:
            loss = loss + self._calm * beyond_bound(self._logits)
        return loss

    @torch.no_grad()
    def picture(self, batch: Batch) -> Float[Tensor, '3 h w']:
        """Of the first bracket: reference, what is made of it, and truth, side by side."""
        one = batch.first()
        images = [one.stack[:, 0, 3:], self._fuse(one), one.truth]
        return torch.cat([mu_law(image, self._mu)[0].clamp(0, 1) for image in images], dim=2)

    def _note(self, _weighing: nn.Module, _given: object, logits: Tensor | list[Tensor]) -> None:
        self._logits = logits if isinstance(logits, list) else [logits]

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


Task = Fusion | Motion


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
    return Fusion(model, flow, settings.mu, settings.no_worse, settings.calm)


def _check(settings: TrainingSettings, model: Any) -> None:
    if settings.patch % model.multiple:
        raise ValueError(f'patch: expected a multiple of {model.multiple} for '
                         f'{settings.architecture}, got {settings.patch}')
    frames = fixed_frames(model)
    if settings.dataset == 'synthetic' and settings.varied and frames is not None:
        raise ValueError('varied: expected a network that takes any number of frames, but '
                         f'{settings.architecture} takes {frames} frames; give --no-varied')

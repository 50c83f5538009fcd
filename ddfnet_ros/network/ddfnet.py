# SPDX-License-Identifier: Apache-2.0
"""DDFNet, the paper's network, and the structures that it compares (Sec. 3.2, 4.2.1).

Xiao, Veelaert, Philips: Deep HDR Deghosting by Motion-Attention Fusion Network, Sensors 2022.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.flow.warp import rows_crossed, warp
from ddfnet_ros.merge import starting_weights
from ddfnet_ros.network import fusion
from ddfnet_ros.network.correlation import Correlation
from ddfnet_ros.network.decoder import REACH, Decoder
from ddfnet_ros.network.encoder import Encoder
from ddfnet_ros.network.layers import WIDTH, initialise
from ddfnet_ros.network.motion import MotionEncoder
from ddfnet_ros.tonemap import inverse_mu_law, mu_law

# Inputs of the weight predictor for a frame, besides the reference's features (Sec. 4.2.1).
_CLUES = {
    'correlation': ('correlation',),
    'motion': ('motion',),
    'warp': ('features', 'correlation'),
    'attention': ('motion', 'correlation'),
}
_POOLINGS = {
    'concatenation': fusion.concatenation,
    'max': fusion.max_pool,
    'mean': fusion.mean_pool,
}
STRUCTURES = (*_POOLINGS, *_CLUES)
# Encodings of the output, and a middle grey in each, which an untrained network outputs.
_GREY = {'mu_law': 0.5, 'radiance': 0.02}
OUTPUTS = tuple(_GREY)
_CLUE_REACH, _PREDICTOR_REACH = 3, 5  # radius of the receptive field [px]; a clue's with encoder


@dataclass(frozen=True)
class DDFNetConfig:
    """Structure of the network, and our choices where the paper is silent (doc/paper.md).

    Attributes:
        structure: 'concatenation' (a), 'correlation' (b), 'motion' (c), 'warp' (d) or
            'attention' (e), the paper's choice, of Sec. 4.2.1; or 'max' or 'mean' pooling instead
            of attention (Sec. 3.2.4).
        gamma_corrected: Whether to encode I_i and P_i, or I_i alone (Sec. 4.2.2).
        frames: Number of frames for 'concatenation'; the other structures take any number.
        normalisation: How Eq. 6 normalises the weights: 'softmax' or 'ratio'.
        dense_relu: Whether each layer of the dense blocks is followed by a ReLU.
        output: Encoding of the last ReLU's output: 'mu_law' (Eq. 8) or 'radiance'.
        shortcut: Whether to decode the difference to a weighted mean of the frames P_i, which
            short trainings need.
        width: Channels of f_i, v_i, c_i and w_i; fewer than 64 to compare structures quickly.
    """

    structure: str = 'attention'
    gamma_corrected: bool = True
    frames: int = 3
    normalisation: str = 'softmax'
    dense_relu: bool = True
    output: str = 'mu_law'
    shortcut: bool = False
    width: int = WIDTH

    def __post_init__(self) -> None:
        for name, known in (
            ('structure', STRUCTURES),
            ('normalisation', tuple(fusion.NORMALISATIONS)),
            ('output', OUTPUTS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f'{name}: expected one of {", ".join(known)}, got {getattr(self, name)!r}')


class DDFNet(nn.Module):
    """F of Eq. 3: H~ = F(X; theta)."""

    multiple = 1
    """Height and width of the input are arbitrary."""

    def __init__(self, config: DDFNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or DDFNetConfig()
        structure, width = self.config.structure, self.config.width
        self.clues = _CLUES.get(structure, ())
        self.pool = _POOLINGS.get(structure)
        self.encoder = Encoder(self.config.gamma_corrected, width)
        if 'motion' in self.clues:
            self.motion = MotionEncoder(width)
        if 'correlation' in self.clues:
            self.correlation = Correlation(width)
        if self.clues:
            self.weight_predictor = fusion.WeightPredictor(len(self.clues) * width, width)
            self.normalise = fusion.NORMALISATIONS[self.config.normalisation]
        fused = width * (self.config.frames if structure == 'concatenation' else 1)
        self.decoder = Decoder(fused, self.config.dense_relu, width)
        self.apply(initialise)
        self.decoder.start_at(0.0 if self.config.shortcut else _GREY[self.config.output])

    def forward(
        self,
        stack: Float[Tensor, 'b n 6 h w'],
        flow: Float[Tensor, 'b m 2 h w'],
        reference_index: int | None = None,
    ) -> Float[Tensor, 'b 3 h w']:
        """Fuse a bracket.

        Args:
            stack: X_i = [I_i, P_i], the reference first, the others from short to long; P_i
                relative to the shortest exposure.
            flow: Motion from the reference to each of the m = n - 1 other frames [px], (x, y).
            reference_index: Number of frames that are shorter than the reference; None for the
                median. Only the shortcut uses it; attention and pooling ignore the order.

        Returns:
            H~, radiance in [0, 1] relative to the shortest exposure, aligned with the reference.

        Raises:
            ValueError: the number of frames does not fit the flow or the structure.
        """
        self._check(stack.shape[1], flow.shape[1])
        features = self.encoder(stack)                                  # f_i     Sec. 3.2.1
        if self.config.structure == 'warp':
            features = _align(features, flow)
        weights = None
        if self.pool is not None:
            fused = self.pool(features)
        else:
            weights = self._weights(features, flow)                     # w_i     Eq. 6
            fused = fusion.weighted_sum(weights, features)              # f~      Eq. 7
        start = self._shortcut_image(stack, weights, reference_index)
        decoded = self.decoder(fused, start)                            #         Sec. 3.2.5
        return self._to_radiance(decoded)                               # H~

    def reach(self, flow: Float[Tensor, 'b m 2 h w']) -> int:
        """Number of rows above and below a pixel that its result depends on."""
        rows = _CLUE_REACH + _PREDICTOR_REACH + REACH
        return rows + rows_crossed(flow) if self.config.structure == 'warp' else rows

    def shares(
        self,
        stack: Float[Tensor, 'b n 6 h w'],
        flow: Float[Tensor, 'b m 2 h w'],
        reference_index: int | None = None,
    ) -> Float[Tensor, 'b n h w']:
        """Weights of the frames, w_i of Eq. 6, averaged over the channels; they sum to 1.

        Raises:
            ValueError: the structure has no weights, or the number of frames does not fit.
        """
        self._check(stack.shape[1], flow.shape[1])
        if not self.clues:
            raise ValueError(f'expected a structure with weights, got {self.config.structure}; '
                             'choose another model')
        features = self.encoder(stack)
        if self.config.structure == 'warp':
            features = _align(features, flow)
        return self._weights(features, flow).mean(dim=2)

    def _weights(self, features: Tensor, flow: Tensor) -> Tensor:
        """Weights w_i of the frames' features, (b, n, c, h, w)."""
        clues = self._clues(features, flow)                             # v_i c_i Sec. 3.2.2-3
        predicted = self.weight_predictor(features[:, 0], clues)        # w~_i    Eq. 5
        return self.normalise(predicted)                                # w_i     Eq. 6

    def _clues(self, features: Tensor, flow: Tensor) -> Tensor:
        """The structure's clues, concatenated to (b, n, clues * width, h, w)."""
        estimate: dict[str, Callable[[], Tensor]] = {
            'features': lambda: features,
            'motion': lambda: self.motion(flow),
            'correlation': lambda: self.correlation(features),
        }
        clues = [estimate[clue]() for clue in self.clues]
        # Concatenated in four dimensions, because torch preserves channels_last only there.
        joined = torch.cat([clue.flatten(0, 1) for clue in clues], dim=1)
        return joined.unflatten(0, clues[0].shape[:2])

    def _shortcut_image(
        self, stack: Tensor, weights: Tensor | None, reference_index: int | None
    ) -> Tensor | None:
        # Paper: no shortcut around the decoder. Here: an optional one, from the mean of the frames
        # P_i, weighted as in the static merge times the predicted weights (doc/paper.md#table-1).
        if not self.config.shortcut:
            return None
        ldr, corrected = stack[:, :, :3], stack[:, :, 3:]
        trust = starting_weights(ldr, reference_index)
        if weights is not None:
            trust = trust * weights.mean(dim=2, keepdim=True)
        mean = (trust * corrected).sum(dim=1) / trust.sum(dim=1)
        return mu_law(mean) if self.config.output == 'mu_law' else mean

    def _to_radiance(self, decoded: Tensor) -> Tensor:
        # Paper: "We keep H in range [0, 1]"; the last ReLU has no upper bound. Here: values above
        # 1 become 1, but keep their gradient (doc/paper.md#output).
        bounded = decoded - (decoded - 1).relu().detach()
        return inverse_mu_law(bounded) if self.config.output == 'mu_law' else bounded

    def _check(self, frames: int, flows: int) -> None:
        if frames < 2 or flows != frames - 1:
            raise ValueError(
                f'expected a stack of n >= 2 frames and n - 1 flows, got {frames} and {flows}')
        if self.config.structure == 'concatenation' and frames != self.config.frames:
            raise ValueError(
                f'expected {self.config.frames} frames, got {frames}; only structures with '
                'attention or pooling take any number (frames in the config)')


def _align(features: Tensor, flow: Tensor) -> Tensor:
    """Warp the other frames' features onto the reference (Sec. 4.2.1 d)."""
    return torch.cat([features[:, :1], warp(features[:, 1:], flow)], dim=1)

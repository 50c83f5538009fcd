# SPDX-License-Identifier: Apache-2.0
"""DDFNet, the paper's network, and the structures it is compared with (Sec. 3.2, 4.2.1).

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

# What tells the weight predictor about a frame, beside the reference's features (Sec. 4.2.1).
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
# What the last ReLU gives, and a middle grey in it, which an untrained network shows.
_GREY = {'mu_law': 0.5, 'radiance': 0.02}
OUTPUTS = tuple(_GREY)
_CLUE_REACH, _PREDICTOR_REACH = 3, 5  # pixels; a clue's with the encoder before it


@dataclass(frozen=True)
class DDFNetConfig:
    """Which of the paper's structures, and what we chose where it is silent (doc/paper.md).

    Attributes:
        structure: Sec. 4.2.1: 'concatenation' (a), 'correlation' (b), 'motion' (c), 'warp' (d) or
            'attention' (e), the paper's choice; Sec. 3.2.4: 'max' or 'mean' in place of attention.
        gamma_corrected: Encode I_i and P_i; False encodes I_i alone (Sec. 4.2.2).
        frames: The fixed number of frames of 'concatenation'; the others take any.
        normalisation: Of Eq. 6: 'softmax' or 'ratio'.
        dense_relu: Whether the layers of the dense blocks are followed by a ReLU.
        output: What the last ReLU gives: 'mu_law', the image after Eq. 8, or 'radiance'.
        shortcut: Decode the difference to a mixture of the frames P_i by the same weights, for
            short trainings.
        width: Channels of f_i, v_i, c_i and w_i; less is for comparing structures in little time.
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
    """Height and width of the input may be any."""

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
            flow: Pixels (x, y) from the reference to each of the m = n - 1 other frames.
            reference_index: How many frames are shorter than the reference; None: the median.
                Only the shortcut asks; attention and pooling take frames in any order.

        Returns:
            H~, radiance in [0, 1] relative to the shortest exposure, on the reference's pixels.

        Raises:
            ValueError: a number of frames that does not fit the flow or the structure.
        """
        self._check(stack.shape[1], flow.shape[1])
        features = self.encoder(stack)                                  # f_i     Sec. 3.2.1
        if self.config.structure == 'warp':
            features = _aligned(features, flow)
        weights = None
        if self.pool is not None:
            fused = self.pool(features)
        else:
            weights = self._weights(features, flow)                     # w_i     Eq. 6
            fused = fusion.weighted_sum(weights, features)              # f~      Eq. 7
        start = self._start(stack, weights, reference_index)
        decoded = self.decoder(fused, start)                            #         Sec. 3.2.5
        return self._radiance(decoded)                                  # H~

    def reach(self, flow: Float[Tensor, 'b m 2 h w']) -> int:
        """Rows above and below a pixel that its result depends on."""
        rows = _CLUE_REACH + _PREDICTOR_REACH + REACH
        return rows + rows_crossed(flow) if self.config.structure == 'warp' else rows

    def shares(
        self,
        stack: Float[Tensor, 'b n 6 h w'],
        flow: Float[Tensor, 'b m 2 h w'],
        reference_index: int | None = None,
    ) -> Float[Tensor, 'b n h w']:
        """Weights of the frames, w_i of Eq. 6, averaged over the features; they sum to 1.

        Raises:
            ValueError: a structure without weights, or a number of frames that does not fit.
        """
        self._check(stack.shape[1], flow.shape[1])
        if not self.clues:
            raise ValueError(f'expected a structure with weights, got {self.config.structure}; '
                             'choose another model')
        features = self.encoder(stack)
        if self.config.structure == 'warp':
            features = _aligned(features, flow)
        return self._weights(features, flow).mean(dim=2)

    def _weights(self, features: Tensor, flow: Tensor) -> Tensor:
        """w_i, how much of each frame's features to take."""
        clues = self._clues(features, flow)                             # v_i c_i Sec. 3.2.2-3
        predicted = self.weight_predictor(features[:, 0], clues)        # w~_i    Eq. 5
        return self.normalise(predicted)                                # w_i     Eq. 6

    def _clues(self, features: Tensor, flow: Tensor) -> Tensor:
        """The structure's clues side by side, (b, n, clues * width, h, w)."""
        estimate: dict[str, Callable[[], Tensor]] = {
            'features': lambda: features,
            'motion': lambda: self.motion(flow),
            'correlation': lambda: self.correlation(features),
        }
        clues = [estimate[clue]() for clue in self.clues]
        # As pictures, of four dimensions, because torch keeps only those in channels_last.
        joined = torch.cat([clue.flatten(0, 1) for clue in clues], dim=1)
        return joined.unflatten(0, clues[0].shape[:2])

    def _start(
        self, stack: Tensor, weights: Tensor | None, reference_index: int | None
    ) -> Tensor | None:
        # Paper: no shortcut around the decoder. Here: one, where asked for, from the frames P_i,
        # mixed as the static merge would but for what the weights tell (doc/paper.md#table-1).
        if not self.config.shortcut:
            return None
        ldr, corrected = stack[:, :, :3], stack[:, :, 3:]
        trust = starting_weights(ldr, reference_index)
        if weights is not None:
            trust = trust * weights.mean(dim=2, keepdim=True)
        mixture = (trust * corrected).sum(dim=1) / trust.sum(dim=1)
        return mu_law(mixture) if self.config.output == 'mu_law' else mixture

    def _radiance(self, decoded: Tensor) -> Tensor:
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


def _aligned(features: Tensor, flow: Tensor) -> Tensor:
    """Features of the other frames moved onto the reference (Sec. 4.2.1 d)."""
    return torch.cat([features[:, :1], warp(features[:, 1:], flow)], dim=1)

# SPDX-License-Identifier: Apache-2.0
"""Baselines: published fusion methods without a trained network, each a function of one bracket.

They are written from the papers. Where a paper leaves something open, the method's file says what
was chosen.
"""

from __future__ import annotations

from ddfnet_ros.evaluation.baselines.debevec import debevec_merge
from ddfnet_ros.evaluation.baselines.fuser import IMAGE, Fuser
from ddfnet_ros.evaluation.baselines.lee14 import rank_minimised
from ddfnet_ros.evaluation.baselines.li12 import median_recursive
from ddfnet_ros.evaluation.baselines.linear import reference_only, static_merge
from ddfnet_ros.evaluation.baselines.mertens import aligned_exposure_fusion, exposure_fusion
from ddfnet_ros.evaluation.baselines.sen12 import patch_based
from ddfnet_ros.evaluation.baselines.spd_mef import structural_patches

BASELINES: dict[str, Fuser] = {
    'reference': Fuser(reference_only, source='the reference frame, corrected (Eq. 2)'),
    'static_merge': Fuser(static_merge, source='Kalantari and Ramamoorthi 2017, ground truth'),
}
"""The two fast ones that every comparison includes."""

PEERS: dict[str, Fuser] = {
    **BASELINES,
    'debevec': Fuser(debevec_merge, source='Debevec and Malik 1997, Eq. 6'),
    'mertens': Fuser(exposure_fusion, IMAGE, 'Mertens et al. 2007'),
    'align_mertens': Fuser(aligned_exposure_fusion, IMAGE, 'Ward 2003, then Mertens et al. 2007'),
    'li12': Fuser(median_recursive, IMAGE, 'Li and Kang 2012'),
    'spd_mef': Fuser(structural_patches, IMAGE, 'Ma et al. 2017'),
    'sen12': Fuser(patch_based, source='Sen et al. 2012'),
    'lee14': Fuser(rank_minimised, source='Lee et al. 2014'),
}
"""All peers that can run here."""

_UNSHIPPED = 'No weights are shipped; train it and name it among --models (doc/training.md).'

ABSENT: dict[str, str] = {
    'photomatix': 'A commercial program; what it does is not published.',
    'qin15': 'No description was at hand that is detailed enough to write it from.',
    'prabhakar20': 'No code is public; the paper, too, only quotes its figures.',
    'hu13': 'No text of the paper was at hand.',
    'ahdrnet': _UNSHIPPED,
    'deephdr': _UNSHIPPED,
    'kalantari17': _UNSHIPPED,
    'metwaly20': 'No text of the paper was at hand.',
    'safnet24': 'Only the abstract was at hand, which gives no layers.',
}
"""Peers of the paper's tables that cannot run here, and the reason."""

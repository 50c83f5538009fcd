# SPDX-License-Identifier: Apache-2.0
import numpy as np

from ddfnet_ros.synthesis.street.signals import (
    AMBER,
    GREEN,
    RED,
    lamps_at,
    paint_signal,
    signal_mesh,
)


def test_lamps_change_from_red_over_amber_to_green():
    assert [lamps_at(t, 1.0, 2.0) for t in (0.5, 1.5, 2.5)] == [(RED,), (RED, AMBER), (GREEN,)]


def test_only_lit_lamps_shine_each_in_its_colour():
    mesh = signal_mesh()
    middles = mesh.local[mesh.faces].mean(1)
    surface = paint_signal((RED, AMBER), 2.0, mesh.part, middles)
    assert surface.emission[mesh.part == RED, 0].min() > 1
    assert surface.emission[mesh.part == AMBER, 1].min() > 0.4
    assert surface.emission[mesh.part == GREEN].max() == 0
    assert surface.emission[mesh.part < RED].max() == 0


def test_red_is_above_amber_above_green():
    mesh = signal_mesh()
    heights = [mesh.vertices[np.unique(mesh.faces[mesh.part == lamp]), 2].mean()
               for lamp in (RED, AMBER, GREEN)]
    assert heights == sorted(heights, reverse=True)

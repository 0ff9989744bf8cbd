# SPDX-License-Identifier: BSD-3-Clause
"""The part of a head that a zoom is made of, and what its fields say of how it was refined."""

from types import SimpleNamespace

import numpy as np
import pytest
from given.zooms import gray, head, solved, zoomed

from headfield.core.device import cpu
from headfield.heads.tetrahedra import barycentres
from headfield.solve.zoom import part as parts


@pytest.mark.parametrize("most", [None, 20_000])
def test_a_large_region_with_a_small_margin_has_a_grid_of_limited_size(monkeypatch, most):
    sizes, spacings_mm = [], []

    def distance(mask, spacing):
        sizes.append(mask.size)
        spacings_mm.append(spacing[0])
        return cpu.distance(mask, spacing)

    monkeypatch.setattr(parts, "cpu", SimpleNamespace(distance=distance))
    if most is not None:
        monkeypatch.setattr(parts, "_MOST_VOXELS", most)
    mesh, margin_mm = head(), 30.0
    region = np.flatnonzero((mesh.tags == 2) & (barycentres(mesh.nodes_mm, mesh.tets)[:, 2] > 30.0))
    part = parts.cut(mesh, region.astype(np.int32), margin_mm)
    if most is not None:
        assert sizes[0] < 2 * most  # with the voxels around it
    else:
        assert spacings_mm[0] == margin_mm / 12
    nodes_mm = mesh.nodes_mm[np.unique(mesh.tets[region])]
    at_mm = barycentres(mesh.nodes_mm, mesh.tets)
    away_mm = np.linalg.norm(at_mm[:, None] - nodes_mm, axis=2).min(axis=1)
    chosen = np.zeros(mesh.n_tets, bool)
    chosen[part.origin] = True
    slack_mm = np.sqrt(3.0) * spacings_mm[0]  # that of two voxels, at either end half of a diagonal
    assert chosen[away_mm < margin_mm - slack_mm].all()
    layers = np.isin(np.arange(mesh.n_tets), region)
    for _ in range(2):
        layers = np.isin(mesh.tets, mesh.tets[layers]).any(axis=1)
    assert not chosen[(away_mm > margin_mm + slack_mm) & ~layers].any()


def test_fields_say_whether_new_nodes_lie_on_a_smooth_surface():
    runs = []
    for smooth in (False, True):
        zoom = zoomed(gray(), error=0.5, smooth=smooth)
        assert zoom.report.smooth is smooth
        runs.append(solved(zoom).provenance)
    assert [run.settings["smooth"] for run in runs] == [False, True]
    assert runs[0].options != runs[1].options

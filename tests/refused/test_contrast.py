# SPDX-License-Identifier: BSD-3-Clause
"""Conductivities so far apart that a residual says nothing of E in the weakest elements are warned of."""

import warnings

import numpy as np
import pytest

import headfield as hf
from headfield.heads.conductivity import MOST_CONTRAST, resolve, warn_of_contrast

MESH = hf.sphere_mesh([80, 86, 92], [3, 4, 5], edge_mm=16)
M = MESH.n_tets


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
def test_random_contrasts_of_twenty_decades_are_warned_of_once():
    sigma = 10 ** np.random.default_rng(1).uniform(-12, 8, M)
    weak = (sigma < sigma.max() / MOST_CONTRAST).sum()
    with pytest.warns(
        UserWarning, match=rf"of E in the {weak:,} of {M:,} tetrahedra .*tags \[3, 4, 5\]"
    ) as said:
        hf.HeadModel(MESH, sigma, device="cpu")
    assert [one.filename for one in said if one.category is UserWarning] == [__file__]


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
def test_the_weak_tissue_is_named():
    with pytest.warns(UserWarning, match=r"from 1e-12 to 1.65 S/m.*tags \[4\]"):
        hf.HeadModel(MESH, {4: 1e-12}, device="cpu")


@pytest.mark.parametrize("sigma", [None, 0.3, {3: 29.4}, {3: 1.0, 4: 1.1e-10}, {3: 6.3e7, 5: 1e-2}])
def test_heads_are_not_warned_of(sigma):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", hf.PlausibilityWarning)  # of single tissues
        hf.HeadModel(MESH, sigma, device="cpu")


@pytest.mark.parametrize(("least", "warned"), [(1.5e-10, False), (0.5e-10, True)])
def test_tensors_count_by_their_eigenvalues(least, warned):
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    tensors = np.broadcast_to(np.eye(3), (M, 3, 3)).copy()
    tensors[7] = turn @ np.diag([1e-8, 3e-9, least]) @ turn.T
    values = resolve(tensors, MESH.tags)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        warn_of_contrast(values, MESH.tags)
    assert len(said) == warned
    assert not warned or f"of E in the 1 of {M:,} tetrahedra" in str(said[0].message)


def test_stretched_tensors_of_white_matter_are_not_warned_of():
    tensors = np.broadcast_to(np.diag([1.0, 0.1, 0.1]), (M, 3, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_contrast(resolve(tensors, MESH.tags), MESH.tags)


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
def test_error_in_a_weak_layer_grows_as_the_contrast_with_the_residual_as_it_was():
    """What the warning is derived from: an insulating layer, the same residual, E in it ever further off."""
    coil, off = hf.figure_of_eight(spacing_mm=6.0), []
    for least in (1e-2, 1e-6):
        model = hf.HeadModel(MESH, {3: 0.3, 4: least, 5: 1.6}, device="cpu")
        pose = model.place(coil, [60, 20, 95], [60, 60, 95])
        rough, fine = (model.solve(coil, pose, tol=tol).E[0].astype(float) for tol in (1e-4, 1e-12))
        layer = MESH.tags == 4
        off.append(np.linalg.norm((rough - fine)[layer]) / np.linalg.norm(fine[layer]))
    assert off[0] < 1e-3 < 10 * off[0] < off[1]

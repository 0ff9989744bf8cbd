# SPDX-License-Identifier: BSD-3-Clause
"""Long rows of coarse levels, which several threads of a GPU share: the same bits at any width.

Strength thresholds beyond the solver's own make coarse levels of small spheres as dense as those of a head of
0.7 M nodes: 8 threads share a row of 64 entries or more, 4 one of 32.
"""

import functools
import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from devices import native
from given.comparisons import same_bits
from given.systems import DENSE, LOOSE_TOL, THETA, System, run

from headfield import sphere_mesh

pytestmark = pytest.mark.usefixtures("each_device")

TOL = 1e-6
# Entries that a row has at least: A and A P by level, restrictions from each, the inverse of the last.
LONG = {
    "8 of A, A P and restriction": {"a1": 64, "ap1": 64, "pt1": 64},
    "4 of A, 8 of A P": {"a1": 32, "ap1": 64},
    "4 of A P": {"ap1": 32},
    "4 of the restriction, 8 of the inverse": {"pt0": 32, "inverse": 64},
    "4 of the inverse": {"inverse": 32},
}


def lengths(levels):
    """Mean entries a row of the matrices of a hierarchy; see `Hierarchy.levels`."""
    found = {"inverse": levels[-1][0]}
    for at, (rows, a, _, ap) in enumerate(levels):
        found |= {f"a{at}": a / rows, f"ap{at}": ap / rows}
    for at, (fine, coarse) in enumerate(itertools.pairwise(levels)):
        found[f"pt{at}"] = fine[2] / coarse[0]
    return found


@functools.cache
def system(name, device):
    edge, theta = DENSE[name]
    mesh = sphere_mesh([80, 86, 92], [3, 4, 5], edge_mm=edge)
    return System(mesh.nodes_mm * 1e-3, mesh.tets, np.ones(mesh.n_tets), theta=theta)


@pytest.mark.parametrize("name", DENSE)
def test_long_rows_give_the_same_bits_at_any_width(name, each_device):
    dense = system(name, each_device)
    for matrix, least in LONG[name].items():
        assert lengths(dense.hierarchy.levels)[matrix] >= least, "the rows of this system are not shared"
    b = dense.right_hand_sides(max(native.widths))
    alone, reports = dense.solve(b[:, :1].copy(), tol=LOOSE_TOL)
    assert dense.residual(alone, b[:, :1]).max() < 1.01 * LOOSE_TOL
    for width in native.widths[1:]:
        phi, columns = dense.solve(b[:, :width].copy(), tol=LOOSE_TOL)
        same_bits(phi[:, 0].copy(), alone[:, 0].copy())
        assert columns[0].iterations == reports[0].iterations
        assert dense.residual(phi, b[:, :width]).max() < 1.01 * LOOSE_TOL


def test_a_gpu_takes_as_many_iterations_as_the_cpu(each_device):
    """Operators of the same entries, rounded differently: a wrong split of a row would cost iterations."""
    found = {}
    for name in DENSE:
        dense = system(name, each_device)
        found[name] = max(r.iterations for r in dense.solve(dense.right_hand_sides(4), tol=TOL)[1])
    expected = {name: iterations_on_cpu(name) for name in DENSE}
    assert all(abs(found[name] - expected[name]) <= 2 for name in DENSE), (found, expected)


@functools.cache
def iterations_on_cpu(name):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADFIELD_DEVICE", "cpu")
        dense = system(name, "cpu")
        return max(r.iterations for r in dense.solve(dense.right_hand_sides(4), tol=TOL)[1])


@pytest.mark.parametrize(("n", "levels"), [(20, 1), (2000, 3)])
def test_short_rows_of_coarse_levels_are_solved_alike(n, levels):
    """Nobody shares the rows of a chain, nor those of a small inverse."""
    diagonal = np.full(n, 2.0)
    diagonal[[0, -1]] = 1.0
    k = sp.diags_array([-np.ones(n - 1), diagonal, -np.ones(n - 1)], offsets=[-1, 0, 1]).tocsr()
    arrays = k.indptr.astype(np.int32), k.indices.astype(np.int32), k.data
    hierarchy = native.Hierarchy(*arrays, fixed=np.arange(n) == 0, theta=THETA)
    assert len(hierarchy.levels) == levels
    assert all(a < 32 * rows for rows, a, _, _ in hierarchy.levels[:2])
    b = k @ np.random.default_rng(0).normal(size=(n, max(native.widths)))
    alone, _ = run(native.Solver(hierarchy, 1), b[:, :1].copy(), LOOSE_TOL, 100)
    for width in native.widths[1:]:
        phi, reports = run(native.Solver(hierarchy, width), b[:, :width].copy(), LOOSE_TOL, 100)
        assert all(report.converged for report in reports)
        same_bits(phi[:, 0].copy(), alone[:, 0].copy())
        residual = (b[:, :width] - k @ phi)[1:]
        assert np.linalg.norm(residual, axis=0).max() < 2 * LOOSE_TOL * np.linalg.norm(b[1:], axis=0).max()

# SPDX-License-Identifier: BSD-3-Clause
"""Long rows of coarse levels, which several threads of a GPU share: the same bits at any width.

Strength thresholds beyond the solver's own make coarse levels of small spheres as dense as those of a head of
0.7 M nodes: 8 threads share a row of 64 entries or more, 4 one of 32.
"""

import functools

import numpy as np
import pytest
import test_solver
from devices import native

from headfield import sphere_mesh

pytestmark = pytest.mark.usefixtures("each_device")

TOL = 1e-6
# Edges (mm), thresholds, and about how long rows are.
DENSE = {
    "A 69, A P 86, restriction 106": (15.0, 0.12),
    "A 57, A P 78": (13.0, 0.1),
    "A P 57": (15.0, 0.16),
    "restriction 35, inverse of 351 rows": (15.0, 0.08),
    "inverse of fewer than 64 rows": (25.0, 0.04),
}


@functools.cache
def system(name, device):
    edge, theta = DENSE[name]
    mesh = sphere_mesh([80, 86, 92], [3, 4, 5], edge_mm=edge)
    return test_solver.System(mesh.nodes_mm * 1e-3, mesh.tets, np.ones(mesh.n_tets), theta=theta)


@pytest.mark.parametrize("name", DENSE)
def test_long_rows_give_the_same_bits_at_any_width(name, each_device):
    dense = system(name, each_device)
    b = dense.right_hand_sides(max(native.widths))
    alone, reports = dense.solve(b[:, :1].copy(), tol=TOL)
    assert dense.residual(alone, b[:, :1]).max() < 1.01 * TOL
    for width in native.widths[1:]:
        phi, columns = dense.solve(b[:, :width].copy(), tol=TOL)
        test_solver.same_bits(phi[:, 0].copy(), alone[:, 0].copy())
        assert columns[0].iterations == reports[0].iterations
        assert dense.residual(phi, b[:, :width]).max() < 1.01 * TOL


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

# SPDX-License-Identifier: BSD-3-Clause
"""Bad arguments to the hierarchy and the solver."""

import numpy as np
import pytest
import scipy.sparse as sp
from devices import native
from given.systems import THETA, sphere

pytestmark = pytest.mark.usefixtures("each_device")


def hierarchy_arguments(**changes):
    system = sphere()
    good = {
        "indptr": system.indptr,
        "indices": system.indices,
        "values": system.values,
        "fixed": np.arange(system.n) == 0,
        "theta": THETA,
    }
    return {**good, **changes}


@pytest.mark.parametrize("dtype", [bool, np.uint8])
def test_without_a_fixed_node_the_matrix_is_singular(dtype):
    with pytest.raises(ValueError, match="fixed marks no node"):
        native.Hierarchy(**hierarchy_arguments(fixed=np.zeros(sphere().n, dtype)))


@pytest.mark.parametrize("shape", [lambda n: n - 1, lambda n: n + 1, lambda n: (n, 1), lambda n: 0])
def test_a_mark_is_needed_for_every_node(shape):
    with pytest.raises(ValueError, match="fixed must have shape"):
        native.Hierarchy(**hierarchy_arguments(fixed=np.ones(shape(sphere().n), bool)))


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float64])
def test_a_mask_of_another_dtype_is_refused_not_converted(dtype):
    with pytest.raises(TypeError):
        native.Hierarchy(**hierarchy_arguments(fixed=np.ones(sphere().n, dtype)))


@pytest.mark.parametrize("node", [0, [0], None])
def test_nodes_by_number_are_no_mask(node):
    with pytest.raises(TypeError):
        native.Hierarchy(**hierarchy_arguments(fixed=node))


@pytest.mark.parametrize("factor", [0.0, -1.0, np.nan])
def test_a_diagonal_that_is_not_positive_is_refused(factor):
    with pytest.raises(ValueError, match="row 0"):
        native.Hierarchy(**hierarchy_arguments(values=factor * sphere().values))


@pytest.mark.parametrize("index", [-1, 10**6])
def test_a_column_out_of_range_is_refused(index):
    indices = sphere().indices.copy()
    indices[5] = index
    with pytest.raises(ValueError, match="indices"):
        native.Hierarchy(**hierarchy_arguments(indices=indices))


def test_an_indefinite_matrix_is_refused():
    k = np.array([[1.0, 0, 0], [0, 1.0, 5.0], [0, 5.0, 1.0]])
    m = sp.csr_array(k)
    arrays = m.indptr.astype(np.int32), m.indices.astype(np.int32), m.data
    with pytest.raises(ValueError, match="definite"):
        native.Hierarchy(*arrays, fixed=np.arange(3) == 0, theta=THETA)


@pytest.mark.parametrize(
    "changes",
    [
        {"values": np.ones(3)},
        {"indptr": np.zeros(0, np.int32)},
        {"indptr": np.array([0, 5], np.int32)},
        {"indices": np.zeros((2, 2), np.int32)},
    ],
)
def test_arrays_that_are_no_matrix_are_refused(changes):
    with pytest.raises(ValueError, match=r"indptr|indices|values"):
        native.Hierarchy(**hierarchy_arguments(**changes))


def test_wrong_dtypes_are_refused_not_converted():
    system = sphere()
    for name in ("indptr", "indices", "values"):
        for dtype in (np.int64, np.float32):
            with pytest.raises(TypeError):
                native.Hierarchy(**hierarchy_arguments(**{name: getattr(system, name).astype(dtype)}))


@pytest.mark.parametrize("width", [-1, 0, 2, 128])
def test_widths_that_are_not_compiled_are_refused(width):
    with pytest.raises(ValueError, match="columns"):
        native.Solver(sphere().hierarchy, width)


def test_a_solver_needs_a_hierarchy():
    with pytest.raises(TypeError):
        native.Solver(None, 1)


def test_blocks_of_wrong_shape_or_kind_are_refused():
    system = sphere()
    solver = native.Solver(system.hierarchy, 4)
    good = np.ones((system.n, 4))
    for bad in (good[:-1].copy(), good[:, :3].copy(), good[:, 0].copy()):
        with pytest.raises(ValueError, match="b must have shape"):
            solver.solve(bad, good.copy(), [1e-6] * 4, 10)
        with pytest.raises(ValueError, match="phi must have shape"):
            solver.solve(good.copy(), bad, [1e-6] * 4, 10)
    read_only = good.copy()
    read_only.flags.writeable = False
    for bad in (good.astype(np.float32), np.asfortranarray(good), good.tolist(), None, read_only):
        with pytest.raises((TypeError, ValueError)):
            solver.solve(bad, good.copy(), [1e-6] * 4, 10)
        with pytest.raises((TypeError, ValueError)):
            solver.solve(good.copy(), bad, [1e-6] * 4, 10)


@pytest.mark.parametrize("tolerance", [[1e-6] * 3, [1e-6] * 5, []])
def test_every_column_has_a_tolerance(tolerance):
    solver = native.Solver(sphere().hierarchy, 4)
    ones = np.ones((sphere().n, 4))
    with pytest.raises(ValueError, match="tolerance must hold a number a column, 4"):
        solver.solve(ones, ones.copy(), tolerance, 10)


@pytest.mark.parametrize("shape", [(3,), (1, 4), ()])
def test_one_column_of_another_shape_is_refused(shape):
    system = sphere()
    good, bad = np.zeros(system.n), np.zeros(shape)
    with pytest.raises(ValueError, match="b must have shape"):
        native.solve_in_float64(system.hierarchy, bad, good.copy(), 1e-6, 10)
    with pytest.raises(ValueError, match="phi must have shape"):
        native.solve_in_float64(system.hierarchy, good.copy(), bad, 1e-6, 10)

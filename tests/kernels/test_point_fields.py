# SPDX-License-Identifier: BSD-3-Clause
"""E at points of elements of any degree, and products with known potentials, against NumPy."""

from itertools import pairwise

import numpy as np
import pytest
from devices import native
from given import p1
from given.comparisons import same_bits
from given.random_meshes import problems, widths
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

pytestmark = pytest.mark.usefixtures("each_device")

WIDTHS = (4, 8, 16, 32, 64)
ROUNDING = 2.0**-24  # of float32


def pattern(rng, rows, columns, most):
    """Up to so many entries a row, a third of the rows empty; some columns twice in a row."""
    counts = rng.integers(1, most + 1, rows) * (rng.random(rows) < 2 / 3)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return indptr, rng.integers(columns, size=indptr[-1]).astype(np.int32)


def operator(rng, points, n, most=12):
    """Rows whose gradients sum to zero as they are in float32: whole numbers, times a power of two."""
    indptr, indices = pattern(rng, points, n, most)
    gradients = rng.integers(-1000, 1000, (len(indices), 3)).astype(float)
    for begin, end in pairwise(indptr):
        if begin < end:
            gradients[begin] = -gradients[begin + 1 : end].sum(axis=0)
    gradients = np.ldexp(gradients, rng.integers(-3, 4)).astype(np.float32)
    return indptr, indices, gradients, rng.normal(size=len(indices)).astype(np.float32)


def field_at_points(rows, phi, adot, scale):
    out = np.full((len(scale), len(rows[0]) - 1, 3), np.nan, np.float32)
    native.field_at_points(*rows, phi, adot, scale, out)
    return out


def blocks(rng, n, width):
    return rng.normal(size=(n, width)), rng.normal(size=(n, 3, width)).astype(np.float32)


def subtracted(matrix, x, b):
    """Of b, which is left as it is."""
    left = b.copy()
    native.subtract_product(*matrix, x, left)
    return left


def matrix_of(rng, rows, columns):
    indptr, indices = pattern(rng, rows, columns, 6)
    return indptr, indices, rng.normal(size=len(indices))


@pytest.mark.parametrize("with_rates", [True, False])
@given(st.integers(0, 70), st.integers(1, 40), widths(), st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_fields_at_points_are_those_of_numpy(with_rates, points, n, width, seed):
    rng = np.random.default_rng(seed)
    rows = indptr, indices, gradients, shares = operator(rng, points, n)
    phi, adot = blocks(rng, n, width)
    scale = rng.normal(size=rng.integers(1, width + 1))
    phi += 1e3  # which no row sees, as their gradients sum to zero
    out = field_at_points(rows, phi, adot if with_rates else None, scale)
    row = np.repeat(np.arange(points), np.diff(indptr))
    drops = phi[indices] - phi[indices[indptr[row]]]
    for c, factor in enumerate(scale):
        terms = gradients.astype(float) * phi[indices, c][:, None]
        # what rounding is relative to: differences here, the potentials themselves in NumPy's float64
        off = np.abs(gradients * drops[:, c][:, None]) + 2.0**-29 * np.abs(terms)
        if with_rates:
            rates = shares[:, None].astype(float) * adot[indices, :, c]
            terms, off = terms + rates, off + np.abs(rates)
        exact, sizes = np.zeros((points, 3)), np.zeros((points, 3))
        np.subtract.at(exact, row, terms)
        np.add.at(sizes, row, off)
        # roundings of up to 24 sums, of a difference, of the scale and of the product with it
        assert (np.abs(out[c] - factor * exact) <= 27 * ROUNDING * abs(factor) * sizes).all()
    assert not out[:, np.diff(indptr) == 0].any(), "a row without entries gives no field"


@given(st.integers(1, 40), st.integers(1, 40), widths(), st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_a_constant_potential_has_no_field_at_points(points, n, width, seed):
    rng = np.random.default_rng(seed)
    rows = operator(rng, points, n)
    constant, adot = np.repeat(rng.normal(size=(1, width)), n, axis=0), blocks(rng, n, width)[1]
    scale = rng.normal(size=width)
    assert not field_at_points(rows, constant, None, scale).any()
    field = field_at_points(rows, np.zeros((n, width)), adot, scale)
    np.testing.assert_array_equal(field_at_points(rows, constant, adot, scale), field)


@given(problems(), widths())
@settings(max_examples=10, deadline=None)
def test_points_of_linear_elements_have_the_field_of_the_element(problem, width):
    nodes, tets, _, rng = problem
    gradients = np.ascontiguousarray(p1.geometry(nodes, tets)[1].reshape(-1, 3), np.float32)
    rows = np.arange(0, tets.size + 1, 4, dtype=np.int32), tets.ravel(), gradients
    rows += (np.full(tets.size, 0.25, np.float32),)
    phi, adot = blocks(rng, len(nodes), width)
    for rates in (adot, None):
        field = np.full((width, len(tets), 3), np.nan, np.float32)
        native.electric_field(nodes, tets, phi, rates, np.ones(width), None, field)
        sizes = np.abs(gradients).reshape(-1, 4, 3).sum(axis=1) * np.ptp(phi[tets], axis=(1, 2))[:, None] + 4
        found = field_at_points(rows, phi, rates, np.ones(width))
        assert (np.abs(found - field) <= 16 * ROUNDING * sizes).all()


@given(st.integers(0, 70), st.integers(1, 70), widths(), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_a_product_is_subtracted_and_empty_rows_are_left(rows, columns, width, seed):
    rng = np.random.default_rng(seed)
    indptr, indices, values = matrix = matrix_of(rng, rows, columns)
    x, b = rng.normal(size=(columns, width)), rng.normal(size=(rows, width))
    empty = np.diff(indptr) == 0
    b[empty] = rng.choice([np.nan, np.inf, -0.0, 1.0], (empty.sum(), width))
    left = subtracted(matrix, x, b)
    same_bits(left[empty], b[empty])
    m, sizes = (csr_array((v, indices, indptr), (rows, columns)) for v in (values, abs(values)))
    terms = np.abs(b[~empty]) + (sizes @ np.abs(x))[~empty]
    assert (np.abs(left[~empty] - (b[~empty] - (m @ x)[~empty])) <= 16 * 2.0**-53 * terms).all()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_column_of_any_width_has_the_same_bits(width):
    if width not in native.widths:
        pytest.skip(f"no block of this device has {width} columns")
    rng = np.random.default_rng(width)
    rows, matrix = operator(rng, 300, 90), matrix_of(rng, 300, 90)
    phi, adot = blocks(rng, 90, width)
    b, scale = rng.normal(size=(300, width)), rng.normal(size=width)
    fields = [field_at_points(rows, phi, rates, scale) for rates in (adot, None)]
    left = subtracted(matrix, phi, b)
    for c in range(width):
        one, rates = np.ascontiguousarray(phi[:, [c]]), np.ascontiguousarray(adot[:, :, [c]])
        same_bits(fields[0][c], field_at_points(rows, one, rates, scale[[c]])[0])
        same_bits(fields[1][c], field_at_points(rows, one, None, scale[[c]])[0])
        same_bits(left[:, c], subtracted(matrix, one, np.ascontiguousarray(b[:, [c]]))[:, 0])


def test_any_number_of_threads_gives_the_same_bits():
    rng = np.random.default_rng(0)
    rows, matrix = operator(rng, 6000, 4000), matrix_of(rng, 6000, 4000)
    phi, adot = blocks(rng, 4000, 4)
    b, results = rng.normal(size=(6000, 4)), []
    before = native.max_threads()
    try:
        for threads in (1, 2, 3):
            native.set_threads(threads)
            fields = [field_at_points(rows, phi, rates, np.ones(4)) for rates in (adot, None)]
            results.append([*fields, subtracted(matrix, phi, b)])
    finally:
        native.set_threads(before)
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            same_bits(one, two)

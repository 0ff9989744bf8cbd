# SPDX-License-Identifier: BSD-3-Clause
"""Transposed loops: ⟨A v, w⟩ = ⟨v, Aᵀ w⟩ for each of them, and fields of sources without ∂A/∂t."""

import numpy as np
import pytest
from devices import native
from given import p1
from given.random_meshes import problems
from given.recovered import built
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from headfield import sphere_mesh

pytestmark = pytest.mark.usefixtures("each_device")

WIDTHS = (1, 4, 8, 16, 32, 64)
ROUNDING = 16 * 2.0**-24  # of the sum of all terms' sizes: they are float32, and rounded a few times each


@pytest.fixture(scope="module", params=WIDTHS)
def width(request, each_device):
    if request.param not in native.widths:
        pytest.skip(f"no block of this device has {request.param} columns")
    return request.param


def block(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def by_corner(corners, n):
    """Rows of four corners (e, 4), transposed."""
    return native.transposed(np.arange(0, corners.size + 1, 4, dtype=np.int32), corners.ravel(), n)


def by_node(node, n):
    return native.transposed(np.arange(len(node) + 1, dtype=np.int32), node, n)


def electric_field(nodes, tets, phi, adot, scale, chosen):
    out = np.full((len(scale), len(tets) if chosen is None else len(chosen), 3), np.nan, np.float32)
    native.electric_field(nodes, tets, phi, adot, scale, chosen, out)
    return out


def element_loads(nodes, tets, weights, scale, chosen, width):
    some = tets if chosen is None else tets[chosen]
    b = np.full((len(nodes), width), np.nan)
    native.element_loads(nodes, tets, weights, scale, chosen, by_corner(some, len(nodes)), b)
    return b


def spread(weights, scale, shares, corners, n, width):
    out = np.full((n, 3, width), np.nan, np.float32)
    native.spread(weights, scale, shares, by_corner(corners, n), out)
    return out


def recover(op, phi, adot):
    rows = np.full((len(op["node"]), 3, phi.shape[1]), np.nan, np.float32)
    native.recover(*[op[n] for n in ("indptr", "indices", "weights", "node", "rate")], phi, adot, rows)
    return rows


def recovered_loads(op, rows, n):
    b = np.full((n, rows.shape[2]), np.nan)
    columns = native.transposed(op["indptr"], op["indices"], n)
    native.recovered_loads(op["indptr"], op["weights"], columns, by_node(op["node"], n), rows, b)
    return b


def recovered_rates(op, rows, n):
    out = np.full((n, 3, rows.shape[2]), np.nan, np.float32)
    native.recovered_rates(op["rate"], by_node(op["node"], n), rows, out)
    return out


def nodal_flux(matrices, phi):
    indptr, indices, _, source = matrices
    out = np.full((len(phi), 3, phi.shape[1]), np.nan, np.float32)
    native.nodal_flux(native.transposed(indptr, indices, len(phi)), source, phi, out)
    return out


def inner(a, b):
    """Of columns: Σ over all but the last index, in float64."""
    return (a.astype(float) * b).reshape(-1, a.shape[-1]).sum(axis=0)


def same(a, b, sizes, relative=ROUNDING):
    assert (np.abs(a - b) <= relative * sizes).all()


@given(st.integers(0, 30), st.integers(1, 30), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_a_pattern_is_transposed_in_the_order_of_its_entries(rows, columns, seed):
    rng = np.random.default_rng(seed)
    indptr = np.concatenate([[0], np.cumsum(rng.integers(0, 6, rows))]).astype(np.int32)
    indices = rng.integers(columns, size=indptr[-1]).astype(np.int32)  # some twice
    begin, row, entry = native.transposed(indptr, indices, columns)
    np.testing.assert_array_equal(entry, np.argsort(indices, kind="stable"))
    np.testing.assert_array_equal(row, np.repeat(np.arange(rows), np.diff(indptr))[entry])
    np.testing.assert_array_equal(np.diff(begin), np.bincount(indices, minlength=columns))
    assert begin[0] == 0
    assert {a.dtype for a in (begin, row, entry)} == {np.dtype(np.int32)}


def test_a_pattern_that_was_checked_once_is_taken(head):
    nodes, tets, chosen = head[0], head[1], head[4]
    weights, scale = blocks(head, 4, 4)[::3]
    begin, row, entry = by_corner(tets[chosen], len(nodes))
    checked = native.Indices(begin, len(entry) + 1, True), native.Indices(row, len(chosen))
    b = np.full((len(nodes), 4), np.nan)
    made = *checked, native.Indices(entry, len(entry))
    native.element_loads(nodes, tets, weights, scale, chosen, made, b)
    np.testing.assert_array_equal(b, element_loads(nodes, tets, weights, scale, chosen, 4))
    beyond = begin, native.Indices(row + np.int32(1), len(chosen) + 1), entry
    with pytest.raises(ValueError, match="corners row holds an index outside"):
        native.element_loads(nodes, tets, weights, scale, chosen, beyond, b)


@given(problems(), st.data())
@settings(max_examples=10, deadline=None)
def test_element_loads_transpose_the_electric_field(width, problem, data):
    nodes, tets, _, rng = problem
    k = data.draw(st.integers(1, width))
    some = rng.integers(len(tets), size=len(tets)).astype(np.int32)  # in any order, with repetitions
    chosen = data.draw(st.sampled_from([None, some, some[:1]]))
    of = tets if chosen is None else tets[chosen]
    scale, phi = rng.normal(size=k), rng.normal(size=(len(nodes), width))
    weights = block(rng, k, len(of), 3)
    b = element_loads(nodes, tets, weights, scale, chosen, width)
    e = electric_field(nodes, tets, phi, np.zeros((len(nodes), 3, width), np.float32), scale, chosen)
    grad = p1.geometry(nodes, tets)[1] if chosen is None else p1.geometry(nodes, tets)[1][chosen]
    drops = np.abs(phi[of[:, 1:], :k] - phi[of[:, :1], :k])
    terms = np.einsum("c,eid,eic,ced->c", np.abs(scale), np.abs(grad[:, 1:]), drops, np.abs(weights))
    same(inner(e.transpose(1, 2, 0), weights.transpose(1, 2, 0)), inner(b, phi)[:k], terms)
    assert not b[:, k:].any()
    # As good as float32 weights allow, node by node, and together zero: the potential has no level.
    exact, sizes = np.zeros((len(nodes), k)), np.zeros((len(nodes), k))
    for sign, target in ((-1, exact), (0, sizes)):
        g, w, s = (grad, weights, scale) if sign else map(np.abs, (grad, weights, scale))
        np.add.at(target, of, (sign or 1) * np.einsum("c,eid,ced->eic", s, g, w.astype(float)))
    same(b[:, :k], exact, sizes.max(axis=0))
    same(b[:, :k].sum(axis=0), 0, sizes.sum(axis=0), 1e-12)


@given(problems(), st.data())
@settings(max_examples=10, deadline=None)
def test_means_are_spread_as_rates_are_averaged(width, problem, data):
    """What a weighted field says of ∂A/∂t, whose mean over the corners is in it."""
    nodes, tets, _, rng = problem
    k = data.draw(st.integers(1, width))
    chosen = rng.integers(len(tets), size=len(tets)).astype(np.int32)
    scale, adot, weights = rng.normal(size=k), block(rng, len(nodes), 3, width), block(rng, k, len(tets), 3)
    out = spread(weights, -scale, None, tets[chosen], len(nodes), width)
    e = electric_field(nodes, tets, np.zeros((len(nodes), width)), adot, scale, chosen)
    terms = np.einsum("c,eidc,ced->c", np.abs(scale), np.abs(adot)[tets[chosen], :, :k], np.abs(weights)) / 4
    same(inner(e.transpose(1, 2, 0), weights.transpose(1, 2, 0)), inner(out, adot)[:k], terms)
    assert not out[..., k:].any()


@given(st.integers(0, 2**32), st.data())
@settings(max_examples=10, deadline=None)
def test_points_are_spread_as_they_are_interpolated(width, seed, data):
    rng = np.random.default_rng(seed)
    k, r, points = data.draw(st.integers(1, width)), int(rng.integers(4, 30)), int(rng.integers(0, 80))
    corners = rng.integers(r, size=(points, 4)).astype(np.int32)
    shares, scale = rng.dirichlet(np.ones(4), points).astype(np.float32), rng.normal(size=k)
    rows, weights = block(rng, r, 3, width), block(rng, k, points, 3)
    out = spread(weights, scale, shares, corners, r, width)
    values = np.full((k, points, 3), np.nan, np.float32)
    native.interpolate(rows, corners, shares, scale, values)
    ways = "c,pi,pidc,cpd->c"
    terms = np.einsum(ways, np.abs(scale), shares, np.abs(rows)[corners, :, :k], np.abs(weights))
    same(inner(values.transpose(1, 2, 0), weights.transpose(1, 2, 0)), inner(out, rows)[:k], terms)
    assert not out[..., k:].any()


@given(problems())
@settings(max_examples=10, deadline=None)
def test_nodal_flux_transposes_the_right_hand_side(width, problem):
    nodes, tets, sigma, rng = problem
    n = len(nodes)
    matrices = native.assemble(nodes, tets, sigma)
    indptr, indices, _, source = matrices
    adot, phi = block(rng, n, 3, width), rng.normal(size=(n, width))
    b = np.full((n, width), np.nan)
    native.right_hand_side(indptr, indices, source, adot, b)
    flux = nodal_flux(matrices, phi)
    row = np.repeat(np.arange(n), np.diff(indptr))
    both = np.abs(phi[row]) + np.abs(phi[indices])
    terms = np.einsum("sd,sdc,sc->c", np.abs(source), np.abs(adot[indices]), both)
    same(inner(b, phi), inner(adot, flux), terms)
    # By another way: what the elements around a node carry, −V/4 σ∇φ.
    volume, grad = p1.geometry(nodes, tets)
    exact, sizes = np.zeros_like(flux, float), np.zeros_like(flux, float)
    tensors = p1.as_tensors(sigma)
    carried = np.einsum("e,exy,eiy,eic->exc", -volume / 4, tensors, grad, phi[tets], optimize=True)
    most = np.einsum("e,exy,eiy,eic->exc", volume / 4, np.abs(tensors), np.abs(grad), np.abs(phi[tets]))
    for i in range(4):
        np.add.at(exact, tets[:, i], carried)
        np.add.at(sizes, tets[:, i], most)
    same(flux, exact, sizes, 4 * ROUNDING)  # of up to 24 neighbours, each rounded


def test_a_level_of_the_potential_makes_no_flux(width):
    """Nor does it cost digits: only differences count, and they are taken in float64."""
    mesh = sphere_mesh([70, 80], [1, 2], edge_mm=20)
    matrices = native.assemble(mesh.nodes_mm * 1e-3, mesh.tets, 0.1 * mesh.tags)
    phi = np.random.default_rng(2).integers(-999, 999, size=(mesh.n_nodes, width)) * 2.0**-10
    assert not nodal_flux(matrices, np.full_like(phi, 1e9)).any()
    np.testing.assert_array_equal(nodal_flux(matrices, phi + 2.0**30), nodal_flux(matrices, phi))


@given(problems(), st.booleans(), st.data())
@settings(max_examples=10, deadline=None)
def test_recovered_loads_and_rates_transpose_recovery(width, problem, coupled, data):
    nodes, tets, sigma, rng = problem
    n, count = len(nodes), data.draw(st.sampled_from([1, len(tets)]))
    chosen = rng.integers(len(tets), size=count).astype(np.int32)
    op = built(nodes, tets, rng.integers(1, 4, len(tets)), sigma, chosen, coupled)
    phi, adot = rng.normal(size=(n, width)), block(rng, n, 3, width)
    g = block(rng, len(op["node"]), 3, width)
    b, a = recovered_loads(op, g, n), recovered_rates(op, g, n)
    row = np.repeat(np.arange(len(g)), np.diff(op["indptr"]))
    w, size = np.abs(op["weights"]), np.abs(g)
    drops = np.abs(phi[op["indices"]] - phi[op["node"]][row])
    of_phi = np.einsum("sd,sdc,sc->c", w, size[row], drops)
    same(inner(recover(op, phi, None), g), inner(b, phi), of_phi)
    of_rates = np.einsum("rij,rjc,ric->c", np.abs(op["rate"]), np.abs(adot[op["node"]]), size)
    same(inner(recover(op, np.zeros_like(phi), adot), g), inner(adot, a), of_rates)
    same(b.sum(axis=0), 0, 2 * np.einsum("sd,sdc->c", w, size[row]), 1e-12)
    matrix = [csr_array((v, op["indices"], op["indptr"]), (len(g), n)) for v in op["weights"].T.astype(float)]
    exact = -sum(m.T @ g[:, d] for d, m in enumerate(matrix))
    for d, m in enumerate(matrix):
        np.add.at(exact, op["node"], m.sum(axis=1)[:, None] * g[:, d])
    same(b, exact, np.abs(b).max(axis=0) + of_phi.max(), 1e-11)


def everything(head, weights, phi, adot, scale):
    """Every transposed loop, and every field with and without ∂A/∂t, of one block."""
    nodes, tets, matrices, op, chosen, shares, volumes = head
    n, width, k, count = len(nodes), phi.shape[1], len(scale), len(chosen)
    results = [electric_field(nodes, tets, phi, a, scale, chosen) for a in (adot, None)]
    results.append(element_loads(nodes, tets, weights, scale, chosen, width))
    results.append(spread(weights, scale, shares, op["corner"], len(op["node"]), width))
    results += [recovered_loads(op, results[-1], n), recovered_rates(op, results[-1], n)]
    results += [spread(weights, scale, None, tets[chosen], n, width), nodal_flux(matrices, phi)]
    for a in (adot, None):
        rows = recover(op, phi, a)
        out = np.full((k, count, 3), np.nan, np.float32)
        error, sums = np.full((k, count), np.nan, np.float32), np.full((2, width), np.nan)
        places = nodes, tets, phi, a, chosen, volumes, op["corner"], rows
        native.recovered_field(*places, scale, out, error, sums)
        results += [rows, out, error, sums]
    return results


@pytest.fixture(scope="module")
def head(each_device):
    mesh = sphere_mesh([70, 80], [1, 2], edge_mm=12)
    nodes, tets, rng = mesh.nodes_mm * 1e-3, mesh.tets, np.random.default_rng(0)
    sigma = np.linspace(1, 2, len(tets))
    chosen = rng.permutation(len(tets))[: len(tets) // 2].astype(np.int32)
    op = built(nodes, tets, mesh.tags, sigma, chosen)
    shares = rng.dirichlet(np.ones(4), len(chosen)).astype(np.float32)
    volumes = mesh.volumes_mm3()[chosen]
    return nodes, tets, native.assemble(nodes, tets, sigma), op, chosen, shares, volumes


def blocks(head, width, k):
    rng = np.random.default_rng(1)
    n, count = len(head[0]), len(head[4])
    phi, adot = rng.normal(size=(n, 64)), block(rng, n, 3, 64)
    weights, scale = block(rng, 64, count, 3), rng.normal(size=64)
    return weights[:k], *(np.ascontiguousarray(x[..., :width]) for x in (phi, adot)), scale[:k]


def test_the_same_bits_for_any_number_of_threads(head):
    results = []
    before = native.max_threads()
    try:
        for threads in (1, 2, 3):
            native.set_threads(threads)
            results.append(everything(head, *blocks(head, 8, 7)))
    finally:
        native.set_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_column_gets_the_same_bits_in_a_block_of_any_width(head, width):
    wide = everything(head, *blocks(head, width, width))
    for c in {0, width // 2, width - 1}:
        weights, phi, adot, scale = blocks(head, 64, 64)
        one = weights[[c]], *(np.ascontiguousarray(x[..., [c]]) for x in (phi, adot)), scale[[c]]
        for a, b in zip(wide, everything(head, *one), strict=True):
            first = len(b) == 1  # a pose a row, or a column
            np.testing.assert_array_equal(a[[c]] if first else a[..., [c]], b)


def test_fields_without_rates_are_those_of_rates_that_are_zero(head, width):
    weights, phi, adot, scale = blocks(head, width, width)
    results = everything(head, weights, phi, np.zeros_like(adot), scale)
    np.testing.assert_array_equal(results[0], results[1])
    of_rates, without = results[-8:-4], results[-4:]
    for a, b in zip(of_rates, without, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.abs(results[1]).max() > 1, "of a potential there is a field"


def test_nothing_weighs_nothing(head, width):
    """No element and no pose: columns that none fills are zero, whatever was there."""
    nodes, tets = head[:2]
    none = np.empty(0, np.int32)
    assert not element_loads(nodes, tets, np.empty((1, 0, 3), np.float32), np.ones(1), none, width).any()
    weights = np.empty((0, len(tets), 3), np.float32)
    assert not element_loads(nodes, tets, weights, np.empty(0), None, width).any()
    assert not spread(weights, np.empty(0), None, tets, len(nodes), width).any()

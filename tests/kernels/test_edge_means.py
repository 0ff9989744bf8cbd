# SPDX-License-Identifier: BSD-3-Clause
"""Means of ∂A/∂t over tetrahedra by edges: right-hand sides, E, their transposes, quadratic elements."""

import numpy as np
import pytest
from devices import native
from given import p1
from given.comparisons import close, same_bits
from given.p2 import ENDS, Elements
from given.random_meshes import problems, random_mesh, right_hand_side, widths
from given.recovered import built
from hypothesis import given, settings
from hypothesis import strategies as st

from headfield.core import _cpu

pytestmark = pytest.mark.usefixtures("each_device")

SINGLE = 2.0**-24
CHOICES = {
    "linear": lambda rng, count: np.zeros(count, bool),
    "quadratic": lambda rng, count: np.ones(count, bool),
    "mixed": lambda rng, count: rng.random(count) < 0.5,
}


def block(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def whitney_means(nodes, tets, adot):
    """Means (m, 3) of the lowest edge elements: Σ ∫ Ȧ·dl times the mean of λ_p∇λ_q − λ_q∇λ_p over edges."""
    grad = p1.geometry(nodes, tets)[1]
    total = np.zeros((len(tets), 3))
    for p, q in ENDS:
        ends = tets[:, p], tets[:, q]
        along = 0.5 * ((adot[ends[0]] + adot[ends[1]]) * (nodes[ends[1]] - nodes[ends[0]])).sum(axis=1)
        total += along[:, None] * 0.25 * (grad[:, q] - grad[:, p])
    return total


def sizes_of(nodes, tets, adot):
    """What float32 rounds in such a mean: (m, 3)."""
    grad, at = np.abs(p1.geometry(nodes, tets)[1]), nodes[tets] - nodes[tets].mean(axis=1, keepdims=True)
    along = np.einsum("eid,eid->ei", np.abs(at), np.abs(adot)[tets])
    total = (along[:, :1] + along[:, 1:])[:, None, :] @ grad[:, 1:]
    return np.abs(adot)[tets].sum(axis=1) + total[:, 0]


def rounding(matrices, adot):
    """What b (n,) may be off by, as S is rounded to float32, and a gradient may be."""
    indptr, indices, _, source = matrices
    terms = (np.abs(source) * np.abs(adot[indices])).sum(axis=1, dtype=float)
    return 2 * SINGLE * np.bincount(np.repeat(np.arange(len(adot)), np.diff(indptr)), terms, len(adot))


def quadratic(rng):
    """A quadratic χ: values and gradients at places (n, 3), m."""
    a, b = rng.normal(size=(3, 3)), rng.normal(size=3)
    return lambda x: np.einsum("ni,ij,nj->n", x, a, x) + 0.1 * x @ b, lambda x: x @ (a + a.T) + 0.1 * b


def electric_field(nodes, tets, phi, adot, scale, chosen=None):
    out = np.full((len(scale), len(tets) if chosen is None else len(chosen), 3), np.nan, np.float32)
    native.electric_field(nodes, tets, phi, adot, scale, chosen, out, True)
    return out


def corners(tets, chosen, n):
    some = tets if chosen is None else tets[chosen]
    return native.transposed(np.arange(0, some.size + 1, 4, dtype=np.int32), some.ravel(), n)


def edge_shares(nodes, tets, weights, scale, chosen, width):
    out = np.full((len(nodes), 3, width), np.nan, np.float32)
    native.edge_shares(nodes, tets, weights, scale, chosen, corners(tets, chosen, len(nodes)), out)
    return out


@given(problems(), widths())
@settings(max_examples=30, deadline=None)
def test_the_right_hand_side_is_that_of_edge_elements(problem, width):
    nodes, tets, sigma, rng = problem
    adot = block(rng, len(nodes), 3, width)
    made, usual = native.assemble(nodes, tets, sigma, True), native.assemble(nodes, tets, sigma)
    for one, other in zip(made[:3], usual[:3], strict=True):
        np.testing.assert_array_equal(one, other)
    volume, grad = p1.geometry(nodes, tets)
    c = width // 2
    means = whitney_means(nodes, tets, adot[:, :, c].astype(float))
    flux = np.einsum("e,edc,ec->ed", volume, p1.as_tensors(sigma), means)
    wanted = np.zeros(len(nodes))
    np.add.at(wanted, tets, -np.einsum("eid,ed->ei", grad, flux))
    assert (np.abs(right_hand_side(made, adot)[:, c] - wanted) <= rounding(made, adot[:, :, c])).all()


@given(problems(), widths(), st.data())
@settings(max_examples=30, deadline=None)
def test_the_electric_field_is_that_of_edge_elements(problem, width, data):
    nodes, tets, _, rng = problem
    k = data.draw(st.integers(1, width))
    phi, adot, scale = (
        rng.normal(size=(len(nodes), width)),
        block(rng, len(nodes), 3, width),
        rng.normal(size=k),
    )
    out = electric_field(nodes, tets, phi, adot, scale)
    grad = p1.geometry(nodes, tets)[1]
    for c in range(k):
        rate = adot[:, :, c].astype(float)
        exact = -np.einsum("eid,ei->ed", grad, phi[tets, c]) - whitney_means(nodes, tets, rate)
        drops = np.abs(phi[tets[:, 1:], c] - phi[tets[:, :1], c])
        terms = np.einsum("eid,ei->ed", np.abs(grad[:, 1:]), drops) + sizes_of(nodes, tets, rate)
        assert (np.abs(out[c] - scale[c] * exact) <= 8 * SINGLE * abs(scale[c]) * terms).all()
    chosen = rng.integers(len(tets), size=2 * len(tets)).astype(np.int32)
    np.testing.assert_array_equal(electric_field(nodes, tets, phi, adot, scale, chosen), out[:, chosen])


@given(problems(), widths())
@settings(max_examples=20, deadline=None)
def test_without_rates_both_means_have_the_same_bits(problem, width):
    nodes, tets, _, rng = problem
    phi, scale = rng.normal(size=(len(nodes), width)), rng.normal(size=width)
    usual = np.full((width, len(tets), 3), np.nan, np.float32)
    native.electric_field(nodes, tets, phi, None, scale, None, usual)
    np.testing.assert_array_equal(electric_field(nodes, tets, phi, None, scale), usual)


@given(problems(), widths())
@settings(max_examples=20, deadline=None)
def test_a_uniform_rate_is_its_own_mean(problem, width):
    """Σ_j W_j = 1: of a uniform Ȧ both rules leave what it is."""
    nodes, tets, sigma, rng = problem
    adot = np.broadcast_to(block(rng, 3, width), (len(nodes), 3, width)).copy()
    e = electric_field(nodes, tets, np.zeros((len(nodes), width)), adot, np.ones(width))
    sizes = sizes_of(nodes, tets, adot[:, :, 0].astype(float)).max()
    np.testing.assert_allclose(e, np.broadcast_to(-adot[0].T[:, None], e.shape), atol=20 * SINGLE * sizes)
    both = [native.assemble(nodes, tets, sigma, edges) for edges in (True, False)]
    one, other = (right_hand_side(made, adot) for made in both)
    sizes = sum(rounding(made, adot[:, :, 0]) for made in both)
    assert (np.abs(one - other)[:, 0] <= sizes).all()


@given(problems())
@settings(max_examples=20, deadline=None)
def test_the_gradient_of_a_quadratic_function_induces_nothing(problem):
    """Its right-hand side is that of the potential −χ, and E of that potential is zero."""
    nodes, tets, sigma, rng = problem
    value, slope = quadratic(rng)
    chi, adot = value(nodes)[:, None], slope(nodes).astype(np.float32)[:, :, None]
    e = electric_field(nodes, tets, -chi, adot, np.ones(1))[0]
    grad = np.abs(p1.geometry(nodes, tets)[1])
    drops = np.abs(chi[tets[:, 1:], 0] - chi[tets[:, :1], 0])
    terms = np.einsum("eid,ei->ed", grad[:, 1:], drops) + sizes_of(nodes, tets, adot[:, :, 0].astype(float))
    assert (np.abs(e) <= 8 * SINGLE * terms).all()
    assert np.abs(p1.field(nodes, tets, -chi[:, 0], adot[:, :, 0])).max() > 1e-3, (
        "the mean of nodes leaves some"
    )
    made = native.assemble(nodes, tets, sigma, True)
    wanted = -(p1.stiffness(nodes, tets, sigma) @ chi)
    off = right_hand_side(made, adot) - wanted
    assert (np.abs(off)[:, 0] <= 2 * rounding(made, adot[:, :, 0])).all()


@given(problems(), widths(), st.data())
@settings(max_examples=20, deadline=None)
def test_edge_shares_transpose_the_electric_field(problem, width, data):
    nodes, tets, _, rng = problem
    k = data.draw(st.integers(1, width))
    some = rng.integers(len(tets), size=len(tets)).astype(np.int32)  # in any order, with repetitions
    chosen = data.draw(st.sampled_from([None, some, some[:1]]))
    of = tets if chosen is None else tets[chosen]
    scale, adot, weights = rng.normal(size=k), block(rng, len(nodes), 3, width), block(rng, k, len(of), 3)
    out = edge_shares(nodes, tets, weights, -scale, chosen, width)
    e = electric_field(nodes, tets, np.zeros((len(nodes), width)), adot, scale, chosen)
    for c in range(k):
        terms = (
            np.abs(scale[c]) * (sizes_of(nodes, of, adot[:, :, c].astype(float)) * np.abs(weights[c])).sum()
        )
        one, other = (e[c].astype(float) * weights[c]).sum(), (out[..., c].astype(float) * adot[..., c]).sum()
        assert abs(one - other) <= 32 * SINGLE * terms
    assert not out[..., k:].any()


@given(problems(), widths())
@settings(max_examples=20, deadline=None)
def test_nodal_flux_transposes_the_right_hand_side(problem, width):
    nodes, tets, sigma, rng = problem
    indptr, indices, _, source = made = native.assemble(nodes, tets, sigma, True)
    adot, psi = block(rng, len(nodes), 3, width), rng.normal(size=(len(nodes), width))
    flux = np.full((len(nodes), 3, width), np.nan, np.float32)
    native.nodal_flux(native.transposed(indptr, indices, len(nodes)), source, psi, flux)
    b = right_hand_side(made, adot)
    row = np.repeat(np.arange(len(nodes)), np.diff(indptr))
    terms = np.einsum("sd,sdc,sc->c", np.abs(source), np.abs(adot[indices]), np.abs(psi[row]))
    terms += np.einsum("sd,sdc,sc->c", np.abs(source), np.abs(adot[indices]), np.abs(psi[indices]))
    off = (b * psi).sum(axis=0) - (flux.astype(float) * adot).sum(axis=(0, 1))
    assert (np.abs(off) <= 16 * SINGLE * terms).all()


@given(problems(tensor=False), widths())
@settings(max_examples=10, deadline=None)
def test_recovered_fields_are_compared_with_that_of_edges(problem, width):
    """E* less E: the mean over each element of its square, E by edges, and E* itself by nodes as ever."""
    nodes, tets, sigma, rng = problem
    chosen = np.arange(len(tets), dtype=np.int32)
    op = built(nodes, tets, np.ones(len(tets)), sigma, chosen)
    phi, adot = rng.normal(size=(len(nodes), width)), block(rng, len(nodes), 3, width)
    rows = np.full((len(op["node"]), 3, width), np.nan, np.float32)
    native.recover(*[op[n] for n in ("indptr", "indices", "weights", "node", "rate")], phi, adot, rows)
    volumes, found = p1.geometry(nodes, tets)[0], {}
    for edges in (True, False):
        out, error = np.empty((width, len(tets), 3), np.float32), np.empty((width, len(tets)), np.float32)
        sums = np.empty((2, width))
        places = nodes, tets, phi, adot, chosen, volumes, op["corner"], rows
        native.recovered_field(*places, np.ones(width), out, error, sums, edges)
        found[edges] = out, error, sums
    np.testing.assert_array_equal(found[True][0], found[False][0])
    linear = electric_field(nodes, tets, phi, adot, np.ones(width)).astype(float)
    off = rows[op["corner"]].transpose(3, 0, 1, 2).astype(float) - linear[:, :, None]
    squares = ((off**2).sum(axis=(2, 3)) + (off.sum(axis=2) ** 2).sum(axis=2)) / 20.0
    assert close(found[True][1].astype(float), np.sqrt(squares), 1e-5)
    assert close(found[True][2][0], squares @ volumes, 1e-5)


def test_a_column_gets_the_same_bits_in_a_block_of_any_width():
    """Every loop by edges, in each width that was compiled."""
    rng = np.random.default_rng(3)
    nodes, tets = random_mesh(rng, 40)
    n, count, most = len(nodes), len(tets), max(native.widths)
    op = built(nodes, tets, np.ones(count), np.ones(count), np.arange(count, dtype=np.int32))
    phi, adot, weights = rng.normal(size=(n, most)), block(rng, n, 3, most), block(rng, most, count, 3)
    rows, found = block(rng, len(op["node"]), 3, most), {}
    for width in native.widths:
        some = [np.ascontiguousarray(x[..., most - width :]) for x in (phi, adot, rows)]
        one, last = np.ones(width), np.ascontiguousarray(weights[most - width :])
        out, error = np.empty((width, count, 3), np.float32), np.empty((width, count), np.float32)
        sums = np.empty((2, width))
        places = np.arange(count, dtype=np.int32), np.ones(count), op["corner"]
        native.recovered_field(nodes, tets, *some[:2], *places, some[2], one, out, error, sums, True)
        e = electric_field(nodes, tets, *some[:2], one)
        shares = edge_shares(nodes, tets, last, one, None, width)
        found[width] = e[-1], shares[..., -1], error[-1], sums[:, -1]
    for made in found.values():
        for values, wanted in zip(made, found[most], strict=True):
            same_bits(values, wanted)


@pytest.mark.parametrize("choice", CHOICES)
@given(problems())
@settings(max_examples=10, deadline=None)
def test_no_gradient_of_a_quadratic_function_drives_quadratic_elements(choice, problem):
    """S Ȧ = K χ, whichever edges the potential is quadratic along."""
    nodes, tets, sigma, rng = problem
    elements = Elements(nodes, tets, CHOICES[choice], rng)
    value, slope = quadratic(rng)
    adot = slope(elements.places).astype(np.float32)[:, :, None]
    made = _cpu.assemble_quadratic(elements.places, elements.unknowns, sigma, True)
    wanted = -(elements.assembled(sigma)[0] @ value(elements.places)[:, None])
    off = right_hand_side(made, adot) - wanted
    assert (np.abs(off)[:, 0] <= 2 * rounding(made, adot[:, :, 0])).all()
    usual = _cpu.assemble_quadratic(elements.places, elements.unknowns, sigma)
    for one, other in zip(made[:3], usual[:3], strict=True):
        np.testing.assert_array_equal(one, other)
    if elements.middle.all():
        np.testing.assert_array_equal(made[3], usual[3])


@given(problems())
@settings(max_examples=10, deadline=None)
def test_elements_that_are_linear_along_all_edges_have_the_matrix_of_linear_ones(problem):
    nodes, tets, sigma, _ = problem
    unknowns = np.concatenate([tets, np.full((len(tets), 6), -1, np.int32)], axis=1)
    one, other = (
        _cpu.assemble_quadratic(nodes, unknowns, sigma, True),
        _cpu.assemble(nodes, tets, sigma, True),
    )
    np.testing.assert_array_equal(one[1], other[1])
    np.testing.assert_allclose(one[3], other[3], rtol=1e-6, atol=1e-6 * np.abs(other[3]).max())

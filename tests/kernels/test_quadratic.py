# SPDX-License-Identifier: BSD-3-Clause
"""Matrices of quadratic elements, and operators that sample their fields, against closed forms in NumPy."""

import functools
import itertools

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from given import p1
from given.comparisons import same_bits
from given.p2 import ENDS, Elements
from given.random_meshes import problems, random_mesh, random_tensors
from given.systems import run
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headfield import sphere_mesh
from headfield.core import _cpu

SINGLE = 2.0**-23  # of float32
CHOICES = {
    "none": lambda rng, count: np.zeros(count, bool),
    "all": lambda rng, count: np.ones(count, bool),
    "some": lambda rng, count: rng.random(count) < rng.random(),
}
chosen = st.sampled_from(list(CHOICES))


def matrices(elements, sigma):
    """Stiffness (N, N) and sources (3 of (N, N)) of the kernel."""
    indptr, indices, stiffness, source = _cpu.assemble_quadratic(elements.places, elements.unknowns, sigma)
    assert indptr.dtype == indices.dtype == np.int32
    assert stiffness.dtype == np.float64
    assert source.dtype == np.float32
    shape = (len(elements), len(elements))
    made = [sp.csr_array((v, indices, indptr), shape) for v in (stiffness, *source.T.astype(float))]
    assert all((np.diff(indices[a:b]) > 0).all() for a, b in itertools.pairwise(indptr))
    return made[0], made[1:]


def columns(samples, n):
    """Gradients (3 of (r, n)) and shares (r, n) of a sampling operator."""
    indptr, indices, gradients, shares = samples
    shape = (len(indptr) - 1, n)  # SciPy puts columns in order where they are
    return [sp.csr_array((v.astype(float), indices.copy(), indptr), shape) for v in (*gradients.T, shares)]


def sampled(elements, ptr, at, barycentric, weight):
    return columns(
        _cpu.sampling(elements.places, elements.unknowns, ptr, at, barycentric, weight), len(elements)
    )


def quadratic(rng):
    """A quadratic function: its values and gradients at points (p, 3)."""
    a, b, c = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal()
    return (
        lambda x: 10.0 * np.einsum("pi,ij,pj->p", x, a, x) + x @ b + 0.1 * c,
        lambda x: 10.0 * x @ (a + a.T) + b,
    )


@pytest.mark.parametrize("choice", CHOICES)
@given(problems())
@settings(max_examples=10, deadline=None)
def test_matrices_are_those_of_closed_forms(choice, problem):
    nodes, tets, sigma, rng = problem
    elements = Elements(nodes, tets, CHOICES[choice], rng)
    (k, s), (k_wanted, s_wanted) = matrices(elements, sigma), elements.assembled(sigma)
    # The diagonal is a sum of terms that are not negative, of the size of those that a row adds up.
    size = np.sqrt(k_wanted.diagonal() + 1e-300)
    off = (k - k_wanted).tocoo()
    assert (np.abs(off.data) <= 1e-11 * size[off.row] * size[off.col]).all()
    assert abs(k - k.T).sum() <= 1e-14 * abs(k).sum()
    for one, wanted in zip(s, s_wanted, strict=True):
        assert abs(one - wanted).max() <= 2 * SINGLE * max(abs(m).max() for m in s_wanted)


@given(problems())
@settings(max_examples=10, deadline=None)
def test_linear_elements_have_the_matrix_of_linear_elements(problem):
    nodes, tets, sigma, _ = problem
    unknowns = np.concatenate([tets, np.full((len(tets), 6), -1, np.int32)], axis=1)
    for one, other in zip(
        _cpu.assemble_quadratic(nodes, unknowns, sigma), _cpu.assemble(nodes, tets, sigma), strict=True
    ):
        assert one.dtype == other.dtype
        if one.dtype == np.int32:
            np.testing.assert_array_equal(one, other)
        else:
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-12 * np.abs(other).max())


@given(problems(), chosen)
@settings(max_examples=10, deadline=None)
def test_a_constant_potential_drives_no_current(problem, choice):
    nodes, tets, sigma, rng = problem
    elements = Elements(nodes, tets, CHOICES[choice], rng)
    k = matrices(elements, sigma)[0]
    assert (np.abs(k.sum(axis=1)) <= 1e-12 * abs(k).sum(axis=1)).all()
    assert np.linalg.eigvalsh(k.toarray()).min() >= -1e-11 * abs(k).max()


@given(problems(), st.booleans())
@settings(max_examples=10, deadline=None)
def test_energy_and_sources_of_quadratic_functions_are_exact(problem, all_edges):
    """φᵀKφ = ∫ ∇φ·σ∇φ and φᵀSȦ = ∫ ∇φ·σȦ, of quadratic φ and Ȧ; both linear where elements are."""
    nodes, tets, sigma, rng = problem
    elements = Elements(nodes, tets, CHOICES["all" if all_edges else "none"], rng)
    k, s = matrices(elements, sigma)
    rates = [quadratic(rng) for _ in range(3)]
    value, gradient = quadratic(rng)
    if not all_edges:
        slopes = rng.normal(size=(4, 3))
        value, gradient = (lambda x: x @ slopes[3]), lambda x: np.broadcast_to(slopes[3], x.shape)
        rates = [(functools.partial(np.dot, b=slope), None) for slope in slopes[:3]]
    # A rule for cubics: the middle of each tetrahedron, its corners, and those of its faces.
    corners = nodes[tets]
    volume = p1.geometry(nodes, tets)[0]
    faces = np.stack([corners[:, [1, 2, 3]], corners[:, [0, 2, 3]], corners[:, [0, 1, 3]], corners[:, :3]], 1)
    at = np.concatenate([corners, faces.mean(axis=2)], axis=1)
    weights = np.concatenate([np.full(4, 1 / 40), np.full(4, 9 / 40)])
    slope = gradient(at.reshape(-1, 3)).reshape(at.shape)
    flux = np.einsum("e,p,edc,epc->epd", volume, weights, p1.as_tensors(sigma), slope)
    rate = np.stack([f(at.reshape(-1, 3)).reshape(at.shape[:2]) for f, _ in rates], axis=2)
    phi = value(elements.places)
    power = phi @ (k @ phi)
    assert power == pytest.approx(np.einsum("epd,epd->", flux, slope), rel=1e-8)
    driven = sum(phi @ (part @ f(elements.places)) for part, (f, _) in zip(s, rates, strict=True))
    size = np.abs(flux * rate).sum() + np.abs(phi).max() * sum(abs(part).sum() for part in s) * 1e-2
    assert abs(driven - np.einsum("epd,epd->", flux, rate)) <= 1e-5 * size


def test_quadratic_potentials_pass_the_patch_test():
    """A potential with ∇·σ∇φ = 0, held on the outside, is solved for exactly inside."""
    rng = np.random.default_rng(1)
    nodes, tets = random_mesh(rng, 60)
    elements = Elements(nodes, tets, CHOICES["all"], rng)
    tensor = random_tensors(rng, np.ones(1))[0]
    a = rng.normal(size=(3, 3))
    a = a + a.T
    a -= np.sum(tensor * a) / np.sum(tensor * tensor) * tensor  # then tr(σa) = 0
    k = matrices(elements, np.repeat(tensor[None], len(tets), axis=0))[0]
    phi = np.einsum("pi,ij,pj->p", elements.places, a, elements.places) + elements.places @ rng.normal(size=3)
    outer = np.zeros(len(elements), bool)
    faces = np.sort(tets[:, [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]].reshape(-1, 3), axis=1)
    faces, count = np.unique(faces, axis=0, return_counts=True)
    sides = {tuple(pair) for face in faces[count == 1] for pair in face[[[0, 1], [0, 2], [1, 2]]]}
    outer[elements.of_nodes[np.unique(faces[count == 1])]] = True
    on_outside = np.array([tuple(pair) in sides for pair in elements.ends])
    outer[elements.of_edges[on_outside]] = True
    free = ~outer
    free[elements.of_nodes[np.setdiff1d(np.arange(len(nodes)), tets)]] = False
    assert free.sum() > 30
    found = spla.spsolve(k[free][:, free].tocsc(), -k[free][:, outer] @ phi[outer])
    np.testing.assert_allclose(found, phi[free], atol=1e-9 * np.abs(phi).max())


@given(problems(), chosen, st.integers(0, 30))
@example((np.eye(4, 3), np.array([[3, 0, 1, 2]], np.int32), np.ones(1), np.random.default_rng(0)), "all", 1)
@settings(max_examples=20, deadline=None)
def test_samples_are_weighted_sums_of_values_and_gradients(problem, choice, rows):
    nodes, tets, _, rng = problem
    elements = Elements(nodes, tets, CHOICES[choice], rng)
    counts = rng.integers(0, 5, rows)
    ptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    at = rng.integers(len(tets), size=ptr[-1]).astype(np.int32)
    barycentric, weight = rng.dirichlet(np.ones(4), len(at)), rng.normal(size=len(at))
    *gradients, shares = sampled(elements, ptr, at, barycentric, weight)
    value, slope = elements.values(at, barycentric)
    row, n = np.repeat(np.arange(rows), counts), len(elements)
    there = elements.unknowns[at] >= 0
    pairs = np.repeat(row[:, None], 10, axis=1)[there], elements.unknowns[at][there]
    for found, wanted in zip([shares, *gradients], [value, *np.moveaxis(slope, 2, 0)], strict=True):
        terms = (weight[:, None] * wanted)[there]
        exact = sp.csr_array((terms, pairs), shape=(rows, n))
        size = sp.csr_array((np.abs(terms), pairs), shape=(rows, n))
        top = np.abs(weight[:, None, None] * slope).sum() if found is not shares else 0.0
        assert (abs(found - exact).toarray() <= 2 * SINGLE * size.toarray() + 1e-10 * top + 1e-12).all()


@given(problems(), st.integers(1, 20))
@settings(max_examples=10, deadline=None)
def test_samples_of_quadratic_functions_are_exact(problem, points):
    nodes, tets, _, rng = problem
    elements = Elements(nodes, tets, CHOICES["all"], rng)
    value, gradient = quadratic(rng)
    at = rng.integers(len(tets), size=points).astype(np.int32)
    barycentric = rng.dirichlet(np.ones(4), points)
    *gradients, shares = sampled(
        elements, np.arange(points + 1, dtype=np.int32), at, barycentric, np.ones(points)
    )
    x, phi = np.einsum("pi,pid->pd", barycentric, nodes[tets[at]]), value(elements.places)
    np.testing.assert_allclose(shares @ phi, value(x), atol=1e-6 * np.abs(phi).max() * 10)
    sizes = np.stack([abs(g) @ np.abs(phi) for g in gradients], axis=1)
    found = np.stack([g @ phi for g in gradients], axis=1)
    assert (np.abs(found - gradient(x)) <= 2 * SINGLE * sizes + 1e-9).all()


@given(problems(), chosen)
@settings(max_examples=10, deadline=None)
def test_columns_of_a_row_are_merged_and_its_gradients_add_up_to_zero(problem, choice):
    nodes, tets, _, rng = problem
    elements, m = Elements(nodes, tets, CHOICES[choice], rng), len(tets)
    ptr = np.array([0, m, m], np.int32)
    indptr, indices, gradients, shares = _cpu.sampling(
        elements.places,
        elements.unknowns,
        ptr,
        np.arange(m, dtype=np.int32),
        rng.dirichlet(np.ones(4), m),
        np.full(m, 1.0 / m),
    )
    assert indptr.tolist() == [0, len(indices), len(indices)], "the second row is empty"
    assert len(np.unique(indices)) == len(indices)
    assert shares.sum(dtype=float) == pytest.approx(1.0, abs=1e-5)
    sizes = np.abs(gradients).sum(axis=0, dtype=float) + 1e-30
    assert (np.abs(gradients.sum(axis=0, dtype=float)) <= 2 * SINGLE * sizes).all()


@functools.cache
def ball():
    mesh = sphere_mesh([60, 70, 80], [2, 4, 5], edge_mm=17)
    rng = np.random.default_rng(0)
    elements = Elements(mesh.nodes_mm * 1e-3, mesh.tets, CHOICES["all"], rng)
    return elements, np.array([np.nan, np.nan, 0.3, np.nan, 0.01, 0.5])[mesh.tags]


def test_any_number_of_threads_gives_the_same_bits():
    elements, sigma = ball()
    rng, m, before, made = np.random.default_rng(0), len(elements.tets), _cpu.max_threads(), []
    ptr, weights = np.arange(0, m + 1, dtype=np.int32), rng.normal(size=m)
    barycentric = rng.dirichlet(np.ones(4), m)
    try:
        for threads in (1, 2, 3):
            _cpu.set_threads(threads)
            at = np.arange(m, dtype=np.int32)
            made.append(
                [
                    *_cpu.assemble_quadratic(elements.places, elements.unknowns, sigma),
                    *_cpu.sampling(elements.places, elements.unknowns, ptr, at, barycentric, weights),
                ]
            )
    finally:
        _cpu.set_threads(before)
    for other in made[1:]:
        for one, two in zip(made[0], other, strict=True):
            same_bits(one, two)


def linear_to_quadratic(elements, fixed):
    """The prolongation from linear elements: (pointer, columns, values, how many columns)."""
    n, q = len(elements.of_nodes), int(elements.middle.sum())
    ends = elements.ends[elements.middle]
    row = np.concatenate([elements.of_nodes, np.repeat(elements.of_edges[elements.middle], 2)])
    value = np.concatenate([np.ones(n), np.full(2 * q, 0.5)])
    column = np.concatenate([np.arange(n), ends.ravel()])
    p = sp.csr_array((value, (row, column)), shape=(len(elements), n))
    free = ~fixed[elements.of_nodes]
    p = sp.csr_array(sp.diags_array((~fixed).astype(float)) @ p.tocsc()[:, free])
    p.eliminate_zeros()
    p.sort_indices()
    return p.indptr.astype(np.int32), p.indices.astype(np.int32), p.data, int(free.sum())


@pytest.mark.parametrize("held", ["one node", "outer surface", "half"])
def test_multigrid_from_linear_elements_solves_quadratic_ones(held):
    elements, sigma = ball()
    fixed = {
        "one node": np.arange(len(elements)) == elements.of_nodes[7],
        "outer surface": np.linalg.norm(elements.places, axis=1) > 0.0785,
        "half": elements.places[:, 0] > 0.0,
    }[held]
    matrix = _cpu.assemble_quadratic(elements.places, elements.unknowns, sigma)[:3]
    given_one, by_aggregates = (
        _cpu.Hierarchy(*matrix, fixed, 0.04, p) for p in (linear_to_quadratic(elements, fixed), None)
    )
    assert given_one.levels[1][0] == (~fixed[elements.of_nodes]).sum()
    rng, indices = np.random.default_rng(0), matrix[:2]
    k = sp.csr_array((matrix[2], indices[1], indices[0]), shape=(len(elements), len(elements)))
    b = k @ rng.normal(size=(len(elements), 4))
    phi, reports = run(_cpu.Solver(given_one, 4), b, 1e-5, 50)
    aggregated = run(_cpu.Solver(by_aggregates, 4), b, 1e-5, 50)[1]
    assert all(r.converged for r in reports)
    assert max(r.iterations for r in reports) <= 10
    assert max(r.iterations for r in reports) <= max(r.iterations for r in aggregated)
    assert not phi[fixed].any()
    left = (b - k @ phi)[~fixed]
    assert (np.linalg.norm(left, axis=0) <= 1.05e-5 * np.linalg.norm(b[~fixed], axis=0)).all()


def test_few_quadratic_elements_among_many_are_coarsened_by_aggregates():
    """What takes linear elements to them is nearly square: its level would be no smaller."""
    mesh = sphere_mesh([60, 70, 80], [2, 4, 5], edge_mm=9)
    rng = np.random.default_rng(0)
    elements = Elements(mesh.nodes_mm * 1e-3, mesh.tets, lambda rng, count: rng.random(count) < 0.01, rng)
    sigma = np.array([np.nan, np.nan, 0.3, np.nan, 0.01, 0.5])[mesh.tags]
    indptr, indices, values, _ = _cpu.assemble_quadratic(elements.places, elements.unknowns, sigma)
    fixed = np.arange(len(elements)) == elements.of_nodes[7]
    hierarchy = _cpu.Hierarchy(indptr, indices, values, fixed, 0.04, linear_to_quadratic(elements, fixed))
    assert len(elements) > 4000, "too many rows to invert the matrix as it is"
    assert len(hierarchy.levels) > 1
    b = sp.csr_array((values, indices, indptr)) @ rng.normal(size=(len(elements), 4))
    reports = run(_cpu.Solver(hierarchy, 4), b, 1e-5, 100)[1]
    assert max(r.iterations for r in reports) <= 14


def spoilt(p, **changes):
    parts = dict(zip(("pointer", "columns", "values", "count"), p, strict=True)) | changes
    return tuple(parts.values())


WRONG = {
    "too few rows": lambda p: spoilt(p, pointer=p[0][:-1].copy()),
    "a pointer that descends": lambda p: spoilt(p, pointer=np.r_[p[0][:1], p[0][-1], p[0][2:]]),
    "a pointer that ends early": lambda p: spoilt(p, pointer=np.minimum(p[0], p[0][-1] - 1)),
    "a pointer that starts late": lambda p: spoilt(p, pointer=np.maximum(p[0], 1)),
    "a column too many": lambda p: spoilt(p, columns=np.where(p[1] == p[1].max(), p[3], p[1])),
    "a negative column": lambda p: spoilt(p, columns=np.where(p[1] == 0, -1, p[1])),
    "too few values": lambda p: spoilt(p, values=p[2][:-1].copy()),
    "no columns": lambda p: spoilt(p, count=0),
    "a negative number of columns": lambda p: spoilt(p, count=-5),
}


@pytest.mark.parametrize("name", WRONG)
def test_prolongations_that_fit_no_matrix_are_refused(name):
    elements, sigma = ball()
    fixed = np.arange(len(elements)) == elements.of_nodes[7]
    matrix = _cpu.assemble_quadratic(elements.places, elements.unknowns, sigma)[:3]
    wrong = WRONG[name](linear_to_quadratic(elements, fixed))
    wrong = tuple(part.astype(np.int32) if i < 2 else part for i, part in enumerate(wrong))
    with pytest.raises(ValueError, match="prolongation"):
        _cpu.Hierarchy(*matrix, fixed, 0.04, wrong)


def test_ends_of_edges_are_those_of_the_mesh():
    """The order of edges in `unknowns`, which both sides of the tests above take to be this."""
    tets = np.array([[0, 1, 2, 3]], np.int32)
    ends, of = _cpu.mesh_edges(tets, 4)
    np.testing.assert_array_equal(ends[of[0]], ENDS)


# One linear element, as it is and sampled three times.
ONE = np.eye(4, 3), np.array([[3, 0, 1, 2, -1, -1, -1, -1, -1, -1]], np.int32)
THREE = np.zeros(3, np.int32), np.full((3, 4), 0.25), np.ones(3)


@pytest.mark.parametrize("ptr", [[], [0], [0, 2], [1, 3], [0, 3, 2, 3], [-1, 3], [0, 4], [0, 4, 3]])
def test_samples_that_rows_do_not_hold_once_each_are_refused(ptr):
    _cpu.sampling(*ONE, np.array([0, 1, 3], np.int32), *THREE)
    with pytest.raises(ValueError, match="ptr must ascend"):
        _cpu.sampling(*ONE, np.array(ptr, np.int32), *THREE)


def test_a_corner_without_an_unknown_is_refused():
    nodes, corner = ONE[0], ONE[1].copy()
    corner[0, 2] = -1
    with pytest.raises(ValueError, match="unknowns"):
        _cpu.assemble_quadratic(nodes, corner, np.ones(1))
    with pytest.raises(ValueError, match="unknowns"):
        _cpu.sampling(nodes, corner, np.array([0, 1, 3], np.int32), *THREE)
    with pytest.raises(ValueError, match="sigma must have shape"):
        _cpu.assemble_quadratic(*ONE, np.ones((1, 3, 2)))

# SPDX-License-Identifier: BSD-3-Clause
"""Native kernels against NumPy, on small random meshes."""

import numpy as np
import pytest
from devices import native
from given import p1
from given.comparisons import close
from given.random_meshes import WIDTHS, problems, random_poses, right_hand_side, widths
from given.sources import sources
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from headfield import sphere_mesh

pytestmark = pytest.mark.usefixtures("each_device")


def dense(indptr, indices, values, n):
    matrix = np.zeros((n, n, *values.shape[1:]))
    matrix[np.repeat(np.arange(n), np.diff(indptr)), indices] = values
    return matrix


def sample(grid, nodes, poses, rate, width):
    adot = np.full((len(nodes), 3, width), np.nan, np.float32)
    return adot, grid.sample(nodes, np.ascontiguousarray(poses), np.full(len(poses), rate), adot)


def wire_sum(points, wire, segments):
    d = np.linalg.norm(points[:, None] - wire, axis=2)
    return 1e-7 * (segments / d[..., None]).sum(axis=1)


@given(problems())
@settings(max_examples=60, deadline=None)
def test_assembly_is_that_of_numpy(problem):
    nodes, tets, sigma, _ = problem
    n = len(nodes)
    indptr, indices, stiffness, source = native.assemble(nodes, tets, sigma)
    volume, grad = p1.geometry(nodes, tets)
    wanted_source = np.zeros((n, n, 3))
    flux = np.einsum("e,edc,eic->eid", volume / 4, p1.as_tensors(sigma), grad)
    for i in range(4):
        for j in range(4):
            np.add.at(wanted_source, (tets[:, i], tets[:, j]), flux[:, i])
    wanted = p1.stiffness(nodes, tets, sigma).toarray()
    # entry by entry, relative to the diagonal: conductivities span eight decades within one mesh
    size = np.sqrt(np.outer(np.diag(wanted), np.diag(wanted))) + (np.diag(wanted) == 0)
    assert (np.abs(dense(indptr, indices, stiffness, n) - wanted) <= 1e-9 * size).all()
    row_size = np.abs(wanted_source).max(axis=(1, 2), initial=1e-300)[:, None, None]
    assert (np.abs(dense(indptr, indices, source, n) - wanted_source) <= 3e-7 * row_size).all()
    for row in np.split(indices, indptr[1:-1]):
        assert (np.diff(row) > 0).all(), "columns are sorted and distinct"


@given(problems(tensor=False))
@settings(max_examples=20, deadline=None)
def test_isotropic_tensors_assemble_like_scalars(problem):
    nodes, tets, sigma, _ = problem
    scalar = native.assemble(nodes, tets, sigma)
    tensor = native.assemble(nodes, tets, np.ascontiguousarray(sigma[:, None, None] * np.eye(3)))
    for a, b in zip(scalar[:2], tensor[:2], strict=True):
        np.testing.assert_array_equal(a, b)
    k, t = (dense(*m[:3], len(nodes)) for m in (scalar, tensor))
    size = np.sqrt(np.outer(np.diag(k), np.diag(k)))
    assert (np.abs(k - t) <= 1e-12 * size).all()
    np.testing.assert_allclose(scalar[3], tensor[3], rtol=1e-5, atol=1e-6 * np.abs(scalar[3]).max())


@given(problems())
@settings(max_examples=20, deadline=None)
def test_stiffness_is_symmetric_and_blind_to_constants(problem):
    nodes, tets, sigma, _ = problem
    indptr, indices, stiffness, source = native.assemble(nodes, tets, sigma)
    k = dense(indptr, indices, stiffness, len(nodes))
    assert close(k.T, k, 1e-12)
    diagonal = np.diag(k)
    assert (np.abs(k.sum(axis=1)) <= 1e-9 * (diagonal + (diagonal == 0))).all()
    # Σ_i S_ij = 0: a uniform test function gives no source
    s = dense(indptr, indices, source, len(nodes))
    assert (np.abs(s.sum(axis=0)) <= 1e-5 * np.abs(s).max()).all()


@given(problems(), widths())
@settings(max_examples=40, deadline=None)
def test_right_hand_side_is_that_of_numpy(problem, width):
    nodes, tets, sigma, rng = problem
    matrices = native.assemble(nodes, tets, sigma)
    adot = rng.normal(size=(len(nodes), 3, width)).astype(np.float32)
    b = right_hand_side(matrices, adot)
    source = dense(*matrices[:2], matrices[3], len(nodes))
    exact = -np.einsum("ijd,jdc->ic", source, adot.astype(float))
    assert close(b, exact, 1e-13)
    column = width // 2
    load = p1.load(nodes, tets, sigma, adot[:, :, column].astype(float))
    sizes = np.einsum("ijd,jd->i", np.abs(source), np.abs(adot[:, :, column]).astype(float))
    assert (np.abs(b[:, column] - load) <= 2.0**-22 * sizes + 1e-30).all()  # the source is kept in float32


@given(problems(), widths(), st.data())
@settings(max_examples=40, deadline=None)
def test_electric_field_is_that_of_numpy(problem, width, data):
    nodes, tets, _, rng = problem
    k = data.draw(st.integers(1, width))
    phi = rng.normal(size=(len(nodes), width))
    adot = rng.normal(size=(len(nodes), 3, width)).astype(np.float32)
    scale = rng.normal(size=k)
    out = np.full((k, len(tets), 3), np.nan, np.float32)
    native.electric_field(nodes, tets, phi, adot, scale, None, out)
    gradients = p1.geometry(nodes, tets)[1][:, 1:]
    for c in range(k):
        exact = scale[c] * p1.field(nodes, tets, phi[:, c], adot[:, :, c].astype(float))
        # Differences of the potential are taken in float64, products and sums of them in float32.
        drops = phi[tets[:, 1:], c] - phi[tets[:, :1], c]
        terms = np.einsum("eid,ei->ed", abs(gradients), abs(drops))
        terms += abs(adot[tets, :, c]).astype(float).sum(axis=1)
        assert (abs(out[c] - exact) <= 6 * 2.0**-24 * abs(scale[c]) * terms).all()
    chosen = rng.integers(len(tets), size=2 * len(tets)).astype(np.int32)  # any order, with repetitions
    some = np.full((k, len(chosen), 3), np.nan, np.float32)
    native.electric_field(nodes, tets, phi, adot, scale, chosen, some)
    np.testing.assert_array_equal(some, out[:, chosen])
    none = np.empty((k, 0, 3), np.float32)
    native.electric_field(nodes, tets, phi, adot, scale, chosen[:0], none)


@given(st.integers(1, 60), widths(), st.integers(0, 2**32), st.data())
@settings(max_examples=30, deadline=None)
def test_pack_and_unpack_permute_and_scale(n, width, seed, data):
    k = data.draw(st.integers(1, width))
    rng = np.random.default_rng(seed)
    rows, scale, node = rng.normal(size=(k, n)), rng.normal(size=k), rng.permutation(n).astype(np.int32)
    phi = np.full((n, width), np.nan)
    native.pack(rows, node, scale, phi)
    np.testing.assert_array_equal(phi[:, :k], (scale[:, None] * rows)[:, node].T)
    assert not phi[:, k:].any()
    out = np.full((k, n), np.nan)
    native.unpack(phi, node, np.full(k, 2.0), out)
    np.testing.assert_array_equal(out, 2.0 * scale[:, None] * rows)


@given(st.integers(1, 70), st.integers(1, 90), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_vector_potential_is_the_sum_over_dipoles_and_wire(n, d, seed):
    rng = np.random.default_rng(seed)
    points, positions = rng.uniform(-0.1, 0.1, (n, 3)), rng.uniform(0.15, 0.3, (d, 3))
    moments = rng.normal(size=(d, 3))
    wire, segments = rng.uniform(0.15, 0.3, (n, 3)), rng.normal(size=(n, 3))
    both = sources(positions, moments, wire, segments)
    exact = p1.dipole_rate(points, positions, moments, 1.0) + wire_sum(points, wire, segments)
    assert close(both.vector_potential(points), exact, 1e-12)
    single = both.vector_potential_float32(points)
    assert single.dtype == np.float32
    assert close(single, exact, 2e-5)
    distance = np.linalg.norm(points[:, None] - np.concatenate([positions, wire]), axis=2).min(axis=1)
    np.testing.assert_allclose(both.nearest(points), distance, rtol=1e-5)


def test_no_sources_make_no_field():
    points, none = np.eye(3), np.zeros((0, 3))
    assert not sources(none, none).vector_potential(points).any()
    assert (sources(none, none).nearest(points) > 1e9).all()
    assert sources(points, points).vector_potential(none).shape == (0, 3)


def lattice(origin, spacing, shape, positions, moments):
    axes = [origin[d] + spacing * np.arange(shape[d]) for d in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    values = np.zeros((*shape, 4), np.float32)
    values[..., :3] = p1.dipole_rate(points, positions, moments, 1.0).reshape(*shape, 3)
    return (origin, (spacing,) * 3, values, np.ones(np.array(shape) - 1, np.uint8))


@pytest.mark.parametrize("width", WIDTHS)
def test_grid_is_the_direct_sum_in_the_coil_frame(width):
    rng = np.random.default_rng(width)
    positions, moments = rng.uniform(0.2, 0.3, (20, 3)), rng.normal(size=(20, 3))
    values = lattice((-0.1, -0.1, -0.1), 0.01, (21, 21, 21), positions, moments)
    grid = native.Grid([values], sources(positions, moments))
    nodes = rng.uniform(-0.04, 0.04, (300, 3))
    k = max(1, width - 1)
    poses = random_poses(rng, k)
    adot, n_direct = sample(grid, nodes, poses, 1e6, width)
    assert n_direct == 0
    for c, pose in enumerate(poses):
        turn, shift = pose[:3, :3], pose[:3, 3]
        exact = p1.dipole_rate(nodes, positions @ turn.T + shift, moments @ turn.T, 1e6)
        assert p1.relative(adot[:, :, c], exact) < 3e-5
    assert not adot[:, :, k:].any(), "columns without a pose are zero"
    twice = adot.copy()
    grid.sample(nodes, poses, np.linspace(1, 2, k) * 1e6, twice, True)
    factor = np.ones(width, np.float32)
    factor[:k] += np.linspace(1, 2, k)
    np.testing.assert_allclose(twice, factor * adot, rtol=2e-6, atol=1e-6 * np.abs(adot).max())
    reordered, _ = sample(grid, nodes, poses[::-1], 1e6, width)
    np.testing.assert_array_equal(reordered[:, :, :k], adot[:, :, :k][:, :, ::-1])


def test_grid_takes_the_direct_sum_where_no_lattice_is_good():
    rng = np.random.default_rng(3)
    positions, moments = rng.uniform(0.2, 0.3, (5, 3)), rng.normal(size=(5, 3))
    origin, spacing, values, good = lattice((-0.05, -0.05, -0.05), 0.01, (11, 11, 11), positions, moments)
    good[5:] = 0
    values[8:] = np.nan  # what the good cells don't need
    grid = native.Grid([(origin, spacing, values, good)], sources(positions, moments))
    nodes = rng.uniform(-0.08, 0.08, (500, 3))
    adot, n_direct = sample(grid, nodes, np.eye(4)[None], 1.0, 1)
    cell = np.floor((nodes + 0.05) / 0.01)
    interpolated = ((cell >= 1) & (cell < 9)).all(axis=1) & (cell[:, 0] < 5)
    assert n_direct == (~interpolated).sum()
    exact = p1.dipole_rate(nodes, positions, moments, 1.0)
    assert close(adot[~interpolated, :, 0], exact[~interpolated], 2e-6)
    assert close(adot[interpolated, :, 0], exact[interpolated], 1e-4)


def test_grid_cubic_interpolation_is_of_fourth_order():
    rng = np.random.default_rng(4)
    positions, moments = rng.uniform(0.1, 0.15, (9, 3)), rng.normal(size=(9, 3))
    nodes = rng.uniform(-0.02, 0.02, (2000, 3))
    exact = p1.dipole_rate(nodes, positions, moments, 1.0)
    errors = []
    for spacing, n in ((0.016, 9), (0.008, 15), (0.004, 27)):
        low = -0.5 * spacing * (n - 1)
        values = lattice((low,) * 3, spacing, (n,) * 3, positions, moments)
        grid = native.Grid([values], sources(positions, moments))
        errors.append(p1.relative(sample(grid, nodes, np.eye(4)[None], 1.0, 1)[0][:, :, 0], exact))
    slopes = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (slopes > 3.5).all(), errors


@given(st.integers(1, 300), st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_morton_order_is_a_permutation(n, seed):
    nodes = np.random.default_rng(seed).normal(size=(n, 3))
    assert sorted(native.morton_order(nodes).tolist()) == list(range(n))


def test_morton_order_keeps_neighbours_close():
    nodes = np.random.default_rng(0).uniform(size=(20_000, 3))
    order = native.morton_order(nodes)
    steps = np.linalg.norm(np.diff(nodes[order], axis=0), axis=1)
    # mean distance of random points in a cube 0.66; of nearest neighbours 0.02 here
    assert steps.mean() < 0.05
    cells = (np.clip(nodes[order] * 8, 0, 7)).astype(int)
    runs = 1 + (np.diff(cells, axis=0) != 0).any(axis=1).sum()
    assert runs <= 8**3 * 1.5, "an eighth of the cube a side is visited about once"


@pytest.mark.parametrize(
    "nodes",
    [np.zeros((0, 3)), np.zeros((5, 3)), np.eye(3) * 1e308, np.eye(3) * 5e-324],
    ids=["none", "one place", "huge", "tiny"],
)
def test_morton_order_of_degenerate_nodes_is_still_a_permutation(nodes):
    assert sorted(native.morton_order(nodes).tolist()) == list(range(len(nodes)))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_morton_order_refuses_nodes_that_are_not_finite(wrong):
    nodes = np.zeros((5, 3))
    nodes[3, 1] = wrong
    with pytest.raises(ValueError, match="nodes must be finite; node 3 is not"):
        native.morton_order(nodes)


def test_morton_order_refuses_nodes_whose_extent_overflows():
    with pytest.raises(ValueError, match="farther apart"):
        native.morton_order(np.array([[-1e308, 0, 0], [1e308, 0, 0]]))


@given(problems())
@settings(max_examples=30, deadline=None)
def test_node_parts_are_connected_components(problem):
    nodes, tets, _, rng = problem
    kept = np.ascontiguousarray(tets[rng.random(len(tets)) < 0.3])
    pairs = kept[:, [0, 0, 0]].ravel(), kept[:, 1:].ravel()
    graph = coo_array((np.ones(len(pairs[0])), pairs), shape=(len(nodes), len(nodes)))
    count, wanted = connected_components(graph, directed=False)
    label = native.node_parts(kept, len(nodes))
    assert len({*zip(label.tolist(), wanted.tolist(), strict=True)}) == count == label.max() + 1
    first = np.unique(label, return_index=True)[1]
    assert (np.diff(first) > 0).all(), "numbered in order of first appearance"


@given(problems())
@settings(max_examples=30, deadline=None)
def test_boundary_faces_occur_once_and_point_outwards(problem):
    nodes, tets, _, _ = problem
    faces, owner = native.boundary_faces(tets, len(nodes))
    every = np.sort(tets[:, [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]].reshape(-1, 3), axis=1)
    unique, count = np.unique(every, axis=0, return_counts=True)
    wanted = {tuple(f) for f in unique[count == 1].tolist()}
    assert {tuple(sorted(f)) for f in faces.tolist()} == wanted
    assert len(faces) == len(wanted)
    assert (np.diff(owner) >= 0).all()
    a, b, c = (nodes[faces[:, k]] for k in range(3))
    outward = a - nodes[tets[owner]].mean(axis=1)
    assert (np.einsum("fd,fd->f", np.cross(b - a, c - a), outward) > 0).all()


def test_the_same_bits_for_any_number_of_threads():
    mesh = sphere_mesh([70, 80], [1, 2], edge_mm=12)
    nodes, tets = mesh.nodes_mm * 1e-3, mesh.tets
    rng = np.random.default_rng(0)
    adot = rng.normal(size=(len(nodes), 3, 4)).astype(np.float32)
    positions, moments = rng.uniform(0.1, 0.2, (40, 3)), rng.normal(size=(40, 3))
    table, poses = lattice((-0.1,) * 3, 0.02, (11,) * 3, positions, moments), random_poses(rng, 3)
    results = []
    before = native.max_threads()
    try:
        for threads in (1, 2, 3):
            native.set_threads(threads)
            assert native.max_threads() in (1, threads)  # 1 where there is no OpenMP
            matrices = native.assemble(nodes, tets, np.linspace(1, 2, len(tets)))
            b = right_hand_side(matrices, adot)
            e = np.empty((4, len(tets), 3), np.float32)
            native.electric_field(nodes, tets, b, adot, np.ones(4), None, e)
            faces = native.boundary_faces(tets, len(nodes))
            coil = sources(positions, moments)
            results.append([*matrices, b, e, *faces, native.morton_order(nodes), coil.nearest(nodes)])
            results[-1] += [coil.vector_potential(nodes), coil.vector_potential_float32(nodes)]
            results[-1].append(coil.magnetic_field(nodes))
            results[-1].append(sample(native.Grid([table], coil), nodes, poses, 1e6, 4)[0])
    finally:
        native.set_threads(before)
    for other in results[1:]:
        for a, c in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, c)

# SPDX-License-Identifier: BSD-3-Clause
"""Recovery: the operator against NumPy, what it reproduces, interface conditions, rates on spheres."""

import functools

import numpy as np
import pytest
from devices import native
from given import p1
from given.heads import emulated
from given.random_meshes import WIDTHS, random_mesh, random_tensors
from given.recovered import built
from hypothesis import given, settings
from hypothesis import strategies as st

import headfield as hf
from headfield.analytic import sphere_tms_field

pytestmark = pytest.mark.usefixtures("each_device")

DIDT = 1e6


def recovered(operator, phi, adot):
    """E (r, 3) of one potential (n,) and Ȧ (n, 3)."""
    rows = np.full((len(operator["node"]), 3, 1), np.nan, np.float32)
    weights = [operator[name] for name in ("indptr", "indices", "weights", "node", "rate")]
    native.recover(*weights, np.ascontiguousarray(phi[:, None]), as_block(adot), rows)
    return rows[..., 0]


def as_block(adot):
    return np.ascontiguousarray(adot[:, :, None], np.float32)


def box(n=5, twist=0.15):
    """A cube of 4 cm cut into n³ × 6 tetrahedra, inner nodes moved at random; tissue 1 below, 2 above."""
    axis = np.linspace(0, 0.04, n + 1)
    nodes = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    corner = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3)
    tets = []
    for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        path = [corner]
        for axis_ in order:
            path.append(path[-1] + np.eye(3, dtype=int)[axis_])
        tets.append(np.stack([p @ [(n + 1) ** 2, n + 1, 1] for p in path], axis=1))
    tets = np.concatenate(tets).astype(np.int32)
    inner = ((nodes > 1e-9) & (nodes < 0.04 - 1e-9)).all(axis=1)
    nodes[inner, :2] += twist * 0.04 / n * np.random.default_rng(1).uniform(-1, 1, (inner.sum(), 2))
    edges = nodes[tets[:, 1:]] - nodes[tets[:, :1]]
    flipped = np.linalg.det(edges) < 0
    tets[flipped] = tets[flipped][:, [1, 0, 2, 3]]
    middle = n // 2 * 0.04 / n
    return nodes, tets, np.where(nodes[tets][:, :, 2].mean(axis=1) < middle, 1, 2).astype(np.int32), middle


@given(st.integers(0, 2**32), st.sampled_from(WIDTHS), st.booleans(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_loops_do_what_the_operator_says(seed, width, coupled, tensor):
    rng = np.random.default_rng(seed)
    nodes, tets = random_mesh(rng, 20)
    sigma = 10.0 ** rng.uniform(-3, 1, len(tets))
    sigma = random_tensors(rng, sigma) if tensor else sigma
    chosen = rng.integers(len(tets), size=len(tets)).astype(np.int32)
    op = built(nodes, tets, rng.integers(1, 4, len(tets)), sigma, chosen, coupled)
    phi = rng.normal(size=(len(nodes), width))
    adot = rng.normal(size=(len(nodes), 3, width)).astype(np.float32)
    r = len(op["node"])
    rows = np.full((r, 3, width), np.nan, np.float32)
    native.recover(*[op[n] for n in ("indptr", "indices", "weights", "node", "rate")], phi, adot, rows)
    row = np.repeat(np.arange(r), np.diff(op["indptr"]))
    terms = op["weights"][:, :, None] * (phi[op["indices"]] - phi[op["node"]][row])[:, None]
    exact = -np.einsum("rij,rjw->riw", op["rate"].astype(float), adot[op["node"]])
    np.subtract.at(exact, row, terms)
    size = np.zeros((r, 3, width))
    np.add.at(size, row, np.abs(terms))
    assert (np.abs(rows - exact) <= 1e-5 * (size + np.abs(exact).max())).all()

    assert (nodes[op["node"]][op["corner"]] == nodes[tets[chosen]]).all()
    k = int(rng.integers(1, width + 1))
    scale, weights = rng.normal(size=k), rng.dirichlet(np.ones(4), len(chosen)).astype(np.float32)
    out = np.full((k, len(chosen), 3), np.nan, np.float32)
    native.interpolate(rows, op["corner"], weights, scale, out)
    mixed = np.einsum("pi,pidw->wpd", weights, rows[op["corner"]].astype(float))[:k]
    np.testing.assert_allclose(out, scale[:, None, None] * mixed, rtol=1e-4, atol=1e-4 * np.abs(rows).max())

    volumes, sums = rng.uniform(size=len(chosen)), np.full((2, width), np.nan)
    places = nodes, tets, phi, adot, chosen, volumes, op["corner"], rows
    error = np.full((k, len(chosen)), np.nan, np.float32)
    out.fill(np.nan)
    native.recovered_field(*places, scale, out, error, sums)
    alone = np.full_like(sums, np.nan)
    native.recovered_field(*places, scale[:0], out[:0], error[:0], alone)
    np.testing.assert_array_equal(alone, sums)
    for c in range(width):
        e = p1.field(nodes, tets[chosen], phi[:, c], adot[:, :, c].astype(float))
        corners = rows[op["corner"], :, c] - e[:, None]
        mean = (np.einsum("qi,eid->eqd", INSIDE, corners) ** 2).sum(-1).mean(-1)
        assert sums[0, c] == pytest.approx(volumes @ mean, rel=1e-3)
        middles = rows[op["corner"], :, c].mean(axis=1)
        squares = (np.einsum("qi,eid->eqd", INSIDE, rows[op["corner"], :, c]) ** 2).sum(-1).mean(-1)
        assert sums[1, c] == pytest.approx(volumes @ squares, rel=1e-4)
        if c < k:
            root = np.abs(scale[c]) * np.sqrt(mean)
            np.testing.assert_allclose(error[c], root, rtol=2e-3, atol=1e-3 * root.max())
            off = 1e-4 * np.abs(scale[c] * rows).max()
            np.testing.assert_allclose(out[c], scale[c] * middles, rtol=1e-4, atol=off)


@pytest.mark.parametrize("gap", [0.0, 1e-12, 1e-4])
def test_fits_do_not_reach_across_a_gap(gap):
    """The upper half of a cube is cut from the lower one over half of the plane between them."""
    nodes, tets, *_ = box(4)
    middle = np.flatnonzero((np.abs(nodes[:, 2] - 0.02) < 1e-9) & (nodes[:, 0] < 0.019))
    other = np.arange(len(nodes))
    other[middle] = len(nodes) + np.arange(len(middle))
    above = nodes[tets][:, :, 2].mean(axis=1) > 0.02
    tets = np.where(above[:, None], other[tets], tets).astype(np.int32)
    nodes = np.concatenate([nodes, nodes[middle] + [0, 0, gap]])
    op = built(nodes, tets, np.ones(len(tets)), np.ones(len(tets)))
    row = np.repeat(np.arange(len(op["node"])), np.diff(op["indptr"]))
    away = nodes[op["indices"]] - nodes[op["node"]][row]
    moved = np.linalg.norm(op["weights"], axis=1) * np.linalg.norm(away, axis=1)
    assert np.bincount(row, moved).max() < 10, "by which errors of φ are amplified"
    assert np.linalg.norm(away, axis=1).min() > 2e-3


@pytest.mark.parametrize("coupled", [True, False])
def test_a_linear_potential_is_reproduced(coupled):
    """Whatever the patch: E is constant, and there is no jump."""
    nodes, tets, tags, _ = box()
    op = built(nodes, tets, tags, np.ones(len(tets)), coupled=coupled)
    g, a = np.array([1.0, -2.0, 0.5]), np.array([0.3, 0.1, -0.7])
    e = recovered(op, nodes @ g, np.broadcast_to(a, nodes.shape))
    np.testing.assert_allclose(e, np.broadcast_to(-g - a, e.shape), atol=2e-5)


@pytest.mark.parametrize("tensor", [False, True])
def test_a_current_through_a_plane_between_two_tissues_is_reproduced(tensor):
    """φ linear on both sides with the jump that σE·n = const asks for, ∂A/∂t constant."""
    nodes, tets, tags, middle = box(6)
    rng = np.random.default_rng(5)
    of_tissue = random_tensors(rng, np.array([0.1, 1.5])) if tensor else np.array([0.1, 1.5])
    sigma = np.ascontiguousarray(of_tissue[tags - 1])
    s = p1.as_tensors(of_tissue)
    n, a, below = np.array([0.0, 0.0, 1.0]), np.array([0.4, -0.2, 0.9]), np.array([1.0, 2.0, -1.5])
    above = below + n * (n @ (s[0] - s[1]) @ (below + a)) / (n @ s[1] @ n)
    up = nodes - [0, 0, middle]
    phi = np.where(nodes[:, 2] <= middle, up @ below, up @ above)
    op = built(nodes, tets, tags, sigma)
    e = recovered(op, phi, np.broadcast_to(a, nodes.shape))
    edge = nodes[op["node"]]
    rim = (np.abs(edge[:, 2] - middle) < 1e-9) & ((edge[:, :2] < 1e-9) | (edge[:, :2] > 0.04 - 1e-9)).any(
        axis=1
    )
    exact = np.where(op["tissue"][:, None] == 1, -below - a, -above - a)
    np.testing.assert_allclose(e[~rim], exact[~rim], atol=3e-5)
    each = recovered(built(nodes, tets, tags, sigma, coupled=False), phi, np.broadcast_to(a, nodes.shape))
    np.testing.assert_allclose(each, exact, atol=3e-5)  # so do two fits by themselves, where φ is linear


@pytest.mark.parametrize("tensor", [False, True])
def test_interface_conditions_hold_at_nodes_for_any_potential(tensor):
    mesh = hf.sphere_mesh([40, 60, 80], [1, 2, 3], 16)
    rng = np.random.default_rng(0)
    sigma = np.array([0.126, 1.654, 0.01])[mesh.tags - 1]
    sigma = random_tensors(rng, sigma) if tensor else sigma
    nodes = mesh.nodes_mm * 1e-3
    op = built(nodes, mesh.tets, mesh.tags, sigma)
    e = recovered(op, rng.normal(size=len(nodes)), rng.normal(size=(len(nodes), 3))).astype(float)
    volume, grad = p1.geometry(nodes, mesh.tets)
    tested = 0
    first = np.flatnonzero((np.diff(op["node"]) == 0) & (np.diff(op["tissue"]) > 0))
    for row in first[:: max(1, len(first) // 60)]:
        node, tissue = op["node"][row], op["tissue"][row : row + 2]
        around, corner = np.nonzero(mesh.tets == node)
        out, mean = [], []
        for tag in tissue:
            mine = mesh.tags[around] == tag
            t = around[mine]
            out.append((volume[t, None] * grad[t, corner[mine]]).sum(axis=0))
            mean.append(np.average(p1.as_tensors(sigma[t]), axis=0, weights=volume[t]))
        np.testing.assert_allclose(out[0], -out[1], atol=1e-9 * np.abs(out[0]).max())
        n = out[0] / np.linalg.norm(out[0])
        jump = e[row + 1] - e[row]
        assert np.linalg.norm(jump - (jump @ n) * n) < 1e-5 * np.linalg.norm(e[row : row + 2])
        fluxes = [n @ mean[i] @ e[row + i] for i in (0, 1)]
        sizes = [np.linalg.norm(n @ mean[i]) * np.linalg.norm(e[row + i]) for i in (0, 1)]
        assert abs(fluxes[0] - fluxes[1]) < 2e-5 * max(sizes)
        tested += 1
    assert tested > 40


# ---- spheres ----

RADII, TAGS = (40, 60, 80), (3, 4, 5)  # simple ratios, so that halving the edge doubles every shell
HEAD = {3: 1.654, 4: 0.010, 5: 0.465}
COIL = hf.Coil([[30, 20, 110]], [[1, 2, 3]])
INSIDE = np.full((4, 4), 0.1381966011250105) + 0.4472135954999580 * np.eye(4)


def in_tetrahedra(mesh, chosen):
    """Points (t, 4, 3) of a quadrature that is exact for quadratics."""
    return np.einsum("qi,eid->eqd", INSIDE, mesh.nodes_mm[mesh.tets[chosen]])


def exact(points_mm):
    flat = points_mm.reshape(-1, 3)
    return sphere_tms_field(flat, COIL.dipole_positions_mm, COIL.dipole_moments, DIDT).reshape(
        points_mm.shape
    )


@functools.cache
def errors(edge, recovery):
    """Relative L2 errors of what is recovered and of elements, and estimate over truth of the latter."""
    mesh = hf.sphere_mesh(RADII, TAGS, edge)
    model = hf.HeadModel(mesh, HEAD)
    numbers = {"didt": DIDT, "tol": 1e-7, "primary_error": 0.0}
    field = model.solve(COIL, np.eye(4), recovery=recovery, **numbers)
    corners = model.solve(COIL, np.eye(4), roi=corner_points(mesh), recovery=recovery, **numbers).E[0]
    elements = model.solve(COIL, np.eye(4), **numbers).E[0]
    volume, truth = mesh.volumes_mm3(), exact(in_tetrahedra(mesh, slice(None)))
    recovered_there = np.einsum("qi,eid->eqd", INSIDE, corners.reshape(-1, 4, 3))
    farthest = np.linalg.norm(mesh.nodes_mm[mesh.tets], axis=2).max(axis=1)

    def off(there, part=slice(None)):
        return np.sqrt(volume[part] @ ((there - truth) ** 2).sum(axis=2).mean(axis=1)[part])

    def relative(there, part):
        return off(there, part) / np.sqrt(volume[part] @ (truth**2).sum(axis=2).mean(axis=1)[part])

    estimate = np.sqrt(volume @ field.local_error[0].astype(float) ** 2)
    found = {"effectivity": estimate / off(elements[:, None])}
    for name, part in (("inside", farthest < 30.01), ("core", farthest < 40.01), ("shell", mesh.tags == 4)):
        found[name] = relative(recovered_there, part)
        found["elements " + name] = relative(elements[:, None], part)
    return found


def corner_points(mesh):
    """All corners of all tetrahedra, as their tissue sees them."""
    return hf.Region(mesh, np.repeat(np.arange(mesh.n_tets), 4), np.tile(np.eye(4), (mesh.n_tets, 1)))


def slope(values):
    return -np.polyfit(np.arange(len(values)), np.log2(values), 1)[0]


def test_recovered_fields_converge_faster_than_elements(each_device):
    """Where the mesh bends, nodal potentials are not smooth: the order is above 1.5, not 2, everywhere."""
    edges = (12.7, 6.35, 3.175)
    if emulated(each_device):  # the finest takes half a minute there, and is the CPU's business
        edges = edges[:2]
    series = [errors(edge, "interface") for edge in edges]
    for part in ("inside", "core", "shell"):
        assert slope([e["elements " + part] for e in series]) < 1.15, part
        assert slope([e[part] for e in series]) > (1.5 if len(edges) == 3 else 1.4), part
    assert series[1]["elements core"] > 0.07, "an edge at which elements are off by more"
    assert series[1]["core"] < 0.01
    assert series[1]["shell"] < 0.01
    for e in series:
        assert 0.9 < e["effectivity"] < 1.1


def test_the_better_recovery_is_better():
    coupled, patch = errors(6.35, "interface"), errors(6.35, "patch")
    assert 3 * coupled["core"] < patch["core"] < patch["elements core"]
    assert 0.7 < patch["effectivity"] < 1.5

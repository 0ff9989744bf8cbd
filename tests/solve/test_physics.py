# SPDX-License-Identifier: BSD-3-Clause
"""What is true of the field whatever the code: closed forms, convergence, symmetries, conservation."""

import functools

import numpy as np
import pytest
from given import p1
from given.heads import emulated
from given.systems import System
from scipy.spatial.transform import Rotation

import headfield as hf
from headfield.analytic import sphere_tms_field

pytestmark = pytest.mark.usefixtures("each_device")

DIDT = 1e6
RADII, TAGS = (40, 60, 80), (3, 4, 5)  # simple ratios, so that halving the edge doubles every shell
EDGES = (12.7, 6.35, 3.175)
HEAD = {3: 1.654, 4: 0.010, 5: 0.465}
QUADRATURE = np.full((4, 4), 0.1381966011250105) + 0.4472135954999580 * np.eye(4)  # exact for quadratics
OBLIQUE = hf.Coil([[30, 20, 110]], [[1, 2, 3]])
RADIAL = hf.Coil([[30, 20, 110]], [[0.3, 0.2, 1.1]])


@functools.cache
def sphere(edge):
    return hf.HeadModel(hf.sphere_mesh(RADII, TAGS, edge), HEAD)


def solved(model, coil, tol=1e-9, pose=None):
    return model.solve(coil, np.eye(4) if pose is None else pose, DIDT, tol=tol, primary_error=0.0)


def dipole_potential(points_mm, coil):
    """φ in a sphere of one dipole, zero at the centre.

    E has no radial part (Heller and van Hulsteyn 1992), so ∂φ/∂r = −Ȧ_r along every ray from the centre, and
    Ȧ·r = −μ0/4π dI/dt (m × r0)·r / |r − r0|³; Gauss-Legendre in s for r = s x.
    """
    s, weight = np.polynomial.legendre.leggauss(24)
    x, r0, m = points_mm * 1e-3, coil.dipole_positions_mm[0] * 1e-3, coil.dipole_moments[0]
    along = sum(
        0.5 * w / np.linalg.norm(0.5 * (t + 1) * x - r0, axis=1) ** 3 for t, w in zip(s, weight, strict=True)
    )
    return 1e-7 * DIDT * along * (x @ np.cross(m, r0))


def l2_errors(edge, coil):
    """Relative L2 errors of E and φ over the volume: four points in each of some random tetrahedra."""
    mesh, field = sphere(edge).mesh, solved(sphere(edge), coil)
    chosen = np.random.default_rng(0).permutation(mesh.n_tets)[:8000]
    corners, volume = mesh.nodes_mm[mesh.tets[chosen]], mesh.volumes_mm3()[chosen]
    centre = np.argmin(np.linalg.norm(mesh.nodes_mm, axis=1))
    phi = field.potential[0] - field.potential[0, centre]
    points = np.einsum("qk,mkd->qmd", QUADRATURE, corners).reshape(-1, 3)
    weights = np.tile(volume, 4)
    e, phi = np.tile(field.E[0][chosen], (4, 1)), (QUADRATURE @ phi[mesh.tets[chosen]].T).ravel()
    exact_e = sphere_tms_field(points, coil.dipole_positions_mm, coil.dipole_moments, DIDT)
    exact_phi = dipole_potential(points, coil)
    field_error = np.sqrt(weights @ ((e - exact_e) ** 2).sum(1) / (weights @ (exact_e**2).sum(1)))
    difference = phi - exact_phi
    difference -= weights @ difference / weights.sum()  # the potential is known up to a constant
    scale = exact_phi - weights @ exact_phi / weights.sum()
    if np.abs(exact_phi).max() < 1e-9:  # a radial dipole has none: relative to that of an oblique one
        scale = dipole_potential(points, OBLIQUE)
    return field_error, np.sqrt(weights @ difference**2 / (weights @ scale**2))


def slope(errors):
    return -np.polyfit(np.arange(len(errors)), np.log2(errors), 1)[0]


def test_error_of_the_field_is_first_order_and_of_the_potential_second(each_device):
    edges = EDGES[:-1] if emulated(each_device) else EDGES  # the finest takes ten seconds there
    errors = np.array([l2_errors(edge, OBLIQUE) for edge in edges])
    assert slope(errors[:, 0]) == pytest.approx(1.0, abs=0.05), errors
    assert slope(errors[:, 1]) == pytest.approx(1.9, abs=0.12), errors
    assert errors[-1, 0] < 0.04 * edges[-1] / EDGES[-1]
    assert errors[-1, 1] < 6e-4 * (edges[-1] / EDGES[-1]) ** 2


def test_a_radial_dipole_induces_no_charge():
    """φ = 0 and E = −∂A/∂t: what is left is the mean of Ȧ over a tetrahedron and facets for a sphere."""
    errors = np.array([l2_errors(edge, RADIAL) for edge in EDGES[:2]])
    assert slope(errors[:, 0]) == pytest.approx(1.0, abs=0.1), errors
    assert slope(errors[:, 1]) > 1.7, errors
    assert errors[1, 1] < 3e-3
    model = sphere(EDGES[1])
    adot = p1.dipole_rate(
        model.mesh.barycentres_mm() * 1e-3, RADIAL.dipole_positions_mm * 1e-3, RADIAL.dipole_moments, DIDT
    )
    assert p1.relative(solved(model, RADIAL).E[0], -adot) < 0.02


def test_the_field_is_linear_in_the_sources():
    model = sphere(EDGES[0])
    positions = np.array([[30, 20, 110], [-50, 10, 90], [0, 0, 130]])
    moments = 0.1 * np.array([[1, 2, 3], [0, -1, 0.5], [-2, 0, 1]])
    parts = [solved(model, hf.Coil([p], [m])).E[0] for p, m in zip(positions, moments, strict=True)]
    together = solved(model, hf.Coil(positions, moments)).E[0]
    assert p1.relative(np.sum(parts, axis=0, dtype=float), together) < 1e-6
    turned = solved(model, hf.Coil(positions, -3.0 * moments)).E[0]
    assert p1.relative(turned / -3.0, together) < 1e-6


def test_the_field_turns_with_head_and_coil():
    mesh = hf.phantom_head(edge_mm=8)
    coil = hf.Coil([[-30, 0, -5], [30, 0, -5]], [[0, 0, -1], [0, 0.2, 1]])
    pose = hf.place(mesh, centre_mm=[-46, -8, 70], handle_mm=[-20, 40, 90], distance_mm=4)
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix()
    motion[:3, 3] = [40, -70, 110]
    moved = hf.TetMesh(mesh.nodes_mm @ motion[:3, :3].T + motion[:3, 3], mesh.tets, mesh.tags)
    here = solved(hf.HeadModel(mesh), coil, pose=pose).E[0]
    there = solved(hf.HeadModel(moved), coil, pose=motion @ pose).E[0]
    assert p1.relative(there @ motion[:3, :3], here) < 1e-6


def source(model, coil):
    mesh = model.mesh
    adot = p1.dipole_rate(mesh.nodes_mm * 1e-3, coil.dipole_positions_mm * 1e-3, coil.dipole_moments, DIDT)
    return p1.load(mesh.nodes_mm * 1e-3, mesh.tets, model.conductivity, adot)


def test_reciprocity():
    """b₁·φ₂ = b₂·φ₁: what one coil would drive through the other's potential."""
    model, other = sphere(EDGES[0]), hf.Coil([[60, -20, 80]], [[-1, 2, 0.5]])
    b, phi = zip(
        *((source(model, c), solved(model, c, 1e-12).potential[0]) for c in (OBLIQUE, other)), strict=True
    )
    assert b[0] @ phi[1] == pytest.approx(b[1] @ phi[0], rel=1e-6)
    assert abs(b[0] @ phi[1]) > 0.05 * np.sqrt((b[0] @ phi[0]) * (b[1] @ phi[1])), "the two see each other"


def test_current_is_conserved_at_every_node_and_through_every_surface():
    """∫ σE·∇w = 0 for every hat w, and for sums of them: no net current into any set of nodes."""
    model = sphere(EDGES[0])
    mesh, e = model.mesh, solved(model, OBLIQUE, 1e-10).E[0].astype(float)
    volume, grad = p1.geometry(mesh.nodes_mm * 1e-3, mesh.tets)
    local = np.einsum("m,mid,md->mi", volume * model.conductivity, grad, e)
    into = np.bincount(mesh.tets.ravel(), local.ravel(), mesh.n_nodes)
    through = np.bincount(mesh.tets.ravel(), np.abs(local).ravel(), mesh.n_nodes)  # what passes a node
    assert (np.abs(into) <= 2e-6 * through.max()).all()
    r = np.linalg.norm(mesh.nodes_mm, axis=1)
    shells = [r < radius + 1e-6 for radius in (30, 40, 50, 60, 70)]  # on and between the interfaces
    half = mesh.nodes_mm[:, 0] > 5
    for inside in (*shells, half, half & (r < 60)):
        passing = np.abs(local.sum(axis=1, where=inside[mesh.tets])).sum()
        assert abs(into[inside].sum()) <= 1e-6 * passing


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
@pytest.mark.parametrize("factor", [2.0**-20, 1e-3, 7.3, 1e5])
def test_only_ratios_of_conductivity_matter(factor):
    mesh = sphere(EDGES[0]).mesh
    scaled = hf.HeadModel(mesh, {tag: factor * sigma for tag, sigma in HEAD.items()})
    a, b = solved(sphere(EDGES[0]), OBLIQUE), solved(scaled, OBLIQUE)
    assert p1.relative(b.E[0], a.E[0]) < 1e-6
    assert p1.relative(b.potential[0], a.potential[0]) < 1e-7


def tensors(mesh, seed=0):
    """A random positive-definite tensor per tetrahedron around the tissue's conductivity."""
    rng = np.random.default_rng(seed)
    turn = Rotation.random(mesh.n_tets, rng=rng).as_matrix()
    values = np.array([HEAD[t] for t in mesh.tags])[:, None] * 10.0 ** rng.uniform(
        -0.5, 0.5, (mesh.n_tets, 3)
    )
    sigma = np.einsum("mij,mj,mkj->mik", turn, values, turn)
    return 0.5 * (sigma + sigma.transpose(0, 2, 1))


def test_isotropic_tensors_are_scalars():
    model = sphere(EDGES[0])
    sigma = model.conductivity[:, None, None] * np.eye(3)
    a, b = (solved(m, OBLIQUE, 1e-13).potential[0] for m in (model, hf.HeadModel(model.mesh, sigma)))
    assert p1.relative(b, a) < 1e-7  # the source is kept in float32, and rounded differently
    small = System(model.mesh.nodes_mm * 1e-3, model.mesh.tets, sigma)
    scalar = System(model.mesh.nodes_mm * 1e-3, model.mesh.tets, model.conductivity)
    assert abs(small.k - scalar.k).max() <= 1e-14 * scalar.k.max()


def test_anisotropic_tensors_turn_with_the_head():
    mesh = sphere(EDGES[0]).mesh
    sigma = tensors(mesh)
    turn = Rotation.from_rotvec([0.9, 0.2, -0.4]).as_matrix()
    pose = np.eye(4)
    pose[:3, :3] = turn
    moved = hf.TetMesh(mesh.nodes_mm @ turn.T, mesh.tets, mesh.tags)
    here = solved(hf.HeadModel(mesh, sigma), OBLIQUE).E[0]
    there = solved(hf.HeadModel(moved, turn @ sigma @ turn.T), OBLIQUE, pose=pose).E[0]
    assert p1.relative(there @ turn, here) < 1e-6
    isotropic = solved(sphere(EDGES[0]), OBLIQUE).E[0]
    assert p1.relative(here, isotropic) > 0.05, "these tensors matter"


def test_an_anisotropic_head_is_a_stretched_isotropic_one():
    """With x = D y and σ = D²: K_x = det D K_y, and the source is that of D Ȧ."""
    mesh = sphere(EDGES[0]).mesh
    y = mesh.nodes_mm * 1e-3
    stretch = Rotation.from_rotvec([0.4, 0.1, 0.3]).as_matrix()
    stretch = stretch @ np.diag([1.0, 1.6, 0.5]) @ stretch.T
    sigma = np.array([HEAD[t] for t in mesh.tags])
    isotropic = System(y, mesh.tets, sigma)
    anisotropic = System(
        np.ascontiguousarray(y @ stretch), mesh.tets, sigma[:, None, None] * (stretch @ stretch)
    )
    determinant = np.linalg.det(stretch)
    difference = abs(anisotropic.k - determinant * isotropic.k).max()
    assert difference <= 1e-11 * anisotropic.k.max()
    adot = p1.dipole_rate(y, np.array([[0.03, 0.02, 0.11]]), np.array([[1.0, 2.0, 3.0]]), DIDT)[:, :, None]
    phi = [
        system.solve(system.sources(np.ascontiguousarray(a, np.float32)), 1e-11)
        for system, a in ((anisotropic, adot), (isotropic, np.einsum("de,nec->ndc", stretch, adot)))
    ]
    assert p1.relative(phi[0][0], phi[1][0]) < 1e-6


def test_a_better_conductor_screens_nothing_but_shapes_the_field():
    """On a sphere E does not depend on the layers; on a head that is not one it does."""
    mesh = sphere(EDGES[1]).mesh
    uniform = hf.HeadModel(mesh, 1.0)
    error = l2_errors(EDGES[1], OBLIQUE)[0]
    assert p1.relative(solved(uniform, OBLIQUE).E[0], solved(sphere(EDGES[1]), OBLIQUE).E[0]) < error
    egg = hf.TetMesh(mesh.nodes_mm * [0.5, 0.8, 1.0], mesh.tets, mesh.tags)
    a, b = (solved(hf.HeadModel(egg, s), OBLIQUE).E[0] for s in (1.0, HEAD))
    assert p1.relative(a, b) > 2 * error

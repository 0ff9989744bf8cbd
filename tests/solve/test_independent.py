# SPDX-License-Identifier: BSD-3-Clause
"""Whole heads solved again by others: NumPy assembly, NumPy dipole sum, SciPy or PyAMG. Pinned numbers.

The native path holds ∂A/∂t and E in float32, so two correct solvers agree to a few 1e-8.
"""

import numpy as np
import pyamg
import pytest
import scipy.sparse.linalg as spla
from given import p1
from given.heads import coil, emulated

import headfield as hf
from headfield import metrics

pytestmark = pytest.mark.usefixtures("each_device")

DIDT = 1e6
TISSUES = {1: 0.126, 2: 0.275, 3: 1.654, 4: 0.010, 5: 0.465, 6: 0.5}


def by_superlu(matrix, b):
    options = {"SymmetricMode": True}
    return spla.splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options).solve(b)


def by_pyamg(matrix, b):
    solver = pyamg.smoothed_aggregation_solver(matrix.tocsr(), strength=("symmetric", {"theta": 0.04}))
    x = solver.solve(b, tol=1e-12, maxiter=100, accel="cg")
    assert np.linalg.norm(b - matrix @ x) <= 1e-11 * np.linalg.norm(b)
    return x


def solve_again(mesh, sigma, coil, pose, solver):
    """E (m, 3) with nothing of headfield but the mesh and the dipoles."""
    nodes, turn = mesh.nodes_mm * 1e-3, pose[:3, :3]
    positions = (coil.dipole_positions_mm @ turn.T + pose[:3, 3]) * 1e-3
    adot = p1.dipole_rate(nodes, positions, coil.dipole_moments @ turn.T, DIDT)
    k, b = p1.stiffness(nodes, mesh.tets, sigma), p1.load(nodes, mesh.tets, sigma, adot)
    return p1.field(nodes, mesh.tets, p1.grounded(k, b, solver), adot)


def check_against(mesh, coil, pose, sigma, again):
    """Direct sum over dipoles to 1e-6 everywhere; the tabulated coil within the bounds users are told."""
    model = hf.HeadModel(mesh, sigma)
    gray = mesh.tags == 2
    exact = model.solve(coil, pose, DIDT, tol=1e-8, primary_error=0.0)
    assert p1.relative(exact.E[0], again) <= 1e-6
    assert np.abs(exact.E[0] - again).max() <= 1e-6 * np.abs(again).max()
    default = model.solve(coil, pose, DIDT, tol=1e-8)
    assert p1.relative(default.E[0], again) <= 1e-3
    assert p1.relative(default.E[0][gray], again[gray]) <= 3e-4
    usual = model.solve(coil, pose, DIDT)  # the default tolerance
    assert p1.relative(usual.E[0][gray], again[gray]) <= 3e-4


@pytest.fixture(scope="session", params=[False, True], ids=["isotropic", "anisotropic"])
def phantom(request):
    """A head, a coil, its pose, conductivities, and E by a direct solver: once for all devices."""
    mesh = hf.phantom_head(edge_mm=8)
    sigma = np.array([TISSUES[t] for t in mesh.tags])
    if request.param:
        direction = mesh.barycentres_mm() / 90.0
        sigma = sigma[:, None, None] * (np.eye(3) + 2.0 * np.einsum("md,me->mde", direction, direction))
    pose = hf.place(mesh, centre_mm=[-46, -8, 70], handle_mm=[-20, 40, 90], distance_mm=4)
    return mesh, coil(), pose, sigma, solve_again(mesh, sigma, coil(), pose, by_superlu)


def test_phantom_head_against_a_direct_solver(phantom):
    check_against(*phantom)


def test_real_head_against_pyamg(shared_data, each_device):
    mesh = hf.read_mesh(shared_data / "head_small.msh")
    coil = hf.read_coil(shared_data / "coils" / "MagStim_D70.ccd")
    if emulated(each_device):  # the table of all dipoles takes half a minute in emulation
        coil = hf.Coil(coil.dipole_positions_mm[::32], 32 * coil.dipole_moments[::32])
    pose = np.load(shared_data / "poses.npy")[17]
    sigma = np.array([TISSUES[t] for t in mesh.tags])
    check_against(mesh, coil, pose, sigma, solve_again(mesh, sigma, coil, pose, by_pyamg))


@pytest.mark.parametrize("name", ["head_small", "head_medium"])
def test_real_heads_take_at_most_twelve_iterations(shared_data, name, each_device):
    with np.load(shared_data / f"{name}.npz") as data:
        mesh = hf.TetMesh(data["nodes"].astype(np.float64), data["tets"], data["tags"].astype(np.int32))
    model = hf.HeadModel(mesh)
    # a few dipoles instead of thousands: the iterations are those of the matrix
    coil = hf.Coil([[-30, 0, -5], [30, 0, -5], [0, 20, -5]], [[0, 0, -1], [0, 0, 1], [0.3, 0.2, 0]])
    poses = np.load(shared_data / "poses.npy")[:500:130]
    if emulated(each_device):
        poses = poses[:1]
    report = model.solve(coil, poses, tol=1e-6, primary_error=0.0, elements=[0]).report
    assert report.converged.all()
    assert report.iterations.max() <= 12


# reference.md of the sample data: an independent P1 code on the same mesh; dipole (mm), moment, S/m of the
# layers, RDM, lnMAG, relative L2 error against the analytic field.
PINNED = [
    ((0, 0, 300), (1, 0, 0), (1, 1, 1), 0.1693, 0.0148, 0.1712),
    ((0, 0, 300), (1, 0, 0), (0.33, 0.01, 0.33), 0.1839, 0.0174, 0.1863),
    ((0, 0, 105), (1, 0, 0), (1, 1, 1), 0.3976, 0.0501, 0.4109),
    ((0, 0, 105), (0, 0, 1), (1, 1, 1), 0.1166, -0.0383, 0.1204),
    ((50, 20, 115), (1, 2, 3), (1, 1, 1), 0.0638, -0.0031, 0.0638),
]


@pytest.mark.parametrize(("dipole_mm", "moment", "sigma", "rdm", "ln_mag", "l2"), PINNED)
def test_pinned_values_on_a_coarse_sphere(shared_data, dipole_mm, moment, sigma, rdm, ln_mag, l2):
    mesh = hf.read_mesh(shared_data / "meshes" / "sphere3.msh")
    model = hf.HeadModel(mesh, dict(zip((3, 4, 5), sigma, strict=True)))
    field = model.solve(hf.Coil([dipole_mm], [moment]), np.eye(4), DIDT, tol=1e-10, primary_error=0.0)
    exact = hf.analytic.sphere_tms_field(mesh.barycentres_mm(), [dipole_mm], [moment], DIDT)
    assert metrics.rdm(field.E[0], exact) == pytest.approx(rdm, abs=5.1e-5)
    assert metrics.ln_mag(field.E[0], exact) == pytest.approx(ln_mag, abs=5.1e-5)
    assert metrics.relative_l2(field.E[0], exact) == pytest.approx(l2, abs=5.1e-5)

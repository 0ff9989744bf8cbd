# SPDX-License-Identifier: BSD-3-Clause
"""Bad arguments to HeadModel: a typed error that names them, before anything is computed."""

import numpy as np
import pytest
from given.heads import coil, model, poses

import headfield as hf
from headfield.core import device as backend
from headfield.solve import batches

pytestmark = pytest.mark.usefixtures("each_device")

M, N = 4320, 923  # tetrahedra and nodes of the head, see the first test
SHEARED = np.eye(4)
SHEARED[0, 1] = 0.1
NOT_FINITE = np.eye(4)
NOT_FINITE[1, 3] = np.nan

BAD = [
    ("coil", None, hf.HeadfieldError),
    ("coil", "coil.ccd", hf.HeadfieldError),
    ("coil", np.zeros((3, 3)), hf.HeadfieldError),
    ("poses", None, hf.PoseError),
    ("poses", "identity", hf.PoseError),
    ("poses", np.zeros((0, 4, 4)), hf.PoseError),
    ("poses", np.eye(3), hf.PoseError),
    ("poses", np.zeros((2, 3, 4, 4)), hf.PoseError),
    ("poses", SHEARED, hf.PoseError),
    ("poses", NOT_FINITE, hf.PoseError),
    ("poses", np.diag([1, 1, -1, 1]), hf.PoseError),
    ("poses", 1j * np.eye(4), hf.PoseError),
    ("poses", [np.eye(4), np.eye(3)], hf.PoseError),
    ("didt", np.nan, hf.HeadfieldError),
    ("didt", np.inf, hf.HeadfieldError),
    ("didt", "fast", hf.HeadfieldError),
    ("didt", None, hf.HeadfieldError),
    ("didt", [], hf.HeadfieldError),
    ("didt", [1e6, 1e6], hf.HeadfieldError),
    ("didt", [[1e6, 1e6]], hf.HeadfieldError),
    ("didt", [1e6, [2e6]], hf.HeadfieldError),
    ("didt", np.array([1e6 + 1j]), hf.HeadfieldError),
    ("elements", M, hf.HeadfieldError),
    ("elements", [M], hf.HeadfieldError),
    ("elements", [-1], hf.HeadfieldError),
    ("elements", [2**40], hf.HeadfieldError),
    ("elements", [0.5], hf.HeadfieldError),
    ("elements", "gray matter", hf.HeadfieldError),
    ("elements", [[1, 2]], hf.HeadfieldError),
    ("elements", [[1], [2, 3]], hf.HeadfieldError),
    ("elements", np.ones(M - 1, bool), hf.HeadfieldError),
    ("elements", np.ones(M, int), hf.HeadfieldError),
    ("tol", 0.0, hf.HeadfieldError),
    ("tol", -1e-6, hf.HeadfieldError),
    ("tol", 1e-20, hf.HeadfieldError),
    ("tol", 1.0, hf.HeadfieldError),
    ("tol", np.nan, hf.HeadfieldError),
    ("tol", "tight", hf.HeadfieldError),
    ("tol", None, hf.HeadfieldError),
    ("max_iterations", 0, hf.HeadfieldError),
    ("max_iterations", -5, hf.HeadfieldError),
    ("max_iterations", 2**40, hf.HeadfieldError),
    ("max_iterations", np.nan, hf.HeadfieldError),
    ("max_iterations", 2.5, hf.HeadfieldError),
    ("max_iterations", None, hf.HeadfieldError),
    ("batch", 0, hf.HeadfieldError),
    ("batch", -1, hf.HeadfieldError),
    ("batch", 2.5, hf.HeadfieldError),
    ("batch", "many", hf.HeadfieldError),
    ("batch", None, hf.HeadfieldError),
    ("batch", True, hf.HeadfieldError),
    ("batch", np.nan, hf.HeadfieldError),
    ("batch", [4], hf.HeadfieldError),
    ("primary_error", -1e-3, hf.HeadfieldError),
    ("primary_error", 1.0, hf.HeadfieldError),
    ("primary_error", np.nan, hf.HeadfieldError),
    ("primary_error", None, hf.HeadfieldError),
    ("primary_error", "table", hf.HeadfieldError),
    ("initial", np.zeros(N), hf.HeadfieldError),
    ("initial", np.zeros((2, N)), hf.HeadfieldError),
    ("initial", np.zeros((1, N - 1)), hf.HeadfieldError),
    ("initial", np.full((1, N), np.nan), hf.HeadfieldError),
    ("initial", "warm", hf.HeadfieldError),
    ("initial", [[1.0], [2.0, 3.0]], hf.HeadfieldError),
]


def test_the_head_is_of_the_size_that_the_arguments_are_made_for():
    assert (model().mesh.n_tets, model().mesh.n_nodes) == (M, N)


@pytest.mark.parametrize(("name", "value", "error"), BAD, ids=[f"{n} {k}" for k, (n, _, _) in enumerate(BAD)])
def test_bad_arguments_are_refused_by_name(monkeypatch, name, value, error):
    monkeypatch.setattr(model()._head, "solve", lambda *_: pytest.fail("solved anyway"))
    arguments = {"coil": coil(), "poses": poses(6)[0], name: value}
    with pytest.raises(error, match=name.rstrip("s")):
        model().solve(**arguments)
    if name != "initial":
        with pytest.raises(error, match=name.rstrip("s")):
            model().iter_solve(**arguments)


def test_the_message_says_which_pose_and_by_how_much():
    bad = poses(6).copy()
    bad[4, :3, 0] *= 1.01
    with pytest.raises(hf.PoseError, match=r"pose 4 of 6.*0\.0201"):
        model().solve(coil(), bad)


def leave_little_memory(monkeypatch):
    """Hold what these small heads take against 30 kB, as large heads are held against gigabytes."""
    monkeypatch.setattr(batches, "_SMALL", 0)
    monkeypatch.setattr(batches, "free_memory", lambda: 3e4)
    monkeypatch.setattr(backend.Device, "free_memory", lambda _: 3e4)


def test_a_result_that_cannot_fit_is_refused_before_it_is_allocated(monkeypatch):
    leave_little_memory(monkeypatch)
    with pytest.raises(hf.DeviceError, match=r"6 poses .* GiB.*try iter_solve, roi"):
        model().solve(coil(), poses(6), batch=1)
    assert model().solve(coil(), poses(6), batch=1, elements=[0]).E.shape == (6, 1, 3)
    assert len(list(model().iter_solve(coil(), poses(6), elements=[0]))) == 6, (
        "auto falls back to one at a time"
    )


def test_e_that_cannot_fit_is_refused_before_it_is_allocated(monkeypatch):
    field = model().solve(coil(), poses(6))
    leave_little_memory(monkeypatch)
    with pytest.raises(hf.DeviceError, match="GiB"):
        _ = field.E
    monkeypatch.undo()
    assert field.E.shape[0] == 6


@pytest.mark.parametrize("mesh", [None, "head.msh", np.zeros((4, 3))])
def test_a_head_must_be_a_mesh(mesh):
    with pytest.raises(hf.MeshError, match="mesh"):
        hf.HeadModel(mesh)


@pytest.mark.parametrize(
    "sigma", [0.0, -1.0, np.nan, {3: 0.0}, {3: "high"}, np.ones(3), np.zeros((M, 3, 3)), "skull"]
)
def test_bad_conductivities_are_refused(sigma):
    with pytest.raises(hf.ConductivityError):
        hf.HeadModel(model().mesh, sigma)


@pytest.mark.parametrize("device", ["gpu", "", None, 0, "CPU"])
def test_devices_that_are_none_are_refused(device):
    with pytest.raises(hf.DeviceError, match="device"):
        hf.HeadModel(model().mesh, device=device)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "two", True])
def test_numbers_of_threads_that_are_none_are_refused(threads):
    with pytest.raises(hf.DeviceError, match="threads"):
        hf.HeadModel(model().mesh, threads=threads)


def test_place_takes_a_coil_and_finite_points():
    with pytest.raises(hf.CoilError, match="coil"):
        model().place("coil", [0, 0, 95], [0, 50, 95])
    for bad in ([np.nan, 0, 95], [0, 0], None, "vertex"):
        with pytest.raises(hf.PoseError):
            model().place(coil(), bad, [0, 50, 95])
        with pytest.raises(hf.PoseError):
            model().place(coil(), [0, 0, 95], bad)
    with pytest.raises(hf.PoseError):
        model().place(coil(), [0, 0, 95], [0, 50, 95], distance_mm=np.nan)


def test_place_puts_the_casing_above_the_scalp():
    pose = model().place(coil(), [10, -20, 100], [10, 40, 100], distance_mm=6.0)
    hf.check_poses(pose)
    outward = -pose[:3, 2]
    assert outward @ [10, -20, 100] / np.linalg.norm([10, -20, 100]) > 0.98
    assert 97 < np.linalg.norm(pose[:3, 3]) < 98.5, "92 mm of head and 6 mm of air, less what facets cut off"
    assert pose[:3, 1] @ [0, 1, 0] > 0.9


def test_the_smallest_head_of_all():
    one = hf.TetMesh([[0, 0, 0], [50, 0, 0], [0, 50, 0], [0, 0, 50]], [[0, 1, 2, 3]], [2])
    field = hf.HeadModel(one).solve(hf.Coil([[0, 0, 90]], [[1, 2, 3]]), np.eye(4), primary_error=0.0)
    assert field.report.converged.all()
    # no current can flow in one tetrahedron of constant field
    assert np.abs(field.E).max() < 1e-5 * np.ptp(field.potential) / 0.05


@pytest.mark.parametrize("chosen", [np.arange(M) % 7 == 0, np.arange(0, M, 7)], ids=["mask", "indices"])
def test_elements_stay_what_they_were_between_batches(chosen):
    """They are checked once: what is written to them later would be read as the place of a tetrahedron."""
    mine = chosen.copy()
    expected = [f.E for f in model().iter_solve(coil(), poses(2), elements=chosen, batch=1)]
    fields = model().iter_solve(coil(), poses(2), elements=mine, batch=1)
    found = [next(fields)]
    mine[...] = mine[-1]
    with pytest.raises(ValueError, match="read-only"):
        found[0].elements[...] = 2**30
    found += fields
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.E, other)


def test_indices_on_the_cpu_are_those_that_were_checked():
    """Native code reads them unchecked, so that nobody else may write to them."""
    cpu, tets = backend.select("cpu"), model().mesh.tets.copy()
    kept = cpu.indices(tets, N)
    tets[...] = 2**30
    out = np.full((1, M, 3), np.nan, np.float32)
    blocks = np.zeros((N, 1)), np.zeros((N, 3, 1), np.float32)
    cpu.native.electric_field(model().mesh.nodes_mm * 1e-3, kept, *blocks, np.ones(1), None, out)
    assert not out.any()

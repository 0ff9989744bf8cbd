# SPDX-License-Identifier: BSD-3-Clause
"""HeadModel and Field: batches, order, subsets, rates, warm starts, threads, files."""

import functools
import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import meshio
import numpy as np
import pytest
from given import p1
from given.comparisons import same_bits
from given.heads import coil, model, poses

import headfield as hf
from headfield.core import _cpu

pytestmark = pytest.mark.usefixtures("each_device")


@functools.cache
def reference(k=6):
    """Fields of `poses(k)`, one solve each."""
    return [model().solve(coil(), pose) for pose in poses(k)]


@functools.cache
def coarsely_tabulated():
    """E of the second of `poses(6)` with a table that takes a quarter of the time."""
    return model().solve(coil(), poses(6)[1], primary_error=0.01).E[0]


def test_shapes_dtypes_and_report():
    mesh, field = model().mesh, model().solve(coil(), poses(6))
    assert len(field) == 6
    assert field.E.shape == (6, mesh.n_tets, 3)
    assert field.E.dtype == np.float32
    assert field.potential.shape == (6, mesh.n_nodes)
    assert field.potential.dtype == np.float64
    np.testing.assert_allclose(field.magnitude, np.linalg.norm(field.E.astype(float), axis=2), rtol=1e-5)
    np.testing.assert_array_equal(field.poses, poses(6))
    np.testing.assert_array_equal(field.didt, np.full(6, 1e6))
    report = field.report
    assert report.converged.all()
    assert (report.residual <= 1e-5).all()
    assert (report.iterations > 0).all()
    assert 0 < report.primary_error <= 1e-3
    assert report.device == model().device == os.environ["HEADFIELD_DEVICE"]
    assert set(report.seconds) == {"primary", "right_hand_side", "solve", "field"}
    assert f"6 poses on {report.device}" in str(report)
    assert "6 poses" in repr(field)
    assert field.E is field.E, "computed once"


def test_one_pose_may_be_a_matrix():
    same_bits(model().solve(coil(), poses(6)[:1]).E, model().solve(coil(), poses(6)[0]).E)
    same_bits(model().solve(coil(), poses(6)[0].tolist()).E, reference()[0].E)


def test_e_is_that_of_the_potential():
    mesh, field = model().mesh, model().solve(coil(), poses(6)[0], 1e6, primary_error=0.0)
    pose = poses(6)[0]
    positions = (coil().dipole_positions_mm @ pose[:3, :3].T + pose[:3, 3]) * 1e-3
    adot = p1.dipole_rate(mesh.nodes_mm * 1e-3, positions, coil().dipole_moments @ pose[:3, :3].T, 1e6)
    assert p1.relative(field.E[0], p1.field(mesh.nodes_mm * 1e-3, mesh.tets, field.potential[0], adot)) < 1e-6


@pytest.mark.parametrize("batch", [1, 2, 4, 5, 8, 31, 1000, "auto"])
def test_a_batch_is_the_same_as_one_at_a_time(batch):
    field = model().solve(coil(), poses(6), batch=batch)
    for k, alone in enumerate(reference()):
        same_bits(field.potential[k], alone.potential[0])
        same_bits(field.E[k], alone.E[0])
        assert field.report.iterations[k] == alone.report.iterations[0]
        assert field.report.residual[k] == alone.report.residual[0]


@pytest.mark.parametrize("order", [[5, 4, 3, 2, 1, 0], [2, 2, 2], [3, 0, 5, 1]])
def test_order_and_neighbours_do_not_matter(order):
    field = model().solve(coil(), poses(6)[order])
    for k, pose in enumerate(order):
        same_bits(field.E[k], reference()[pose].E[0])


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_does_not_matter(threads):
    """Neither for a table, a coarse one, nor for what is solved with it."""
    expected, before = coarsely_tabulated(), _cpu.max_threads()
    try:
        other = hf.HeadModel(model().mesh, threads=threads)
        field = other.solve(coil(), poses(6)[:2], primary_error=0.01)
        assert field.report.threads in (1, threads)  # 1 where there is no OpenMP
        same_bits(field.E[1], expected)
    finally:
        _cpu.set_threads(before)


def test_iter_solve_hands_out_what_solve_does():
    fields = list(model().iter_solve(coil(), poses(6), didt=[1e6] * 6, batch=4))
    assert [len(f) for f in fields] == [4, 2]
    same_bits(np.concatenate([f.E for f in fields]), np.concatenate([f.E for f in reference()]))
    np.testing.assert_array_equal(np.concatenate([f.poses for f in fields]), poses(6))
    chosen = [5, 77]
    for part, whole in zip(
        model().iter_solve(coil(), poses(6), elements=chosen, batch=1), reference(), strict=True
    ):
        same_bits(part.E, np.ascontiguousarray(whole.E[:, chosen]))


def test_iter_solve_checks_at_once_and_solves_late(monkeypatch):
    other = hf.HeadModel(model().mesh)
    calls = []
    solve = other._head.solve
    monkeypatch.setattr(other._head, "solve", lambda *a: calls.append(1) or solve(*a))
    fields = other.iter_solve(coil(), poses(6), batch=1)
    assert not calls
    same_bits(next(fields).E, reference()[0].E)
    assert len(calls) == (1 if other.device == "cpu" else 2), "a GPU is one batch ahead of the host"
    with pytest.raises(hf.PoseError, match="pose 1"):  # before anything is asked of the iterator
        other.iter_solve(coil(), [np.eye(4), np.zeros((4, 4))])
    with pytest.raises(hf.HeadfieldError, match="tol"):
        other.iter_solve(coil(), np.eye(4), tol=-1)


def test_fields_outlive_the_next_solve():
    first = model().solve(coil(), poses(6)[0])
    model().solve(hf.Coil([[0, 0, -5]], [[0, 0, 1]]), poses(6)[:5])
    same_bits(first.E, reference()[0].E)  # E is computed only now, with the coil it was solved for


def test_progress_counts_poses():
    seen = []
    model().solve(coil(), poses(6), batch=4, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(4, 6), (6, 6)]


def test_elements_as_indices_and_as_a_mask():
    chosen = np.array([7, 3, 3, 4000, 0])
    some = model().solve(coil(), poses(6), elements=chosen)
    np.testing.assert_array_equal(some.elements, chosen)
    same_bits(some.E, np.concatenate([f.E for f in reference()])[:, chosen])
    mask = model().mesh.tags == 4
    part = model().solve(coil(), poses(6)[0], elements=mask)
    np.testing.assert_array_equal(part.elements, np.flatnonzero(mask))
    same_bits(part.E, np.ascontiguousarray(reference()[0].E[:, mask]))
    assert part.magnitude.shape == (1, mask.sum())
    with pytest.raises(hf.HeadfieldError, match="elements"):
        _ = part.potential


@pytest.mark.parametrize("empty", [[], np.zeros(0, int), "mask"])
def test_no_elements_is_a_field_of_none(empty):
    elements = np.zeros(model().mesh.n_tets, bool) if isinstance(empty, str) else empty
    field = model().solve(coil(), poses(6), elements=elements)
    assert field.E.shape == (6, 0, 3)
    assert field.magnitude.shape == (6, 0)
    assert field.report.converged.all()


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
@pytest.mark.parametrize("didt", [2.0**-40 * 1e6, -1e6, 2e6, 8e6])
def test_e_is_exactly_linear_in_didt(didt):
    field = model().solve(coil(), poses(6)[0], didt)
    same_bits(field.E, reference()[0].E * np.float32(didt / 1e6))
    same_bits(field.potential, reference()[0].potential * (didt / 1e6))


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
@pytest.mark.parametrize("didt", [1.0, 3.7e5, -1.1e8])
def test_e_is_linear_in_any_didt_to_rounding(didt):
    field = model().solve(coil(), poses(6)[0], didt)
    np.testing.assert_allclose(field.E, reference()[0].E * (didt / 1e6), rtol=1e-5, atol=1e-9 * abs(didt))
    assert field.report.iterations[0] == reference()[0].report.iterations[0]


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
def test_a_didt_per_pose_and_zero():
    didt = np.array([1e6, 0.0, -2e6, 5e5, 0.0, 4e6])
    field = model().solve(coil(), poses(6), didt)
    for k, alone in enumerate(reference()):
        same_bits(np.abs(field.E[k]), np.abs(alone.E[0] * np.float32(didt[k] / 1e6)))
    assert not field.E[1].any()
    assert not field.potential[1].any()
    zero = model().solve(coil(), poses(6)[0], 0.0, initial=reference()[0].potential)
    assert not zero.E.any()


def test_a_didt_beyond_the_coil_warns_where_it_was_asked_for():
    weak = hf.Coil([[0, 0, -5]], [[0, 0, 1]], didt_max=1e8)
    for call in (model().solve, lambda *a, **k: list(model().iter_solve(*a, **k))):
        with pytest.warns(UserWarning, match=r"1\.5e\+08 A/s is more than the 1e\+08"):
            call(weak, poses(6)[0], -1.5e8, elements=[0])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call(weak, poses(6)[0], 1e8, elements=[0])
    with pytest.warns(UserWarning, match="dI/dt") as caught:
        model().solve(weak, poses(6)[0], 2e8, elements=[0])
    assert caught[0].filename == __file__


def test_an_initial_guess_saves_iterations():
    rough = model().solve(coil(), poses(6), didt=3e6, tol=1e-4)
    cold = model().solve(coil(), poses(6), didt=3e6, tol=1e-8)
    warm = model().solve(coil(), poses(6), didt=3e6, tol=1e-8, initial=rough.potential)
    assert (warm.report.iterations < cold.report.iterations).all()
    assert (warm.report.residual <= 1e-8).all()
    assert p1.relative(warm.potential, cold.potential) < 1e-6
    shifted = rough.potential + np.arange(6)[:, None]  # a potential is known up to a constant
    again = model().solve(coil(), poses(6), didt=3e6, tol=1e-8, initial=shifted)
    assert p1.relative(again.potential, cold.potential) < 1e-6
    done = model().solve(coil(), poses(6), didt=3e6, tol=1.1e-8, initial=cold.potential)
    assert not done.report.iterations.any()


def test_a_useless_guess_changes_nothing_but_the_time():
    guess = np.random.default_rng(0).normal(size=(1, model().mesh.n_nodes)) * 1e3
    field = model().solve(coil(), poses(6)[0], tol=1e-8, initial=guess)
    assert p1.relative(field.E, model().solve(coil(), poses(6)[0], tol=1e-8).E) < 1e-6


def test_solves_from_several_threads_do_not_mix():
    """One model, two coils, both kinds of result, at once."""
    other = hf.Coil([[0, 0, -5], [20, 0, -9]], [[0, 0, 1], [1, 0, 0]])
    chosen = np.arange(0, model().mesh.n_tets, 7)
    wanted = {0: [f.E[0] for f in reference()], 1: [model().solve(other, p).E[0] for p in poses(6)]}

    def work(job):
        which, pose = job % 2, (job // 2) % 6
        if job % 3 == 0:
            return job, model().solve((coil(), other)[which], poses(6)[pose], elements=chosen).E[0]
        return job, model().solve((coil(), other)[which], poses(6)[pose]).E[0][chosen]

    with ThreadPoolExecutor(4) as pool:
        for job, e in pool.map(work, range(12)):
            same_bits(np.ascontiguousarray(e), np.ascontiguousarray(wanted[job % 2][(job // 2) % 6][chosen]))


def test_a_solve_that_does_not_converge_raises_and_hands_over_what_it_has(tmp_path):
    with pytest.raises(
        hf.ConvergenceError,
        match=r"6 of 6 poses .* 1e-08; the worst is pose \d .* no more than 2 iterations\.$",
    ) as e:
        model().solve(coil(), poses(6), tol=1e-8, max_iterations=2)
    report, partial = e.value.report, e.value.partial
    assert not report.converged.any()
    assert (report.residual > 1e-8).all()
    assert (report.iterations == 2).all()
    exact = np.concatenate([f.E for f in reference()])
    assert 1e-6 < p1.relative(partial.E, exact) < 0.3, "a field, if a rough one"
    for ending in ("msh", "vtu", "h5"):
        partial.save(tmp_path / f"f.{ending}")
        with pytest.raises(hf.HeadfieldError, match="did not converge"):
            hf.read_result(tmp_path / f"f.{ending}").magnitude()


def test_what_was_solved_before_is_handed_out_first():
    guess = np.concatenate([f.potential for f in reference()])
    spoiled = guess.copy()
    spoiled[3] = np.random.default_rng(0).normal(size=guess.shape[1])
    with pytest.raises(hf.ConvergenceError, match=r"1 of 6 poses .* pose 3") as e:
        model().solve(coil(), poses(6), tol=2e-5, max_iterations=1, initial=spoiled)
    assert e.value.report.converged.tolist() == [True, True, True, False, True, True]
    assert p1.relative(e.value.partial.E[0], reference()[0].E[0]) < 1e-4
    fields = model().iter_solve(coil(), poses(6), tol=1e-8, max_iterations=1, batch=1)
    with pytest.raises(hf.ConvergenceError, match="pose 0"):
        next(fields)


@pytest.mark.parametrize("kept", [{}, {"elements": [5, 7]}, {"recovery": "interface"}], ids=str)
def test_poses_that_do_not_converge_are_nan_and_the_rest_goes_on(kept):
    options = {"tol": 1e-6, "batch": 4} | kept
    needed = model().solve(coil(), poses(6), **options).report.iterations
    most = int(needed.max()) - 1
    good = needed <= most
    fields = list(model().iter_solve(coil(), poses(6), max_iterations=most, strict=False, **options))
    assert [len(field) for field in fields] == [4, 2]
    assert np.concatenate([field.report.converged for field in fields]).tolist() == good.tolist()
    e = np.concatenate([field.E for field in fields])
    assert np.isnan(e[~good]).all()
    same_bits(e[good], model().solve(coil(), poses(6), **options).E[good])
    with pytest.raises(hf.ArgumentError, match="strict must be True or False"):
        model().iter_solve(coil(), poses(6), strict="no")


@pytest.mark.parametrize("primary_error", [0.0, 1e-3])
def test_a_dipole_on_a_node_makes_no_field(primary_error):
    """∂A/∂t is infinite there: an error, not a field of NaN that counts as solved."""
    node = model().mesh.nodes_mm[100]
    with pytest.raises(hf.HeadfieldError):
        model().solve(hf.Coil([node], [[0, 0, 1]]), np.eye(4), primary_error=primary_error)
    same_bits(model().solve(coil(), poses(6)[0]).E, reference()[0].E)  # and leaves no trace


def test_results_are_read_back(tmp_path):
    field = model().solve(coil(), poses(6)[0])
    for name in ("field.msh", "field.vtu"):
        field.save(tmp_path / name)
        back = meshio.read(tmp_path / name)
        cells = [c.type for c in back.cells].index("tetra")
        np.testing.assert_allclose(back.points, model().mesh.nodes_mm, rtol=1e-6)
        np.testing.assert_array_equal(back.cells[cells].data, model().mesh.tets)
        np.testing.assert_allclose(back.cell_data["E"][cells], field.E[0], rtol=1e-6)
        np.testing.assert_allclose(back.cell_data["magnE"][cells], field.magnitude[0], rtol=1e-6)
        np.testing.assert_allclose(back.point_data["v"], field.potential[0], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", ["field.h5", "field.HDF5"])
def test_hdf5_holds_all_poses(tmp_path, name):
    h5py = pytest.importorskip("h5py")
    field = model().solve(coil(), poses(6)[:2], didt=[1e6, 2e6])
    field.save(tmp_path / name)
    assert [f.name for f in tmp_path.iterdir()] == [name]
    with h5py.File(tmp_path / name) as file:
        np.testing.assert_array_equal(file["elements/E"], field.E)
        np.testing.assert_array_equal(file["elements/magnE"], field.magnitude)
        np.testing.assert_array_equal(file["nodes/v"], field.potential)
        np.testing.assert_array_equal(file["didt"], [1e6, 2e6])
        np.testing.assert_array_equal(file["poses"], field.poses)
        for array in ("nodes_mm", "tets", "tags", "triangles", "triangle_tags", "node_ids"):
            np.testing.assert_array_equal(file["mesh"][array], getattr(model().mesh, array))


def test_without_h5py_the_message_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)  # the import then fails
    with pytest.raises(hf.FileFormatError, match=r"headfield\[hdf5\]"):
        reference()[0].save(tmp_path / "field.h5")
    assert not list(tmp_path.iterdir())


def test_a_field_of_some_elements_says_nothing_of_the_others(tmp_path):
    field = model().solve(coil(), poses(6)[0], elements=[3, 9])
    field.save(tmp_path / "some.vtu")
    back = meshio.read(tmp_path / "some.vtu").cell_data["E"][0]
    np.testing.assert_array_equal(back[[3, 9]], field.E[0])
    assert np.isnan(np.delete(back, [3, 9], axis=0)).all()
    assert "v" not in meshio.read(tmp_path / "some.vtu").point_data


def test_other_endings_are_refused(tmp_path):
    field = reference()[0]
    for name in ("field.txt", "field"):
        with pytest.raises(hf.FileFormatError):
            field.save(tmp_path / name)
    assert not list(tmp_path.iterdir())

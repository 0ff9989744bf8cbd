# SPDX-License-Identifier: BSD-3-Clause
"""A session that is replayed: its table against direct solves, its sums against a loop, what is refused."""

import csv
import functools
import tracemalloc
import types

import meshio
import numpy as np
import pytest
from given.engines import Choosy, Made, Solver, without_field

import headfield as hf
from headfield.dose.maps import sums as dose_of
from headfield.dose.maps.session import Session
from headfield.poses.pose_list import LeftOut, PoseList

AT = np.array([-46.0, -8, 70])


@functools.cache
def model():
    return hf.HeadModel(hf.phantom_head(edge_mm=8), threads=1)


@functools.cache
def coil():
    return hf.figure_of_eight(spacing_mm=10.0, didt_max=200e6)


@functools.cache
def region():
    return hf.regions.sphere(model().mesh, [-40, -8, 50], 15, 2)


@functools.cache
def poses():
    """Five poses, the second one again after the third."""
    one = model().place(coil(), AT, AT + [0, 50, 0])
    turned = hf.ring(one, [0, 40, 80, 40, 120])
    turned[4, :3, 3] -= 6.0 * turned[4, :3, 2]
    return turned


DIDT = np.array([50e6, 80e6, -60e6, 120e6, 100e6])


@functools.cache
def session():
    return hf.replay(Solver(model(), region()), coil(), poses(), DIDT, target=hf.Target(part(), [0, 1, 0]))


@functools.cache
def part():
    return hf.regions.sphere(model().mesh, [-40, -8, 50], 8, 2)


@functools.cache
def direct():
    """|E| and E of each pulse, solved by itself."""
    E = np.stack(
        [model().solve(coil(), p, float(d), roi=region()).E[0] for p, d in zip(poses(), DIDT, strict=True)]
    ).astype(float)
    return np.linalg.norm(E, axis=2), E


def moved(pose, *by_mm):
    made = np.array(pose)
    made[:3, 3] += by_mm
    return made


class TestPulses:
    def test_the_table_is_that_of_direct_solves(self):
        magnitude, _ = direct()
        weights = region().weights
        np.testing.assert_allclose(session().largest, magnitude.max(axis=1), rtol=1e-5)
        np.testing.assert_allclose(session().mean, magnitude @ weights / weights.sum(), rtol=1e-5)
        expected = hf.metrics.percentiles(magnitude, weights, 99)
        np.testing.assert_allclose(session().percentile_99, expected, rtol=1e-5)
        assert session().refused == ()
        assert np.isnan(session().basis_error).all()

    def test_a_component_has_the_sign_of_didt(self):
        _, E = direct()
        rows = np.isin(region().elements, part().elements)
        expected = E[:, rows, 1] @ part().weights / part().weights.sum()
        np.testing.assert_allclose(session().at_target, expected, rtol=1e-4)
        assert session().at_target[2] * session().at_target[0] != 0.0
        flipped = hf.replay(Solver(model(), region()), coil(), poses(), -DIDT, target=session().target)
        np.testing.assert_array_equal(flipped.at_target, -session().at_target)
        np.testing.assert_array_equal(flipped.largest, session().largest)

    def test_the_mean_of_magnitude_has_none(self):
        found = hf.replay(Solver(model(), region()), coil(), poses(), DIDT, target=part())
        magnitude = direct()[0][:, np.isin(region().elements, part().elements)]
        np.testing.assert_allclose(
            found.at_target, magnitude @ part().weights / part().weights.sum(), rtol=1e-5
        )

    def test_equal_poses_are_computed_once(self):
        engine = Solver(model(), region())
        hf.replay(engine, coil(), poses(), DIDT, batch=3)
        assert engine.batches == [3, 1]
        assert session().dose.n_poses == 4

    def test_batches_change_nothing_that_counts(self):
        one_by_one = hf.replay(Solver(model(), region()), coil(), poses(), DIDT, batch=1)
        np.testing.assert_allclose(one_by_one.largest, session().largest, rtol=1e-6)
        np.testing.assert_allclose(one_by_one.dose.total, session().dose.total, rtol=1e-6)

    def test_several_stimulators_are_not_scaled(self):
        left, right = (hf.Dipoles([[x, 0, -5]], [[0, 0, x * 1e-3]]) for x in (-30.0, 30.0))
        parts = [hf.CoilElement(left), hf.CoilElement(right, stimulator=1)]
        pair = hf.Coil(elements=parts, stimulators=[hf.Stimulator(), hf.Stimulator()])
        pose = poses()[0]
        rates = np.array([[50e6, 20e6], [50e6, 20e6], [20e6, 50e6]])
        engine = Solver(model(), region())
        found = hf.replay(engine, pair, [pose] * 3, rates)
        expected = model().solve(pair, [pose] * 3, rates, roi=region()).magnitude.max(axis=1)
        np.testing.assert_allclose(found.largest, expected, rtol=1e-5)
        assert found.dose.n_poses == 2
        assert found.largest[0] == found.largest[1] != found.largest[2]

    def test_points_of_the_cortex(self):
        layer = hf.regions.mid_layer(model().mesh)
        layer = layer.part(np.linalg.norm(layer.centres_mm - [-40, -8, 50], axis=1) < 15)
        near = layer.part(np.linalg.norm(layer.centres_mm - layer.centres_mm[0], axis=1) < 8)
        target = hf.Target(near, -near.normals)
        found = hf.replay(Solver(model(), layer), coil(), poses()[:2], DIDT[:2], target=target)
        E = model().solve(coil(), poses()[:2], DIDT[:2], roi=near).E
        np.testing.assert_allclose(found.at_target, target.value(E), rtol=1e-5)
        assert found.dose.total.shape == (len(layer),)

    def test_the_error_of_the_basis_is_passed_on(self):
        made = hf.replay(Made(region(), 0.002), coil(), poses()[:2], DIDT[:2])
        assert made.basis_error.tolist() == [0.002, 0.002]
        assert made.to_dict()["largest_basis_error"] == 0.002

    def test_progress_counts_different_poses(self):
        told = []
        hf.replay(Made(region()), coil(), poses(), DIDT, batch=3, progress=lambda *now: told.append(now))
        assert told == [(3, 4), (4, 4)]


class TestSums:
    def test_they_are_those_of_a_loop(self):
        magnitude, _ = direct()
        threshold = float(np.median(magnitude))
        found = hf.replay(Solver(model(), region()), coil(), poses(), DIDT, threshold=threshold)
        total, peak, count = (np.zeros(len(region())) for _ in range(3))
        for one in magnitude:
            total += one
            peak = np.maximum(peak, one)
            count += one > threshold
        np.testing.assert_allclose(found.dose.total, total, rtol=1e-5)
        np.testing.assert_allclose(found.dose.peak, peak, rtol=1e-5)
        unsure = (np.abs(magnitude - threshold) < 1e-4 * threshold).any(axis=0)
        np.testing.assert_array_equal(found.dose.above[0, ~unsure], count[~unsure])
        assert unsure.sum() < 5
        assert 0 < found.dose.above.max() <= 5

    def test_a_pulse_at_the_threshold_does_not_count(self):
        points = hf.regions.points(model().mesh, [[-40, -8, 50], [-38, -8, 50]])
        pose = poses()[0]
        strength = abs(pose[0, 3]) * np.array([1.0, 2.0])
        at = float(np.float32(strength[0]))
        found = hf.replay(Made(points), coil(), pose, 1e6, threshold=at)
        assert found.dose.above.tolist() == [[0, 1]]

    def test_memory_does_not_grow_with_pulses(self):
        many = np.repeat(poses()[:1], 2000, axis=0)
        many[:, 0, 3] -= np.linspace(0, 5, 2000)
        engine, rates = Made(region()), np.full(2000, 50e6)
        tracemalloc.start()
        try:
            found = hf.replay(engine, coil(), many, rates, batch=8)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert engine.poses == 2000
        assert found.dose.total.min() > 0
        assert most < 2000 * len(region()) * 12

    def test_a_part_is_found_whatever_the_order(self):
        layer = hf.regions.points(model().mesh, [[-40, -8, 50], [-38, -8, 50], [-36, -8, 50]])
        assert dose_of.rows_in(layer, layer.part(np.array([True, False, True]))).tolist() == [0, 2]
        turned = hf.regions.points(model().mesh, [[-36, -8, 50], [-40, -8, 50]])
        assert dose_of.rows_in(layer, turned).tolist() == [2, 0]


class TestRefused:
    def test_the_rest_goes_on(self):
        engine = Choosy(model(), region())
        right = poses().copy()
        right[3] = moved(poses()[3], 60, 0, 80)
        found = hf.replay(engine, coil(), right, DIDT)
        assert [(r.number, r.reason) for r in found.refused] == [(3, "the coil is 1.5 mm off the scalp")]
        assert np.isnan(found.largest).tolist() == [False, False, False, True, False]
        others = [0, 1, 2, 4]
        np.testing.assert_allclose(found.largest[others], session().largest[others], rtol=1e-6)
        np.testing.assert_allclose(found.dose.total, direct()[0][others].sum(axis=0), rtol=1e-5)

    def test_coils_in_the_head_and_on_the_table(self):
        engine = Solver(model(), region())
        some = np.stack([poses()[0], moved(poses()[0], 40, 0, -60), moved(poses()[0], 0, 0, 900)])
        found = hf.replay(engine, coil(), some, DIDT[:3])
        assert [str(r) for r in found.refused] == [
            "pulse 1 (pose 1): the wire of the coil is inside the head",
            "pulse 2 (pose 2): the coil is more than 300 mm from the head",
        ]
        assert engine.batches == [1]

    def test_a_solve_that_does_not_converge(self):
        class Slow(Choosy):
            error = hf.ConvergenceError

        some = np.stack([poses()[0], moved(poses()[0], 60, 0, 80)])
        found = hf.replay(Slow(model(), region()), coil(), some, 50e6)
        assert [r.number for r in found.refused] == [1]

    def test_a_field_that_is_no_number(self):
        class Broken(Solver):
            def field(self, coil, poses, didt=1e6):
                return without_field(super().field(coil, poses, didt), [1])

        found = hf.replay(Broken(model(), region()), coil(), poses()[:3], 50e6)
        assert [(r.number, r.reason) for r in found.refused] == [(1, "E is not a number")]
        assert np.isfinite(found.dose.total).all()

    def test_what_has_nothing_to_do_with_a_pose_ends_it(self):
        class Lost(Choosy):
            error = hf.DeviceError

        with pytest.raises(hf.DeviceError):
            hf.replay(Lost(model(), region()), coil(), moved(poses()[0], 60, 0, 80), 50e6)

    def test_all_refused_is_an_answer(self):
        found = hf.replay(Solver(model(), region()), coil(), moved(poses()[0], 0, 0, 900), 50e6)
        assert len(found.refused) == 1
        assert not found.dose.total.any()
        assert found.to_dict()["largest_V_per_m"] is None

    def test_pulses_that_the_tracker_lost_are_listed(self):
        left = [LeftOut(1, "", "not set"), LeftOut(3, "nasion", "another type (Landmark)")]
        listed = PoseList(
            poses()[:2], ["a", "b"], DIDT[:2], left_out=left, indices=[0, 2], seconds=[1.0, 3.0]
        )
        found = hf.replay(Solver(model(), region()), coil(), listed)
        assert found.names == ("a", "pose 1", "b")
        assert found.numbers.tolist() == [0, 1, 2]
        assert [(r.number, r.reason) for r in found.refused] == [(1, "not set")]
        assert np.isnan(found.largest).tolist() == [False, True, False]
        np.testing.assert_array_equal(found.seconds, [1.0, np.nan, 3.0])
        np.testing.assert_array_equal(found.didt[:, 0], [50e6, np.nan, 80e6])
        assert np.isnan(found.poses[1]).all()
        np.testing.assert_allclose(found.dose.total, direct()[0][:2].sum(axis=0), rtol=1e-5)

    @pytest.mark.parametrize(
        ("options", "error", "words"),
        [
            ({"threshold": -1.0}, hf.ArgumentError, "threshold"),
            ({"threshold": np.nan}, hf.ArgumentError, "threshold"),
            ({"batch": 0}, hf.ArgumentError, "batch"),
            ({"didt": [1e6, 2e6]}, hf.ArgumentError, "didt"),
            ({"didt": np.nan}, hf.ArgumentError, "didt"),
        ],
    )
    def test_bad_options(self, options, error, words):
        didt = options.pop("didt", DIDT)
        with pytest.raises(error, match=words):
            hf.replay(Made(region()), coil(), poses(), didt, **options)

    def test_bad_arguments(self):
        outside = hf.regions.sphere(model().mesh, [40, -8, 50], 8, 2)
        with pytest.raises(hf.RegionError, match=r"of the target are not in <Region"):
            hf.replay(Made(region()), coil(), poses(), DIDT, target=outside)
        points = hf.regions.points(model().mesh, [[-40, -8, 50]])
        with pytest.raises(hf.RegionError, match="must be a part of"):
            hf.replay(Made(region()), coil(), poses(), DIDT, target=points)
        with pytest.raises(hf.RegionError, match="is empty"):
            hf.replay(Made(region() - region()), coil(), poses(), DIDT)
        with pytest.raises(hf.PoseError, match="last row"):
            hf.replay(Made(region()), coil(), poses() * 1.1, DIDT)
        with pytest.raises(hf.CoilError, match="must be a Coil"):
            hf.replay(Made(region()), "coil.ccd", poses(), DIDT)

    def test_one_didt_is_not_enough_for_two_stimulators(self):
        listed = PoseList(poses()[:1], ["a"], [50e6])
        two = types.SimpleNamespace(n_stimulators=2)
        with pytest.raises(hf.ArgumentError, match="2 stimulators: give didt"):
            Session.of(listed, two, None)


class TestFiles:
    def test_the_table(self, tmp_path):
        left = [LeftOut(1, "", "not set")]
        names = ['M1, "left"', "b\x1b[2J"]
        listed = PoseList(poses()[:2], names, DIDT[:2], left_out=left, indices=[0, 2], seconds=[1.5, 3.0])
        found = hf.replay(Made(region(), 0.01), coil(), listed, target=part())
        found.write_table(tmp_path / "pulses.csv")
        rows = list(csv.DictReader((tmp_path / "pulses.csv").read_text().splitlines()))
        assert list(rows[0]) == [
            *("number", "name", "time_s", "didt_A_per_s", "max_magnE", "mean_magnE", "p99_magnE"),
            *("target", "basis_error", "refused"),
        ]
        assert [row["name"] for row in rows] == ['M1, "left"', "pose 1", "b?[2J"]
        assert [row["refused"] for row in rows] == ["", "not set", ""]
        assert [row["number"] for row in rows] == ["0", "1", "2"]
        assert rows[1]["max_magnE"] == rows[1]["time_s"] == rows[1]["didt_A_per_s"] == "nan"
        np.testing.assert_allclose([float(row["max_magnE"]) for row in rows], found.largest, rtol=1e-8)
        np.testing.assert_allclose([float(row["target"]) for row in rows], found.at_target, rtol=1e-8)

    def test_without_times_and_target_there_are_no_such_columns(self, tmp_path):
        hf.replay(Made(region()), coil(), poses(), DIDT).write_table(tmp_path / "a.csv")
        header = (tmp_path / "a.csv").read_text().splitlines()[0]
        assert "time" not in header
        assert "target" not in header

    def test_sums_in_tetrahedra(self, tmp_path):
        session().dose.save(tmp_path / "sums.vtu")
        data = meshio.read(tmp_path / "sums.vtu").cell_data
        for name, values in session().dose.sums().items():
            there = data[name][0]
            np.testing.assert_array_equal(there[region().elements], values)
            assert np.isnan(there).sum() == model().mesh.n_tets - len(region())
        session().dose.save(tmp_path / "sums.msh")
        fields = hf.read_mesh(tmp_path / "sums.msh").element_data
        np.testing.assert_array_equal(fields["sum_magnE"][region().elements], session().dose.total)

    def test_sums_as_numbers(self, tmp_path):
        session().dose.save(tmp_path / "sums.npz")
        with np.load(tmp_path / "sums.npz") as found:
            np.testing.assert_array_equal(found["elements"], region().elements)
            np.testing.assert_array_equal(found["sum_magnE"], session().dose.total)
            np.testing.assert_array_equal(found["centres_mm"], region().centres_mm)
            assert found["thresholds"] == [50.0]

    def test_sums_at_points(self, tmp_path):
        points = hf.regions.points(model().mesh, [[-40, -8, 50], [-38, -8, 50]])
        found = hf.replay(Made(points), coil(), poses(), DIDT)
        found.dose.save(tmp_path / "sums.vtu")
        data = meshio.read(tmp_path / "sums.vtu").point_data
        np.testing.assert_array_equal(data["max_magnE"], found.dose.peak)
        with pytest.raises(hf.FileFormatError, match="sums at points are written as"):
            found.dose.save(tmp_path / "sums.msh")
        with pytest.raises(hf.ArgumentError, match="no tetrahedra to draw"):
            found.dose.write_picture(tmp_path / "a.png")

    def test_the_picture(self, tmp_path, monkeypatch):
        monkeypatch.setattr("headfield.pictures.figure._PIXELS", 150)
        monkeypatch.setattr("headfield.pictures.figure._DPI", 60)
        session().dose.write_picture(tmp_path / "largest.png")
        assert (tmp_path / "largest.png").read_bytes().startswith(b"\x89PNG")

    @pytest.mark.parametrize(("write", "name"), [("write_table", "a.txt"), ("save", "a.csv")])
    def test_other_endings(self, tmp_path, write, name):
        with pytest.raises(hf.FileFormatError, match=name):
            getattr(session() if write == "write_table" else session().dose, write)(tmp_path / name)
        assert list(tmp_path.iterdir()) == []

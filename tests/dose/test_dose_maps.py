# SPDX-License-Identifier: BSD-3-Clause
"""Sums over the pulses of a session: against fields solved one by one, and against a formula."""

import functools
import tracemalloc
import types

import numpy as np
import pytest
from given.engines import Made

import headfield as hf
from headfield.poses.pose_list import LeftOut

LEVELS = [30.0, 45.0, 60.0]


@functools.cache
def model():
    return hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=16))


@functools.cache
def gray():
    return hf.regions.sphere(model().mesh, [0, 0, 70], 30, 2)


@functools.cache
def coil():
    return hf.figure_of_eight()


@functools.cache
def poses():
    return np.array([model().place(coil(), [x, 0, 92], [x, 50, 92]) for x in (-10, 0, 10)])


@functools.cache
def points():
    return hf.regions.points(model().mesh, [[0, 0, 70], [0, 0, 60], [0, 0, 50]])


def test_sums_are_those_of_fields_that_are_solved_one_by_one():
    counts, didt = np.array([600, 0, 25]), np.array([60e6, 70e6, -50e6])
    found = hf.dose.dose_map(model(), coil(), poses(), didt, region=gray(), pulses=counts, thresholds=LEVELS)
    each = np.stack(
        [
            model().solve(coil(), pose, rate, roi=gray()).magnitude[0].astype(np.float64)
            for pose, rate in zip(poses(), didt, strict=True)
        ]
    )
    np.testing.assert_allclose(found.total, counts @ each, rtol=1e-4)
    np.testing.assert_allclose(found.peak, each[[0, 2]].max(axis=0), rtol=1e-4)
    np.testing.assert_allclose(found.mean, counts @ each / 625, rtol=1e-4)
    for above, level in zip(found.above, LEVELS, strict=True):
        clear = (np.abs(each - level) > 1e-3 * level).all(axis=0)
        np.testing.assert_array_equal(above[clear], (counts[:, None] * (each > level)).sum(axis=0)[clear])
    assert found.n_pulses == 625
    many = found.above[1] >= 600
    assert 0 < found.exceedance(45.0, pulses=600) == pytest.approx(gray().weights[many].sum())


def test_a_protocol_is_given_at_each_pose():
    found = hf.dose.dose_map(
        model(), coil(), poses()[:2], 1e6, region=gray(), pulses=types.SimpleNamespace(n_pulses=600)
    )
    assert (found.n_pulses, found.n_poses) == (1200, 2)


def test_ten_thousand_pulses_at_five_hundred_poses():
    """One field for each different pose, whatever their order, and sums that follow from a formula."""
    rng = np.random.default_rng(1)
    path = np.repeat(poses()[1][None], 500, axis=0)
    path[:, 0, 3] = np.linspace(-30, 30, 500)
    pulse = rng.permutation(np.repeat(np.arange(500), 20))
    engine = Made(points())
    found = hf.dose.dose_map(engine, coil(), path[pulse], 2e6, thresholds=[0.0, 30.0])
    assert (found.n_pulses, found.n_poses, engine.poses) == (10_000, 500, 500)
    size = 2.0 * np.abs(path[:, 0, 3])[:, None] * np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(found.total, 20 * size.sum(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(found.above[1], 20 * (size > 30.0).sum(axis=0))


def test_memory_is_that_of_a_batch():
    path = np.repeat(poses()[1][None], 2000, axis=0)
    path[:, 0, 3] = np.linspace(-30, 30, 2000)
    region = hf.regions.tissue(model().mesh, 2)
    hf.dose.dose_map(Made(region), coil(), path[:16], 1e6, batch=8)
    tracemalloc.start()
    hf.dose.dose_map(Made(region), coil(), path, 1e6, batch=8)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2000 * len(region) * 4  # not a number for each pose and tetrahedron


def test_a_pose_without_a_field_is_in_no_sum():
    inside = np.eye(4)
    found = hf.dose.dose_map(model(), coil(), [poses()[0], inside], 1e6, region=gray(), pulses=[1, 100])
    assert (found.n_pulses, [one.number for one in found.refused]) == (1, [1])
    assert "inside the head" in found.refused[0].reason


def test_pulses_go_with_the_poses_as_they_are_given():
    """Whatever their places in a file, and between poses that were lost."""
    lost = [LeftOut(1, "", "not set")]
    listed = hf.PoseList(poses()[:2], ["a", "b"], [1e6, 2e6], left_out=lost, indices=[2, 0])
    found = hf.dose.dose_map(Made(points()), coil(), listed, pulses=[10, 300])
    plain = hf.dose.dose_map(Made(points()), coil(), poses()[:2], [1e6, 2e6], pulses=[10, 300])
    np.testing.assert_allclose(found.total, plain.total)
    assert (found.n_pulses, [one.number for one in found.refused]) == (310, [1])


def test_several_stimulators_add_as_they_are_driven():
    two = hf.Coil(
        elements=[
            hf.CoilElement(hf.Dipoles([[-40, 0, -5.0]], [[0, 0, 1e-2]]), 0),
            hf.CoilElement(hf.Dipoles([[40, 0, -5.0]], [[0, 0, 1e-2]]), 1),
        ],
        stimulators=(hf.Stimulator("a"), hf.Stimulator("b")),
    )
    rates = np.array([[1e6, 0.0], [1e6, 1e6], [1e6, -1e6]])
    found = hf.dose.dose_map(model(), two, np.repeat(poses()[1:2], 3, axis=0), rates, region=gray())
    each = model().solve(two, np.repeat(poses()[1:2], 3, axis=0), rates, roi=gray()).magnitude
    np.testing.assert_allclose(found.total, each.astype(float).sum(axis=0), rtol=1e-5)
    assert found.n_poses == 3


def test_files_have_a_column_for_each_threshold(tmp_path):
    found = hf.dose.dose_map(Made(points()), coil(), poses(), 1e6, thresholds=[1, 2.5])
    found.save(tmp_path / "sums.npz")
    with np.load(tmp_path / "sums.npz") as kept:
        assert {"pulses_above_1", "pulses_above_2.5", "sum_magnE", "max_magnE", "thresholds"} <= set(kept)
    with pytest.raises(hf.FileFormatError, match=r"a\.csv"):
        found.save(tmp_path / "a.csv")


def test_plain_numbers():
    facts = hf.dose.dose_map(Made(points()), coil(), poses()[:1], 1e6, thresholds=[1, 25]).to_dict()
    assert facts["most_pulses_above"] == [1, 1]
    assert facts["above_in_one_pulse_or_more"] == [3.0, 1.0]  # |E| is 10, 20 and 30 V/m
    assert facts["unit"] == "points"


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"pulses": 1.5}, hf.ArgumentError, "1.5"),
        ({"pulses": -1}, hf.ArgumentError, "-1"),
        ({"pulses": [1, 2]}, hf.ArgumentError, "one for each of the 3 poses"),
        ({"pulses": True}, hf.ArgumentError, "pulses"),
        ({"pulses": np.nan}, hf.ArgumentError, "nan"),
        ({"thresholds": []}, hf.ArgumentError, "thresholds"),
        ({"thresholds": [-1.0]}, hf.ArgumentError, "thresholds"),
        ({"thresholds": [50, 50.0000001]}, hf.ArgumentError, "same to six digits"),
        ({"region": None}, hf.ArgumentError, "give region="),
        ({"batch": 0}, hf.ArgumentError, "batch"),
    ],
)
def test_bad_input_is_refused_by_name(changed, error, words):
    with pytest.raises(error, match=words):
        hf.dose.dose_map(model(), coil(), poses(), 1e6, **{"region": gray(), **changed})


def test_sums_without_a_rate_are_refused():
    with pytest.raises(hf.ArgumentError, match="need dI/dt"):
        hf.dose.dose_map(model(), coil(), poses(), region=gray())


def test_an_engine_has_a_region_of_its_own():
    with pytest.raises(hf.ArgumentError, match="Made has a region of its own"):
        hf.dose.dose_map(Made(points()), coil(), poses(), region=points())
    with pytest.raises(hf.ArgumentError, match="counted above 50 V/m, not above 60"):
        hf.dose.dose_map(Made(points()), coil(), poses(), 1e6).exceedance(60)

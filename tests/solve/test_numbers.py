# SPDX-License-Identifier: BSD-3-Clause
"""Numbers of a solve that can't be meant: dI/dt, conductivities, poses in metres, samples beside the head."""

import warnings

import numpy as np
import pytest
from given.heads import coil, model, poses

import headfield as hf
from headfield.solve.drives.rates import checked_didt

LIMITED = hf.Coil(coil().dipole_positions_mm, coil().dipole_moments, didt_max=1.5e8)


def two():
    elements = [hf.CoilElement(hf.circular_coil(spacing_mm=20).elements[0].source, i) for i in (0, 1)]
    return hf.Coil(elements=elements, stimulators=[hf.Stimulator("a", didt_max=1e8), hf.Stimulator("b")])


# dI/dt


@pytest.mark.parametrize("didt", [50.0, 50, [50.0, 50e6], np.float32(-50), "50A/s"])
def test_too_small_a_rate_is_doubted(didt):
    with pytest.warns(
        hf.PlausibilityWarning, match=r"dI/dt of 50 A/s: A/µs would be 50e6 \(coils .* --didt 50A/us"
    ):
        checked_didt(didt, 2, coil())


@pytest.mark.parametrize("didt", [5e10, [1e6, -5e10], "50000A/us"])
def test_too_large_a_rate_is_doubted_unless_the_coil_says_what_it_reaches(didt):
    with pytest.warns(
        hf.PlausibilityWarning, match=r"dI/dt of 5e\+10 A/s is 50000 A/µs, above the 1000 A/µs"
    ):
        checked_didt(didt, 2, coil())
    with pytest.warns(
        UserWarning, match=r"5e\+10 A/s is more than the 1\.5e\+08 A/s this coil reaches"
    ) as said:
        checked_didt(didt, 2, LIMITED)
    assert len(said) == 1


@pytest.mark.parametrize(
    ("didt", "count"), [(0.0, "2 of 2"), (0, "2 of 2"), ([0.0, 0.0], "2 of 2"), ([0.0, 1e6], "1 of 2")]
)
def test_no_rate_is_doubted_with_the_count(didt, count):
    with pytest.warns(
        hf.PlausibilityWarning, match=f"dI/dt is 0 for {count} poses, and so is E there; .*--didt"
    ) as s:
        checked_didt(didt, 2, coil())
    assert len(s) == 1


def test_a_stimulator_may_be_off_but_not_all():
    assert checked_didt([[0.0, 1e6]], 3, two()).tolist() == [[0.0, 1e6]] * 3
    with pytest.warns(hf.PlausibilityWarning, match="dI/dt is 0 for 3 of 3 poses"):
        checked_didt([[0.0, 0.0]], 3, two())
    with pytest.warns(hf.PlausibilityWarning, match="dI/dt of 20 A/s: A/µs would be 20e6"):
        checked_didt([[20.0, 1e6]], 3, two())


@pytest.mark.parametrize("didt", [1e6, 1e4, -1e4, 1e9, [1e6, 150e6], "60%MSO", "1A/us"])
def test_rates_of_stimulators_are_not_doubted(didt):
    for one in (coil(), LIMITED):
        if one is LIMITED or "MSO" not in str(didt):
            with warnings.catch_warnings():
                warnings.simplefilter("error", hf.PlausibilityWarning)
                warnings.filterwarnings("ignore", ".*more than the")
                checked_didt(didt, 2, one)


def test_rates_as_they_are_written():
    assert checked_didt("60%MSO", 2, LIMITED).tolist() == [9e7, 9e7]
    assert checked_didt("50A/us,2e6", 2, two()).tolist() == [[5e7, 2e6]] * 2
    assert checked_didt("60%MSO,2e6", 1, two()).tolist() == [[6e7, 2e6]]
    with pytest.raises(hf.ArgumentError, match=r"60 % of the maximum .* does not say how much that is"):
        checked_didt("60%MSO", 1, coil())
    with pytest.raises(hf.ArgumentError, match=r"10 % of the maximum .* does not say"):
        checked_didt("1e6,10%MSO", 1, two())
    with pytest.raises(hf.ArgumentError, match=r"3 values of dI/dt, but <Coil .* has 2 stimulators"):
        checked_didt("1e6,1e6,1e6", 1, two())
    with pytest.raises(hf.ArgumentError, match=r"1 value of dI/dt, but .* 2 stimulators: one for each"):
        checked_didt("50A/us", 1, two())
    with pytest.raises(hf.ArgumentError, match="'fast' is neither a number of A/s"):
        checked_didt("fast", 1, coil())


def test_a_solve_takes_words_and_warns_once():
    written = model().solve(coil(), poses(2), "50A/µs")
    np.testing.assert_array_equal(written.E, model().solve(coil(), poses(2), 50e6).E)
    with pytest.warns(hf.PlausibilityWarning, match="dI/dt of 50 A/s") as said:
        model().solve(coil(), poses(2), 50.0)
    assert [one.filename for one in said] == [__file__]


# Conductivities


def test_a_tissue_in_other_units_is_doubted_once():
    mesh = model().mesh
    for given, words in [
        (
            {5: 465.0},
            r"conductivity of tag 5 \(scalp\) is 465 S/m, not between 0\.0465 and 4\.65: 465 mS/m would be 0",
        ),
        ({4: 1e-5}, r"conductivity of tag 4 \(bone\) is 1e-05 S/m, not between 0\.0005 and 2: is it in S/m"),
        (np.where(mesh.tags == 3, 1654.0, 0.3), r"tag 3 \(CSF\) is 1654 S/m"),
        (np.where(mesh.tags == 3, 1654.0, 0.3)[:, None, None] * np.eye(3), r"tag 3 \(CSF\) is 1654 S/m"),
    ]:
        with pytest.warns(hf.PlausibilityWarning, match=words) as said:
            hf.HeadModel(mesh, given)
        assert [one.filename for one in said] == [__file__]


def test_usual_conductivities_are_not_doubted():
    mesh = model().mesh
    fibres = np.diag([1.2, 0.08, 0.08])
    for given in (0.33, {4: 0.0042}, {4: 0.3}, {3: 1.0}, np.full((mesh.n_tets, 3, 3), fibres)):
        hf.HeadModel(mesh, given)
    electrodes = hf.TetMesh(mesh.nodes_mm, mesh.tets, np.where(mesh.tags == 5, 100, mesh.tags))
    hf.HeadModel(electrodes, {100: 5e4})


# Poses and samples


def test_poses_in_metres_are_doubted():
    metres = poses(2).copy()
    metres[:, :3, 3] *= 1e-3
    with pytest.warns(UserWarning, match="inside the head: are their centres in metres, not mm"):
        model().solve(coil(), metres, elements=[0], primary_error=0.0)


@pytest.mark.usefixtures("each_device")
def test_samples_that_miss_the_head_are_refused():
    near = coil().sampled(8.0, [[-40, 40], [-40, 40], [0, 30]])
    with (
        pytest.warns(UserWarning, match="nodes a pose lie outside the samples"),
        pytest.warns(UserWarning, match="are coarse"),
    ):
        model().solve(near, poses(1), elements=[0])
    away = np.concatenate([poses(1), poses(1)])
    away[1, :3, 3] += 400.0 * away[1, :3, 2] * -1.0
    with (
        pytest.raises(
            hf.PoseError, match=r"pose 1: the samples of A of .* hold no node of the head, so A would be 0"
        ),
        pytest.warns(UserWarning, match=r"are coarse|more than 300 mm"),
    ):
        model().solve(near, away, elements=[0])

# SPDX-License-Identifier: BSD-3-Clause
"""How strong a coil has to be driven: against closed forms in spheres, by each rule, and with its errors."""

import dataclasses
import functools
import json

import numpy as np
import pytest

import headfield as hf

AT_TOP, AT_SIDE = np.array([0, 0, 72.0]), np.array([-50.9, 0, 50.9])


@functools.cache
def ball():
    return hf.HeadModel(hf.sphere_mesh(radii_mm=[70, 80, 86, 92], tags=[1, 2, 4, 5], edge_mm=6))


@functools.cache
def first():
    return hf.figure_of_eight(didt_max=150e6)


@functools.cache
def second():
    return hf.circular_coil(didt_max=300e6)


@functools.cache
def top():
    return hf.regions.sphere(ball().mesh, AT_TOP, 10, 2)


@functools.cache
def side():
    return hf.regions.sphere(ball().mesh, AT_SIDE, 10, 2)


@functools.cache
def pose(where):
    centre, handle = {"top": ([0, 0, 92], [0, 50, 92]), "side": ([-65, 0, 65], [-65, 50, 65])}[where]
    return ball().place(first(), centre, handle)


def rule(**changed):
    given = {"mso": 45.0, "coil": first(), "pose": pose("top"), "target": top(), **changed}
    return hf.dose.MatchedField(**given)


def asked(by, **options):
    return hf.dose.intensity(ball(), second(), pose("side"), side(), by, **options)


def exact(coil, where, region):
    """Mean |E| over a region in a sphere, V/m per A/s, by the closed form."""
    dipoles = coil.only_dipoles
    R, t = pose(where)[:3, :3], pose(where)[:3, 3]
    positions = dipoles.positions_mm @ R.T + t
    E = hf.analytic.sphere_tms_field(region.centres_mm, positions, dipoles.moments @ R.T, 1.0)
    return np.average(np.linalg.norm(E, axis=1), weights=region.weights)


class TestMatchedField:
    def test_two_coils_at_two_places_as_closed_forms_have_it(self):
        found = asked(rule())
        expected = 45.0 * exact(first(), "top", top()) * 150e6 / (exact(second(), "side", side()) * 300e6)
        assert found.mso == pytest.approx(expected, rel=0.02)
        assert found.field == pytest.approx(45.0 / 100 * 150e6 * exact(first(), "top", top()), rel=0.02)
        assert found.didt == pytest.approx(found.mso * 3e6)
        # the estimate of the error is about what the values are off by, and no less
        assert abs(found.mso / expected - 1.0) < 2.0 * found.errors["discretisation"] / found.mso < 0.1

    def test_a_coil_at_its_own_threshold_needs_its_threshold(self):
        found = hf.dose.intensity(ball(), first(), pose("top"), top(), rule(), percent=110)
        assert found.mso == pytest.approx(49.5, rel=1e-9)
        assert found.errors == {"discretisation": pytest.approx(0.0, abs=1e-9)}  # it cancels
        assert found.percent_rmt == pytest.approx(110)

    def test_what_changes_both_fields_alike_cancels(self):
        head = hf.phantom_head(edge_mm=8)
        model, coil = hf.HeadModel(head), first()
        hand, beside = (hf.regions.sphere(head, [x, -8, 50], 10, 2) for x in (-40, -34))
        there = model.place(coil, [-46, -8, 70], [-46, 42, 70])
        by = hf.dose.MatchedField(45, coil, there, hand)
        ranges = {2: (0.1, 0.6), 5: (0.2, 0.5)}
        same = hf.dose.intensity(model, coil, there, hand, by, conductivity=ranges)
        near = hf.dose.intensity(model, coil, there, beside, by, conductivity=ranges)
        assert same.errors["conductivity"] == pytest.approx(0.0, abs=1e-9)
        alone = near.field_errors["conductivity"] * near.mso
        assert 0.0 < near.errors["conductivity"] < 0.5 * alone

    def test_conductivities_change_nothing_in_a_sphere(self):
        found = asked(rule(), conductivity={2: (0.1, 0.6), 4: (0.003, 0.02)})
        assert found.errors["conductivity"] < 1e-3 * found.mso

    def test_a_threshold_that_is_not_certain(self):
        found = asked(rule(std_mso=1.5))
        assert found.errors["motor threshold"] == pytest.approx(found.mso * 1.5 / 45, rel=0.03)
        total = np.hypot(found.errors["motor threshold"], found.errors["discretisation"])
        assert found.std_mso == pytest.approx(total)
        low, high = found.interval_mso
        assert high - low == pytest.approx(2 * 1.96 * found.std_mso, rel=0.05)

    def test_placement_is_that_of_both_coils(self):
        by = rule()
        found = asked(by, placement=([0, 0, 2.0], [0, 0, 1e-3]), samples=128)
        step = np.eye(4)
        slopes = []
        for coil, where, region in ((first(), "top", top()), (second(), "side", side())):
            step[2, 3] = 0.1
            moved = [ball().solve(coil, pose(where) @ s, roi=region) for s in (step, np.linalg.inv(step))]
            up, down = (float(hf.Target(region).value(field.E)[0]) for field in moved)
            slopes.append(2.0 * (up - down) / (up + down) / 0.2)
        assert found.errors["placement"] == pytest.approx(found.mso * 2.0 * np.hypot(*slopes), rel=0.25)

    def test_pulses_that_differ_count_by_what_a_membrane_makes_of_them(self):
        one, other = (hf.dose.Pulse.published(name) for name in ("magpro_x100_mcf_b65", "magstim_rapid_d70"))
        alike, unlike = asked(rule(pulse=one), pulse=one), asked(rule(pulse=one), pulse=other)
        assert alike.mso == asked(rule()).mso
        r = [pulse.depolarisation(200e-6).of_phase("either") for pulse in (one, other)]
        assert unlike.mso == pytest.approx(alike.mso * r[0] / r[1])
        with pytest.raises(hf.DoseError, match="two pulses are compared"):
            asked(rule(pulse=one))

    def test_a_zoom_is_closer(self):
        coarse = asked(rule())
        fine = asked(rule(), zoom_error=0.01)
        assert fine.errors["discretisation"] < coarse.errors["discretisation"]
        assert fine.field == pytest.approx(45.0 / 100 * 150e6 * exact(first(), "top", top()), rel=0.01)

    @pytest.mark.parametrize("kind", ["component", "percentile", "exponent", "points"])
    def test_measures_of_another_kind_are_refused(self, kind):
        other = {
            "component": hf.Target(top(), [0, 1, 0]),
            "percentile": hf.Percentile(top(), 99),
            "exponent": hf.Target(top(), exponent=8),
            "points": hf.regions.points(ball().mesh, [AT_TOP]),
        }[kind]
        with pytest.raises(hf.DoseError, match="not of one kind"):
            asked(rule(target=other))


class TestOtherRules:
    def test_a_fixed_field(self):
        found = asked(hf.dose.FixedField(60.0))
        assert found.mso == pytest.approx(100 * 60 / (exact(second(), "side", side()) * 300e6), rel=0.02)
        assert found.field == pytest.approx(60.0)
        assert found.reference is None
        with pytest.raises(hf.ArgumentError, match="percent = 120"):
            asked(hf.dose.FixedField(60.0), percent=120)

    def test_a_fixed_factor(self):
        found = asked(hf.dose.FixedFactor(50, std_mso=2.0), percent=80)
        assert found.mso == pytest.approx(0.8 * 66.75)
        assert found.errors == {"motor threshold": pytest.approx(0.8 * 2.0 * 1.335, rel=0.03)}
        assert found.field == pytest.approx(
            found.mso / 100 * 300e6 * exact(second(), "side", side()), rel=0.02
        )
        assert "discretisation" in found.field_errors
        assert found.percent_rmt == pytest.approx(80 * 1.335)

    def test_the_distance_from_the_scalp(self):
        found = asked(hf.dose.ScalpDistance(50, motor_mm=15, target_mm=20))
        assert found.mso == pytest.approx(64.0)
        assert asked(hf.dose.ScalpDistance(50, motor_mm=15, target_mm=20, slope=3.0)).mso == pytest.approx(65)
        with pytest.warns(UserWarning, match="from memory"):
            steep = hf.dose.ScalpDistance(50, motor_mm=15, target_mm=20, slope="2_7", std_mso=2.0)
        assert asked(steep).mso == pytest.approx(63.5)
        assert "from memory" in asked(steep).notes[0]
        assert asked(steep).errors["motor threshold"] == pytest.approx(2.0, rel=0.03)

    def test_distances_are_those_of_the_head(self):
        found = asked(hf.dose.ScalpDistance(50, pose("top")))
        assert found.distances_mm == (pytest.approx(12, abs=0.3), pytest.approx(12, abs=0.3))
        assert found.mso == pytest.approx(50, abs=1)


class TestAnswers:
    def test_the_percent_of_the_resting_threshold_is_of_one_coil(self):
        assert asked(rule()).percent_rmt is None
        assert asked(hf.dose.FixedField(50)).percent_rmt is None
        assert asked(hf.dose.FixedFactor(50, threshold="active")).percent_rmt is None
        copy = hf.figure_of_eight(didt_max=150e6)
        there = hf.dose.intensity(ball(), copy, pose("side"), side(), rule())
        assert there.percent_rmt == pytest.approx(100 * there.mso / 45)

    def test_without_a_source_of_error_none_is_told(self):
        found = asked(hf.dose.FixedFactor(50))
        assert np.isnan(found.std_mso)
        assert found.to_dict()["interval_95_mso_percent"] == [None, None]
        assert "±" not in str(found)
        assert "its error was not looked at" in str(found)

    def test_a_field_that_may_be_nothing(self, tmp_path):
        along = hf.Target(side(), [0, 1, 0])
        sign = np.sign(along.value(ball().solve(first(), pose("side"), roi=side()).E)[0])
        target = hf.Target(side(), [0, sign, 0])
        turned = hf.PoseJitter(0.0, [0, 0, 60])
        found = hf.dose.intensity(
            ball(), first(), pose("side"), target, hf.dose.FixedField(30), placement=turned, samples=32
        )
        low, high = found.interval_mso
        assert low < found.mso < high == np.inf
        found.to_json(tmp_path / "a.json")
        assert json.loads((tmp_path / "a.json").read_text())["interval_95_mso_percent"] == [low, None]

    def test_more_than_all_is_refused_with_what_it_would_be(self):
        with pytest.raises(hf.DoseError, match=r"1\d\d\.\d %MSO would be needed for .* reaches \d+\.\d V/m"):
            asked(rule(mso=70.0, coil=hf.figure_of_eight(didt_max=200e6)))

    def test_an_interval_beyond_all_is_said(self):
        found = asked(hf.dose.FixedFactor(90, factor=1.1, std_mso=3.0))
        assert any("more than 100 %MSO" in note for note in found.notes)

    def test_what_was_not_looked_at_is_said(self):
        assert any(
            note.startswith("placement and conductivity not looked at") for note in asked(rule()).notes
        )
        assert any("need not hold elsewhere" in note for note in asked(rule()).notes)

    def test_an_exact_threshold_is_said_to_be_one(self):
        assert any("taken as exact" in note for note in asked(rule()).notes)
        assert not any("taken as exact" in note for note in asked(rule(std_mso=1.0)).notes)

    def test_other_stimulators_without_pulses_are_said(self):
        one = hf.Coil.of(first().content(stimulators=(hf.Stimulator("MagPro", didt_max=150e6),)))
        other = hf.Coil.of(second().content(stimulators=(hf.Stimulator("Rapid", didt_max=300e6),)))
        by = rule(coil=one)
        found = hf.dose.intensity(ball(), other, pose("side"), side(), by)
        assert any("pulses of Rapid and MagPro count as alike" in note for note in found.notes)
        same = hf.dose.intensity(ball(), one, pose("side"), side(), by)
        assert not any("count as alike" in note for note in same.notes)

    def test_what_the_rule_was_given_is_kept(self):
        given = asked(rule(std_mso=1.5, threshold="active")).to_dict()
        expected = {"mso_percent": 45.0, "std_mso_percent": 1.5, "threshold": "active", "field_times": 1.0}
        assert given["rule_given"] == expected
        (region,) = given["site"]["regions"]
        np.testing.assert_allclose(region["centre_mm"], AT_SIDE, atol=4)
        assert region["unit"] == "mm³"

    def test_the_same_call_has_the_same_bits(self):
        one, two = (asked(rule(std_mso=1.0), placement=(1.0, 2.0), samples=8) for _ in range(2))
        assert one.to_dict() == two.to_dict()

    def test_plain_values(self, tmp_path):
        found = asked(rule())
        found.to_json(tmp_path / "a.json")
        assert json.loads((tmp_path / "a.json").read_text())["mso_percent"] == found.mso
        assert f"{found.mso:.1f} ± " in str(found)


class TestRefused:
    def test_a_coil_that_does_not_say_what_it_reaches(self):
        with pytest.raises(hf.DoseError, match=r"coil at the motor threshold.*does not say what dI/dt"):
            asked(rule(coil=hf.figure_of_eight()))

    def test_a_component_that_points_the_other_way(self):
        along = hf.Target(side(), [0, 1, 0])
        E = ball().solve(first(), pose("side"), roi=side()).E
        sign = np.sign(along.value(E)[0])
        good, bad = (hf.Target(side(), [0, s, 0]) for s in (sign, -sign))
        by = hf.dose.FixedField(50)
        assert hf.dose.intensity(ball(), first(), pose("side"), good, by).field == pytest.approx(50)
        with pytest.raises(hf.DoseError, match="nothing above 0"):
            hf.dose.intensity(ball(), first(), pose("side"), bad, by)

    def test_a_target_of_another_head(self):
        other = hf.sphere_mesh(radii_mm=[70, 80, 86, 92], tags=[1, 2, 4, 5], edge_mm=8)
        elsewhere = hf.regions.sphere(other, AT_SIDE, 10, 2)
        with pytest.raises(hf.RegionError, match="mesh"):
            hf.dose.intensity(ball(), first(), pose("side"), elsewhere, hf.dose.FixedField(50))

    @pytest.mark.parametrize("where", ["here", "threshold", "distance"])
    def test_a_coil_inside_the_head(self, where):
        inside = np.eye(4)
        by = {
            "here": hf.dose.FixedField(50),
            "threshold": rule(pose=inside),
            "distance": hf.dose.ScalpDistance(50, inside),
        }[where]
        with pytest.raises(hf.PoseError, match="inside the head"):
            hf.dose.intensity(ball(), second(), inside if where == "here" else pose("side"), side(), by)

    def test_a_factor_that_was_taken_for_percent(self):
        with pytest.raises(hf.ArgumentError, match=r"in percent: 120 is 1\.2 times"):
            asked(hf.dose.FixedFactor(50), percent=1.2)

    def test_ranges_beside_what_is_computed_with_are_said(self):
        head = hf.phantom_head(edge_mm=8)
        model = hf.HeadModel(head)
        knob = hf.regions.sphere(head, [-40, -8, 50], 10, 2)
        there = model.place(first(), [-46, -8, 70], [-46, 42, 70])
        by = hf.dose.FixedField(60)
        found = hf.dose.intensity(model, first(), there, knob, by, conductivity={2: (5.0, 6.0)})
        within = hf.dose.intensity(model, first(), there, knob, by, conductivity={2: (0.1, 0.6)})
        assert any("is not centred at what the model has" in note for note in found.notes)
        assert not any("is not centred" in note for note in within.notes)

    def test_a_measure_that_is_not_proportional_to_the_field(self):
        energy = hf.MeasureFunction(side(), lambda E: (E**2).sum(axis=(1, 2)), lambda E: 2 * E)
        with pytest.raises(hf.DoseError, match="proportional to E"):
            hf.dose.intensity(ball(), first(), pose("side"), energy, hf.dose.FixedField(50))

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda: rule(mso=0.0), "0 %MSO"),
            (lambda: rule(mso=0.5), "give percent"),
            (lambda: rule(mso=101.0), "101 %MSO"),
            (lambda: rule(std_mso=-1.0), "std_mso"),
            (lambda: rule(threshold="rMT"), "resting, active, other"),
            (lambda: hf.dose.FixedField(0.0), "field"),
            (lambda: hf.dose.FixedField(6e7), "more than any coil"),
            (lambda: hf.dose.FixedField(0.06), "V/mm"),
            (lambda: hf.dose.FixedFactor(50, factor=0), "factor"),
            (lambda: hf.dose.FixedFactor(50, factor=133.5), "is no factor"),
            (lambda: hf.dose.ScalpDistance(50, motor_mm=0.015, target_mm=0.02), "give mm, not m"),
            (lambda: hf.dose.ScalpDistance(50), "either the pose"),
            (lambda: hf.dose.ScalpDistance(50, motor_mm=15), "either the pose"),
            (lambda: hf.dose.ScalpDistance(50, pose("top"), motor_mm=15, target_mm=20), "either the pose"),
            (lambda: hf.dose.ScalpDistance(50, pose("top"), slope="stokes_2001"), "did you mean"),
            (lambda: asked(dataclasses.replace(hf.dose.ScalpDistance(10, motor_mm=25, target_mm=5))), "none"),
            (lambda: asked("matched"), "MatchedField, FixedField"),
        ],
    )
    def test_impossible_rules(self, make, words):
        with pytest.raises(hf.DoseError, match=words):
            make()

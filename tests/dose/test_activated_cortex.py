# SPDX-License-Identifier: BSD-3-Clause
"""E against thresholds: rules, reversal of E, regions and fields, subject factors, what is refused."""

import functools
import json

import numpy as np
import pytest

import headfield as hf
from headfield import dose
from headfield.errors import ArgumentError, DoseError, RegionError

NORMALS = np.array([[0, 0, 1.0], [0, 0, 1.0], [1.0, 0, 0]])
E = np.array([[0, 0, 50.0], [30, 0, -40.0], [0, 80.0, 0]])


@functools.cache
def head():
    return hf.sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 5], edge_mm=10)


@functools.cache
def layer():
    return hf.regions.cortical_layer(head(), 0.35)


@functools.cache
def model():
    return hf.HeadModel(head())


@functools.cache
def fields():
    """Two poses in the layer, and in the whole head."""
    coil = hf.figure_of_eight(spacing_mm=8)
    poses = np.stack([model().place(coil, [0, 0, 90], handle) for handle in ([0, 50, 90], [50, 0, 90])])
    return model().solve(coil, poses, 50e6, roi=layer()), model().solve(coil, poses, 50e6)


def test_the_cosine_rule():
    found = dose.activation(E, 40.0, rule="cosine", normals=NORMALS, weights=[1.0, 2.0, 4.0])
    np.testing.assert_allclose(found.strength, [[50, 40, 0]])
    np.testing.assert_allclose(found.ratio, [[1.25, 1, 0]])
    assert found.activated.tolist() == [[True, True, False]]
    assert (found.recruited.tolist(), found.share.tolist()) == ([3.0], [3 / 7])
    assert "Weise 2023" in found.about.does_not_say


def test_the_magnitude_rule_needs_no_normals():
    found = dose.activation(E, 60.0, rule="magnitude")
    np.testing.assert_allclose(found.ratio, [[50 / 60, 50 / 60, 80 / 60]], rtol=1e-6)
    assert found.unit == "points"
    assert found.share == pytest.approx(1 / 3)


def test_a_form_takes_the_angle_to_the_normal():
    form = dose.threshold_form("L5_PC", "monophasic")
    found = dose.activation(E, form, normals=5 * NORMALS)
    theta = np.degrees(np.arccos([1, -0.8, 0]))
    np.testing.assert_allclose(found.ratio[0], [50, 50, 80] / form.threshold(theta), rtol=1e-6)


def test_e_reversed_is_the_other_normal():
    form = dose.threshold_form("L23_PC", "monophasic")
    table = dose.ThresholdTable([-100, 100], [0, 90, 180], [[300, 350, 280], [320, 340, 260]])
    for limits, change in ((form, None), (table, [10.0, -50.0, 0.0])):
        there = dose.activation(E, limits, normals=NORMALS, normal="outward", change=change)
        back = dose.activation(-E, limits, normals=NORMALS, normal="inward", change=change)
        np.testing.assert_array_equal(there.ratio, back.ratio)
        wrong = dose.activation(-E, limits, normals=NORMALS, change=change)
        assert (wrong.ratio[0, :2] != there.ratio[0, :2]).all()
        assert wrong.ratio[0, 2] == there.ratio[0, 2]  # at 90° it is the same
    outward = dose.activation(E[:1], form, normals=NORMALS[:1]).ratio
    assert outward == pytest.approx(50 / form.threshold(0), rel=1e-6)
    inward = dose.activation(E[:1], form, normals=NORMALS[:1], normal="inward").ratio
    assert inward == pytest.approx(50 / form.threshold(180), rel=1e-6)


@pytest.mark.parametrize("rule", ["cosine", "magnitude"])
def test_rules_have_no_sign(rule):
    there, back = (dose.activation(f, 40.0, rule=rule, normals=NORMALS).ratio for f in (E, -E))
    np.testing.assert_array_equal(there, back)


def test_a_table_takes_the_relative_change():
    table = dose.ThresholdTable([-100, 100], [0, 180], [[100, 100], [200, 200]])
    found = dose.activation(E, table, normals=NORMALS, change=[-100, 0, 100])
    np.testing.assert_allclose(found.ratio, [[0.5, 50 / 150, 0.4]], rtol=1e-6)


def test_outside_of_a_table_is_refused_or_unknown():
    table = dose.ThresholdTable([-20, 20], [0, 180], [[10, 10], [10, 10]])
    with pytest.raises(DoseError, match=r"pose 0: 1 of 3 points lie outside of <Thr.*they span 50 to 50 %"):
        dose.activation(E, table, normals=NORMALS, change=[0, 50, 0])
    found = dose.activation(
        E, table, normals=NORMALS, change=[0, 50, 0], outside="nan", weights=[1.0, 2.0, 4.0], width=1.0
    )
    assert np.isnan(found.ratio).tolist() == [[False, True, False]]
    assert (found.recruited.tolist(), found.unknown.tolist()) == ([5.0], [2.0])
    assert found.expected == pytest.approx(5.0)


def test_probability_is_a_sigmoid_of_how_far_e_is_above():
    found = dose.activation(E, 60.0, rule="magnitude", width=10.0, factor=1.5)
    np.testing.assert_allclose(
        found.probability, [1 / (1 + np.exp(-(np.array([50, 50, 80]) - 40) / 10))], rtol=1e-6
    )
    assert found.expected == pytest.approx(found.probability.sum(), rel=1e-6)
    steep = dose.activation(E, 60.0, rule="magnitude", width=1e-3)
    np.testing.assert_array_equal(steep.probability, [[0, 0, 1]])
    with pytest.raises(DoseError, match="no probability without a width"):
        _ = dose.activation(E, 60.0, rule="magnitude").expected


def test_no_field_activates_nothing():
    found = dose.activation(np.zeros((2, 3, 3)), dose.threshold_form(), normals=NORMALS)
    assert not found.ratio.any()
    assert found.share.tolist() == [0, 0]


# Fields and regions


def test_a_field_brings_its_region():
    at_points, _ = fields()
    found = dose.activation(at_points, dose.threshold_form(), factor=3.0)
    assert found.ratio.shape == (2, len(layer()))
    assert found.unit == "mm²"
    assert found.region is layer()
    again = dose.activation(at_points.E, dose.threshold_form(), factor=3.0, region=layer())
    np.testing.assert_array_equal(found.ratio, again.ratio)
    for pose in range(2):
        alone = dose.activation(at_points.E[pose], dose.threshold_form(), factor=3.0, region=layer())
        np.testing.assert_array_equal(alone.ratio[0], found.ratio[pose])
    strength = np.linalg.norm(at_points.E.astype(float), axis=2)
    np.testing.assert_allclose(found.strength, strength, rtol=1e-6)
    area = [layer().weights[row].sum() for row in found.activated]
    np.testing.assert_allclose(found.recruited, area)


def test_a_field_of_a_whole_head_is_looked_up():
    at_points, whole = fields()
    one = dose.activation(whole, 60.0, rule="magnitude", region=layer())
    np.testing.assert_allclose(one.ratio, dose.activation(at_points, 60.0, rule="magnitude").ratio, rtol=1e-6)
    gray = hf.regions.tissue(head(), 2)
    volume = dose.activation(whole, 60.0, rule="magnitude", region=gray)
    assert volume.unit == "mm³"
    hot = whole.magnitude[:, gray.elements] >= 60
    np.testing.assert_allclose(volume.recruited, [gray.weights[row].sum() for row in hot])


def test_fields_in_other_places_are_refused():
    at_points, whole = fields()
    coil = hf.figure_of_eight(spacing_mm=8)
    some = model().solve(coil, whole.poses[:1], elements=[1, 2, 3])
    other = hf.regions.mid_layer(hf.sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 5], edge_mm=12))
    for field, region, error, message in (
        (whole, None, ArgumentError, "of a whole head: say in which region"),
        (at_points, hf.regions.tissue(head(), 2), ArgumentError, "solved in a region of its own"),
        (some, layer(), ArgumentError, "solved in chosen elements"),
        (whole, other, RegionError, "of another mesh"),
        (whole, "cortex", RegionError, "roi must be a Region"),
    ):
        with pytest.raises(error, match=message):
            dose.activation(field, 60.0, rule="magnitude", region=region)
    with pytest.raises(DoseError, match=r"cosine rule.*needs normals"):
        dose.activation(whole, 60.0, rule="cosine", region=hf.regions.tissue(head(), 2))


def test_the_answer_says_what_it_is():
    at_points, _ = fields()
    found = dose.activation(at_points, dose.threshold_form(), factor=3.0, width=10.0)
    told = json.loads(json.dumps(found.to_dict()))
    assert set(told["model"]) == {"name", "paper", "unit", "validated_on", "does_not_say", "from_memory"}
    assert told["recruited"] == found.recruited.tolist()
    assert told["largest_ratio"] == pytest.approx(found.ratio.max(axis=1).tolist())
    assert told["total"] == pytest.approx(layer().weights.sum())
    assert "points in 2 poses" in repr(found)
    with pytest.raises(ValueError, match="read-only"):
        found.ratio[0, 0] = 1


# Subjects


@pytest.mark.parametrize("measure", ["largest", "mean", 95, 50.0])
@pytest.mark.parametrize("limits", [dose.threshold_form("L5_PC"), 100.0])
@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
def test_with_its_factor_m1_is_at_threshold(measure, limits):
    at_points, _ = fields()
    rule = "cosine" if limits == 100.0 else None
    m1 = layer() & hf.regions.sphere(head(), [0, 0, 74], 20)
    keep = np.linalg.norm(layer().centres_mm[:, None] - m1.centres_mm, axis=2).min(axis=1) == 0
    field = at_points.E[:1, keep] + np.float32(1.0)
    factor = dose.factor_from_motor_threshold(field, limits, measure=measure, rule=rule, region=m1)
    ratio = dose.activation(field, limits, rule=rule, region=m1, factor=factor).ratio[0].astype(float)
    if measure == "largest":
        assert ratio.max() == pytest.approx(1, rel=1e-6)
    elif measure == "mean":
        assert np.average(ratio, weights=m1.weights) == pytest.approx(1, rel=1e-6)
    else:
        assert hf.metrics.percentiles(ratio, m1.weights, measure) == pytest.approx(1, rel=1e-6)


def test_the_factor_grows_as_the_field_at_threshold_falls():
    form = dose.threshold_form()
    strong, weak = (
        dose.factor_from_motor_threshold(s * E, form, measure="mean", normals=NORMALS) for s in (2.0, 1.0)
    )
    assert weak == pytest.approx(2 * strong)


@pytest.mark.parametrize(
    ("field", "options", "error", "message"),
    [
        (np.zeros((2, 3, 3)), {}, DoseError, "E of 2 poses: a motor threshold is that of one"),
        (np.zeros((3, 3)), {}, DoseError, "the largest of E/T in the region is 0"),
        (
            E,
            {"measure": "peak"},
            ArgumentError,
            "measure must be 'largest', 'mean' or a percentile, not 'peak'",
        ),
        (E, {"measure": True}, ArgumentError, "measure must be"),
        (E, {"measure": 101}, ArgumentError, "measure must lie between 0 and 100"),
    ],
)
def test_factors_that_cannot_be(field, options, error, message):
    with pytest.raises(error, match=message):
        dose.factor_from_motor_threshold(field, 50.0, rule="magnitude", **{"measure": "largest", **options})


# What is refused


@pytest.mark.parametrize(
    ("field", "limits", "options", "error", "message"),
    [
        (E, 50.0, {}, ArgumentError, "needs rule='cosine' or rule='magnitude'"),
        (E, "L5", {}, ArgumentError, "threshold = 'L5'"),
        (E, 50.0, {"rule": "cosinus"}, ArgumentError, "not 'cosinus', did you mean 'cosine'"),
        (E, dose.threshold_form(), {"rule": "cosine"}, ArgumentError, "is for a threshold that is a number"),
        (E, 0.0, {"rule": "magnitude"}, DoseError, "threshold must be more than 0"),
        (E, -5.0, {"rule": "magnitude"}, DoseError, "threshold = -5.0 must be 0 or more"),
        (E, np.nan, {"rule": "magnitude"}, DoseError, "must be a finite number"),
        (E, 50.0, {"rule": "magnitude", "factor": 0}, DoseError, "factor must be more than 0"),
        (E, 50.0, {"rule": "magnitude", "width": 0}, DoseError, "width must be more than 0"),
        (
            E,
            50.0,
            {"rule": "magnitude", "outside": "zero"},
            ArgumentError,
            "outside must be 'raise' or 'nan'",
        ),
        (
            E,
            50.0,
            {"rule": "magnitude", "normal": "up"},
            ArgumentError,
            "normal must be 'outward' or 'inward'",
        ),
        (E, 50.0, {"rule": "magnitude", "weights": [1, 2]}, DoseError, r"weights must have the shape \(3,\)"),
        (E, 50.0, {"rule": "magnitude", "weights": [1, 2, -1]}, DoseError, "weights must be 0 or more"),
        (E, 50.0, {"rule": "magnitude", "change": [0, 0, 0]}, ArgumentError, "don't depend on it"),
        (E, 50.0, {"rule": "cosine"}, DoseError, "needs normals"),
        (E, 50.0, {"rule": "cosine", "normals": NORMALS[:2]}, DoseError, "normals must have the shape"),
        (E, 50.0, {"rule": "cosine", "normals": 0 * NORMALS}, DoseError, "normals: 3 of 3 have no length"),
        (
            E,
            50.0,
            {"rule": "cosine", "normals": NORMALS * np.nan},
            DoseError,
            "normals: 9 values are not finite",
        ),
        (E[0], 50.0, {"rule": "magnitude"}, DoseError, r"E must have the shape \(P, 3\) or \(k, P, 3\)"),
        (
            E.T[:2],
            50.0,
            {"rule": "magnitude", "weights": [1, 1, 1]},
            DoseError,
            "weights must have the shape",
        ),
        ("E", 50.0, {"rule": "magnitude"}, DoseError, "E must have the shape"),
        (E * 1j, 50.0, {"rule": "magnitude"}, DoseError, "of real numbers, not complex128"),
        (
            np.stack([E, E * np.nan]),
            50.0,
            {"rule": "magnitude"},
            DoseError,
            "1 of 2 poses, the first is pose 1",
        ),
    ],
)
def test_what_cannot_be_compared(field, limits, options, error, message):
    with pytest.raises(error, match=message):
        dose.activation(field, limits, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (None, "needs change="),
        ([0, 0], r"change must have the shape \(3,\)"),
        ([0, 0, np.inf], "change: 1 value"),
    ],
)
def test_tables_need_a_change_at_each_point(change, message):
    table = dose.ThresholdTable([-20, 20], [0, 180], [[10, 10], [10, 10]])
    with pytest.raises(DoseError, match=message):
        dose.activation(E, table, normals=NORMALS, change=change)


# Across the cortex


@functools.cache
def columns():
    cortex = hf.regions.Cortex(head())
    return cortex.columns(
        [0.15, 0.35, 0.94], start=cortex.layer(0.35) & hf.regions.sphere(head(), [0, 0, 74], 40)
    )


def test_the_relative_change_is_that_of_the_radii():
    """|E| = r³ at radii that Laplace's equation has for the depths."""
    inner, outer = (1 / ((1 - d) / 70 + d / 78) for d in (0.15, 0.94))
    r = np.linalg.norm(columns().region.centres_mm, axis=1, keepdims=True)
    field = (1e-2 * r) ** 3 * [0.6, 0, 0.8]
    for relative_to, expected in (
        ("outer", 100 * ((inner / outer) ** 3 - 1)),
        ("inner", 100 * (1 - (outer / inner) ** 3)),
        ("mean", 200 * (inner**3 - outer**3) / (inner**3 + outer**3)),
    ):
        found = dose.relative_change(field, columns(), relative_to=relative_to)
        assert found.shape == (1, len(columns()))
        np.testing.assert_allclose(found, expected, atol=2.0)  # radii of this coarse mesh are off by 0.4 mm
        assert np.median(found) == pytest.approx(expected, abs=0.6)
    upside_down = dose.relative_change(field, columns(), outer=0, inner=2)
    np.testing.assert_allclose(upside_down, -dose.relative_change(field, columns(), relative_to="inner"))


def test_the_gradient_along_columns_is_that_of_a_linear_field():
    gradient = np.array([[1.0, 2.0, 0.5], [-1.0, 0.3, 0.2], [0.0, 0.4, -1.3]])
    found = dose.gradient_along_columns(columns().region.centres_mm @ gradient.T + 7, columns())
    n = np.diff(columns().points_mm, axis=0)
    n /= np.linalg.norm(n, axis=2, keepdims=True)
    np.testing.assert_allclose(found[0], np.einsum("dpi,ij,dpj->dp", n, gradient, n), rtol=1e-9, atol=1e-9)


def test_columns_take_fields_too():
    coil = hf.figure_of_eight(spacing_mm=8)
    pose = model().place(coil, [0, 0, 90], [0, 50, 90])
    at_points = model().solve(coil, pose, roi=columns().region)
    whole = model().solve(coil, pose)
    one = dose.gradient_along_columns(at_points, columns())
    np.testing.assert_allclose(one, dose.gradient_along_columns(whole, columns()), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(one, dose.gradient_along_columns(at_points.E, columns()))
    with pytest.raises(DoseError, match="the columns have"):
        dose.relative_change(fields()[0], columns())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"outer": 0}, ArgumentError, "outer and inner are both depth 0"),
        ({"outer": 3}, ArgumentError, "outer = 3"),
        ({"relative_to": "middle"}, ArgumentError, "relative_to must be"),
    ],
)
def test_changes_that_cannot_be(options, error, message):
    with pytest.raises(error, match=message):
        dose.relative_change(columns().region.centres_mm, columns(), **options)


def test_no_field_has_no_relative_change():
    with pytest.raises(DoseError, match=r"\|E\| is 0 at .* points"):
        dose.relative_change(np.zeros((len(columns().region), 3)), columns())
    with pytest.raises(ArgumentError, match="columns must be Columns"):
        dose.relative_change(np.zeros((3, 3)), layer())
    one = hf.regions.Cortex(head()).columns([0.4], start=columns().start)
    with pytest.raises(ArgumentError, match="needs two depths or more"):
        dose.gradient_along_columns(one.region.centres_mm, one)

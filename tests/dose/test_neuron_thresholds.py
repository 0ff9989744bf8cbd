# SPDX-License-Identifier: BSD-3-Clause
"""Thresholds of neurons: the published forms against the values they were fitted to, and tables of users."""

import json

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

import headfield as hf
from headfield import dose
from headfield.errors import DoseError, FileFormatError
from headfield.io.published import published

ANGLES = np.array([0.0, 90.0, 180.0])

# From the literature, not from headfield's file: cell, pulse, values at 0, 90 and 180°, largest error (%).
VALUES = [
    ("L5_PC", "biphasic", [185.2, 214.4, 181.7], 2.4),
    ("L5_PC", "monophasic", [241.1, 289.5, 260.9], 1.6),
    ("L23_PC", "biphasic", [229.7, 258.8, 236.9], 1.7),
    ("L23_PC", "monophasic", [323.3, 349.8, 275.2], 3.4),
    ("L4_LBC", "biphasic", [204.1, 233.7, 207.4], 1.2),
    ("L4_LBC", "monophasic", [280.8, 319.2, 277.2], 1.5),
]


@pytest.mark.parametrize(("cell", "pulse", "values", "largest"), VALUES)
def test_forms_keep_to_the_published_values_within_their_printed_errors(cell, pulse, values, largest):
    off = 100 * np.abs(dose.threshold_form(cell, pulse).threshold(ANGLES) / values - 1)
    assert off.max() <= largest + 0.1  # error and coefficients are printed to a decimal
    entry = published()["neuron_thresholds"][f"{cell} {pulse}"]
    assert (entry["v_per_m_at_0_90_180_deg"], entry["largest_error_percent"]) == (values, largest)


def test_forms_say_what_they_are():
    about = dose.threshold_form().about
    assert "own least-squares fit" in about.paper
    assert about.unit == "V/m"
    assert not about.from_memory
    assert "no person" in about.validated_on
    assert "into or out of the cortex" in about.does_not_say


def test_a_form_is_what_it_is_made_of():
    form = dose.ThresholdForm([200, 10, -30])
    cosine = np.linspace(-1, 1, 7)
    np.testing.assert_allclose(form.at(cosine), 200 + 10 * cosine - 30 * cosine**2)
    np.testing.assert_allclose(form.threshold(np.degrees(np.arccos(cosine))), form.at(cosine))


@pytest.mark.parametrize(
    ("coefficients", "message"),
    [
        ([100, 0, -100], "fall to 0"),
        ([100, 120, 0], "fall to -20"),
        ([100, 0.1, -100.5], "fall to -0.6"),
        ([10, -20, 9.99], r"fall to -0\.01"),
        ([100, 1], "must be three"),
        ([100, 1, np.nan], "not finite"),
    ],
)
def test_forms_that_cannot_be(coefficients, message):
    with pytest.raises(DoseError, match=message):
        dose.ThresholdForm(coefficients)


def test_the_least_threshold_may_lie_between_the_ends():
    assert dose.ThresholdForm([1.0, 1.0, 0.26]).threshold(180) == pytest.approx(0.26)
    with pytest.raises(DoseError, match=r"fall to 0$"):
        dose.ThresholdForm([1.0, 2.0, 1.0])
    with pytest.raises(DoseError, match=r"fall to -0\.25"):
        dose.ThresholdForm([1.0, 2.5, 1.25])


def test_cells_that_are_not_there_are_refused_with_what_is():
    with pytest.raises(
        DoseError, match=r"no thresholds of 'L5_CP' for 'biphasic' pulses, did you mean 'L5_PC bi"
    ):
        dose.threshold_form("L5_CP")
    with pytest.raises(DoseError, match=r"there are L5_PC biphasic, L5_PC monophasic, L23_PC"):
        dose.threshold_form("L5_PC", "square")


def own_tables(tmp_path, entries):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"neuron_thresholds": entries}))
    return hf.read_tables(path)


def test_users_replace_forms_and_depths(tmp_path):
    mine = {"source": "our own cells", "coefficients_v_per_m": [150, 0, -10], "from_memory": True}
    depths = {"source": "our own sections", "depths": {"L5": 0.3}}
    tables = own_tables(tmp_path, {"L5_PC biphasic": mine, "layer depths": depths})
    form = dose.threshold_form("L5_PC", "biphasic", tables)
    assert form.threshold(90) == 150
    assert (form.about.paper, form.about.from_memory) == ("our own cells", True)
    assert dose.threshold_form("L23_PC", "biphasic", tables).threshold(90) == 260.1
    assert dose.layer_depths(tables) == {"L5": 0.3}
    assert published()["neuron_thresholds"]["layer depths"]["from_memory"]


@pytest.mark.parametrize(
    ("entries", "call", "message"),
    [
        ({"X biphasic": {"source": "s"}}, lambda t: dose.threshold_form("X", "biphasic", t), "has no 'coeff"),
        (
            {"X biphasic": {"source": "s", "coefficients_v_per_m": [1, "a", 2]}},
            lambda t: dose.threshold_form("X", "biphasic", t),
            "coefficients of X biphasic",
        ),
        ({"layer depths": {"source": "s", "depths": {"L1": 2}}}, dose.layer_depths, "between 0 and 1"),
        ({"layer depths": {"source": "s"}}, dose.layer_depths, "'layer depths' of neuron_thresholds has no"),
    ],
)
def test_entries_of_users_that_cannot_be(tmp_path, entries, call, message):
    with pytest.raises(DoseError, match=message):
        call(own_tables(tmp_path, entries))


def test_entries_without_a_source_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match="source"):
        own_tables(tmp_path, {"L5_PC biphasic": {"coefficients_v_per_m": [1, 0, 0]}})


# Tables


def grid(c=21, t=61):
    """Axes and values of a table as publications have them; values are not linear in either."""
    change, theta = np.linspace(-100, 100, c), np.linspace(0, 180, t)
    values = (
        200 - 30 * np.cos(np.radians(theta)) ** 2 + 0.2 * change[:, None] + 1e-3 * change[:, None] * theta
    )
    return change, theta, values


def as_text(change, theta, values, between=",", header="change,theta,threshold\n"):
    rows = [
        between.join(f"{x:.17g}" for x in (c, t, values[i, j]))
        for i, c in enumerate(change)
        for j, t in enumerate(theta)
    ]
    return header + "\n".join(rows) + "\n"


def test_a_table_of_21_by_61_is_read_in_any_order(tmp_path):
    change, theta, values = grid()
    lines = as_text(change, theta, values).splitlines()
    shuffled = np.random.default_rng(1).permutation(lines[1:])
    path = tmp_path / "table.csv"
    path.write_text("\n".join([lines[0], "# a comment", *shuffled]))
    table = dose.read_threshold_table(path)
    assert table.values.shape == (21, 61)
    np.testing.assert_array_equal(table.values, values)
    assert str(path) in table.about.paper


@pytest.mark.parametrize(
    ("between", "header"), [(",", ""), (";", "a;b;c\n"), ("\t", ""), (" ", "# change theta threshold\n")]
)
def test_tables_with_other_separators(tmp_path, between, header):
    change, theta, values = grid(3, 4)
    (tmp_path / "a.csv").write_text(as_text(change, theta, values, between, header))
    np.testing.assert_array_equal(dose.read_threshold_table(tmp_path / "a.csv").values, values)


def test_decimal_commas_between_semicolons(tmp_path):
    (tmp_path / "a.csv").write_text("-10,5;0;200,25\n-10,5;180;201\n10;0;190\n10;180;191,5\n")
    table = dose.read_threshold_table(tmp_path / "a.csv")
    assert table.change_percent.tolist() == [-10.5, 10]
    assert table.values.tolist() == [[200.25, 201], [190, 191.5]]


def test_interpolation_is_bilinear():
    change, theta, values = grid()
    table = dose.ThresholdTable(change, theta, values)
    rng = np.random.default_rng(2)
    at = np.column_stack([rng.uniform(-100, 100, 500), rng.uniform(0, 180, 500)])
    expected = RegularGridInterpolator((change, theta), values)(at)
    np.testing.assert_allclose(table.threshold(at[:, 1], at[:, 0]), expected, rtol=1e-12)
    corners = table.threshold(theta[None, [0, -1]], change[[0, -1], None])
    np.testing.assert_array_equal(corners, values[np.ix_([0, -1], [0, -1])])


@pytest.mark.parametrize(
    ("theta", "change", "message"),
    [
        ([10, 20], [101, 0], "1 point lies outside of <ThresholdTable.*they span 101 to 101 % and 10 to 10"),
        ([181, 20], [0, -200], "2 points lie outside"),
        (np.nan, 0, "theta_deg: 1 value is not finite"),
    ],
)
def test_outside_of_a_table(theta, change, message):
    with pytest.raises(DoseError, match=message):
        dose.ThresholdTable(*grid()).threshold(theta, change)


GOOD = ["-100,0,200", "-100,180,200", "100,0,180", "100,180,180"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([*GOOD, "100,180,181"], "lines 4 and 5 are both of 100 % and 180°"),
        (GOOD[:3], r"1 of the 2 × 2 points of the grid are missing: 100 % at 180°; the last line is 3"),
        ([*GOOD, "0,90,190"], "4 of the 3 × 3 points of the grid are missing"),
        (
            ["change,theta,threshold", *GOOD, "100,90"],
            "line 6: 2 columns where 3 are needed: relative change",
        ),
        ([GOOD[0], "1,2,3,4"], "line 2: 4 columns"),
        ([GOOD[0], "100,0,x"], "line 2, threshold: 'x' is not a number"),
        ([GOOD[0], "100,0,0"], "line 2: a threshold of 0 V/m is not above 0"),
        ([GOOD[0], "100,0,-5"], "line 2: a threshold of -5 V/m"),
        ([GOOD[0], "100,nan,5"], "line 2: θ is nan"),
        ([GOOD[0], "100,5,inf"], "line 2: threshold is inf"),
        (["0,-100,200"], "line 1: θ = -100° is not between 0 and 180"),
        (["a,b,c", "d,e,f"], "line 2, relative change of |E|: 'd' is not a number".replace("|", r"\|")),
        (["# nothing"], "there are no thresholds in this file"),
        (["0,0,100", "0,180,100"], "change_percent must be two or more numbers"),
    ],
)
def test_bad_tables_are_named_by_their_lines(tmp_path, lines, message):
    path = tmp_path / "bad.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(DoseError, match=f"bad.csv: .*{message}"):
        dose.read_threshold_table(path)


def test_binary_garbage_is_no_table(tmp_path):
    (tmp_path / "a.csv").write_bytes(bytes(range(256)) * 8)
    with pytest.raises(DoseError, match=r"a\.csv: not UTF-8 text"):
        dose.read_threshold_table(tmp_path / "a.csv")
    with pytest.raises(FileNotFoundError):
        dose.read_threshold_table(tmp_path / "none.csv")


def test_every_truncation_of_a_table_is_refused_or_whole(tmp_path):
    text = "change,theta,threshold\n" + "\n".join(GOOD)
    path = tmp_path / "cut.csv"
    read = 0
    for end in range(len(text)):
        path.write_text(text[:end])
        try:
            table = dose.read_threshold_table(path)
        except DoseError:
            continue
        assert table.values.shape == (2, 2)  # cut within the last number, which no text format can tell
        read += 1
    assert read <= 3


@pytest.mark.parametrize(
    ("change", "theta", "values", "message"),
    [
        ([0, 0], [0, 90], np.ones((2, 2)), "change_percent must be two or more numbers, ascending"),
        ([0, 1], [0, 190], np.ones((2, 2)), "theta_deg must lie between 0 and 180"),
        ([0, 1], [0, 90], np.ones((2, 3)), r"threshold must have the shape \(2, 2\)"),
        ([0, 1], [0, 90], [[1, 2], [0, 1]], "1 of 4 values are not above 0 V/m"),
    ],
)
def test_arrays_that_are_no_table(change, theta, values, message):
    with pytest.raises(DoseError, match=message):
        dose.ThresholdTable(change, theta, values)

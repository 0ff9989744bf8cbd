# SPDX-License-Identifier: BSD-3-Clause
"""Published tables of trains: each cell, what lies between cells, and that bursts are not covered."""

import json

import numpy as np
import pytest

import headfield as hf
from headfield.dose import Protocol, check_limits, protocols
from headfield.errors import ArgumentError, DoseError

PERCENTS = (90, 100, 110, 120, 130)
# Seconds; a minus marks the longest that was tested.
ROSSI = {
    1: (-1800, -1800, -1800, -360, -50),
    5: (-10, -10, -10, -10, -10),
    10: (-5, -5, -5, 4.2, 2.9),
    20: (2.05, 2.05, 1.6, 1.0, 0.55),
    25: (1.28, 1.28, 0.84, 0.4, 0.24),
}
CELLS = [(f, p, v) for f, row in ROSSI.items() for p, v in zip(PERCENTS, row, strict=True)]


def train(hz, seconds, trains=1, every=None):
    levels = [("pulse", round(seconds * hz), 1 / hz)]
    if trains > 1:
        levels.append(("train", trains, every))
    return Protocol("mine", levels)


@pytest.mark.parametrize(("hz", "percent", "limit"), CELLS)
def test_each_cell(hz, percent, limit):
    longest = abs(limit)
    fits = np.floor(longest * hz + 1e-9) / hz
    inside = check_limits(train(hz, fits), percent)
    assert inside.verdict == "inside"
    row = inside.checks[0]
    assert (row.limit_s, row.longest_tested, row.from_memory) == (longest, limit < 0, True)
    assert row.value_s == pytest.approx(fits, rel=1e-12)
    assert row.row == f"rossi2009_{hz}hz"
    longer = check_limits(train(hz, fits + 1 / hz), percent)
    assert longer.verdict == ("not covered" if limit < 0 else "outside")


@pytest.mark.parametrize(("hz", "percent", "limit"), [cell for cell in CELLS if cell[2] > 0])
def test_the_cut_by_a_quarter(hz, percent, limit):
    fits = np.floor(0.75 * limit * hz + 1e-9) / hz
    assert check_limits(train(hz, fits), percent).cut_verdict == "inside"
    longer = check_limits(train(hz, fits + 1 / hz), percent)
    assert longer.cut_verdict == "outside"
    cut = longer.checks[1]
    assert (cut.row, cut.limit_s) == ("chen1997_cut", pytest.approx(0.75 * limit))
    assert "outside once cut" in str(longer) or longer.verdict == "outside"


def test_what_was_longest_tested_is_not_cut():
    found = check_limits(train(1, 1800), 90)
    assert (found.verdict, found.cut_verdict, len(found.checks)) == ("inside", "inside", 1)


@pytest.mark.parametrize(
    ("hz", "percent", "words"),
    [
        (18, 120, "next stricter one is 1 s (rossi2009_20hz: 20 Hz, 120 % rMT), which is not this one"),
        (20, 105, "next stricter one is 1.6 s (rossi2009_20hz: 20 Hz, 110 % rMT)"),
        (20, 80, "next stricter one is 2.05 s (rossi2009_20hz: 20 Hz, 90 % rMT)"),
        (12, 95, "next stricter one is 2.05 s (rossi2009_20hz: 20 Hz, 100 % rMT)"),
        (0.5, 100, "next stricter one is 1800 s (longest tested, rossi2009_1hz: 1 Hz, 100 % rMT)"),
        (20, 140, "beyond the tables"),
        (50, 100, "beyond the tables"),
    ],
)
def test_between_and_beyond_cells_nothing_is_covered(hz, percent, words):
    found = check_limits(train(hz, 4 / hz), percent)
    assert (found.verdict, found.cut_verdict, found.checks) == ("not covered", "not covered", ())
    assert words in found.why


@pytest.mark.parametrize("name", ["itbs", "ctbs", "imtbs", "saint", "itbs_30hz"])
def test_bursts_are_not_covered(name):
    found = check_limits(protocols[name], 100)
    assert found.verdict == "not covered"
    assert "bursts" in found.why


def test_cleared_protocols():
    assert check_limits(protocols["h1_depression"]).verdict == "not covered"
    found = check_limits(protocols["10hz_dlpfc"])
    assert (found.verdict, found.cut_verdict) == ("inside", "outside")
    assert check_limits(protocols["1hz_1800"]).why.startswith("no intensity")
    assert check_limits(protocols["h7_ocd"], 110).verdict == "outside"


def test_trains_without_a_pause_are_one():
    joined = Protocol("joined", [("pulse", 20, 0.05), ("train", 3, 1.0), ("block", 2, 3.0)])
    found = check_limits(joined, 100)
    assert (found.train_duration_s, found.verdict) == (6.0, "outside")
    four = check_limits(train(10, 1.0, 4, 1.0), 120)
    assert (four.train_duration_s, four.verdict) == (4.0, "inside")
    assert check_limits(train(10, 1.0, 5, 1.0), 120).verdict == "outside"
    assert check_limits(train(10, 1.0, 5, 6.0), 120).train_duration_s == 1.0


def test_pauses_between_trains():
    safe = check_limits(train(20, 1.6, 10, 6.6), 110)
    assert [check.verdict for check in safe.checks if check.quantity == "pause"] == ["inside"]
    assert not any(check.quantity == "pause" for check in check_limits(train(20, 1.6, 11, 6.6), 110).checks)
    sooner = check_limits(train(20, 1.6, 10, 6.5), 110)
    assert [check.verdict for check in sooner.checks if check.quantity == "pause"] == ["not covered"]
    assert sooner.verdict == "not covered"
    unsafe = check_limits(train(20, 0.5, 10, 1.5), 110)
    assert (unsafe.verdict, unsafe.checks[-1].row) == ("outside", "chen1997_pause_1s")
    assert unsafe.checks[-1].value_s == 1.0
    assert check_limits(train(20, 0.5, 10, 1.5), 100).verdict == "not covered"
    assert check_limits(train(20, 0.5, 10, 1.51), 110).verdict == "not covered"
    assert check_limits(train(20, 1.0, 10, 1.05), 90).verdict == "not covered"
    assert check_limits(train(20, 0.5, 10, 5.5), 110).verdict == "inside"


@pytest.mark.parametrize("percent", [None, 90, 110, 95])
def test_every_answer_says_what_the_table_is(percent):
    for protocol in protocols.values():
        found = check_limits(protocol, percent)
        assert found.from_memory
        assert "from memory, not compared with the paper: replace it" in str(found)
        assert "no limit of this software" in str(found)
        assert json.loads(json.dumps(found.to_dict()))["verdict"] == found.verdict


def test_a_users_table(tmp_path):
    row = {"kind": "longest_train", "frequency_hz": 18, "percent_rmt": [120], "longest_train_s": [2.5]}
    mine = row | {"longest_tested": [True], "source": "our own"}
    (tmp_path / "t.json").write_text(json.dumps({"train_limits": {"h1": mine}}))
    found = check_limits(protocols["h1_depression"], tables=hf.read_tables(tmp_path / "t.json"))
    assert (found.verdict, found.checks[0].row, found.checks[0].from_memory) == ("inside", "h1", False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "longest"}, "kind must be one of"),
        ({"percent_rmt": [90, 100]}, "must be lists of as many"),
        ({"percent_rmt": 90, "longest_train_s": 1, "longest_tested": True}, "must be lists of as many"),
        ({"longest_train_s": ["x"]}, "longest_train_s = 'x' must be a finite number"),
        ({"longest_train_s": [-1]}, "longest_train_s = -1 must be 0 or more"),
        ({"longest_train_s": [0]}, "longest_train_s must be more than 0"),
        ({"longest_train_s": None}, "longest_train_s"),
        ({"longest_train_s": 2.0}, "must be lists of as many"),
        ({"longest_train_s": [[2.0]]}, r"longest_train_s = \[2.0\] must be a finite number"),
        ({"longest_tested": True}, "must be lists of as many"),
        ({"longest_tested": ["false"]}, "longest_tested must be True or False, not 'false'"),
        ({"kind": ["longest_train"]}, "kind must be one of"),
        ({"frequency_hz": [18]}, "frequency_hz = .18. must be a finite number"),
        (
            {"percent_rmt": [120, 120.0], "longest_train_s": [2.5, 1], "longest_tested": [True, False]},
            "percent_rmt has 120 twice",
        ),
        ({"kind": "cut", "share": [0.75]}, "share = .0.75. must be a finite number"),
        ({"kind": "cut", "share": 75}, "share must lie between 0 and 1, not 75"),
        (
            {"kind": "pause_unsafe", "above_percent_rmt": 100, "pause_s": [1], "about": ""},
            "pause_s = .1. must be",
        ),
    ],
)
def test_damaged_tables(tmp_path, change, words):
    row = {"kind": "longest_train", "frequency_hz": 18, "percent_rmt": [120], "longest_train_s": [2.5]}
    row |= {"longest_tested": [True], "source": "our own"} | change
    (tmp_path / "t.json").write_text(json.dumps({"train_limits": {"h1": row}}))
    with pytest.raises(DoseError, match=words) as told:
        check_limits(protocols["itbs"], tables=hf.read_tables(tmp_path / "t.json"))
    assert "t.json: h1" in str(told.value)


def test_wrong_arguments():
    with pytest.raises(ArgumentError, match="percent_rmt must be more than 0"):
        check_limits(protocols["itbs"], 0)
    with pytest.raises(ArgumentError, match=r"percent_rmt = 1\.2 is of the threshold, in percent: 120 is 1"):
        check_limits(protocols["itbs"], 1.2)
    with pytest.raises(ArgumentError, match=r"percent_rmt = 1\.2 is of the threshold"):
        check_limits(Protocol("mine", [("pulse", 3, 1.0)], percent_rmt=1.2))
    with pytest.raises(ArgumentError, match="takes a Protocol"):
        check_limits("itbs")

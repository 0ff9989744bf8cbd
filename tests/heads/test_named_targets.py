# SPDX-License-Identifier: BSD-3-Clause
"""Targets by name: their coordinates, their sources, tables of one's own, and where they are in a head."""

import json

import numpy as np
import pytest

import headfield as hf
from headfield.heads.points import find_point

# MNI coordinates as the publications have them, mm.
_KNOWN = {
    "dlpfc_ba9": (-36, 39, 43),
    "dlpfc_ba46": (-44, 40, 29),
    "dlpfc_5cm": (-41, 16, 54),
    "dlpfc_f3": (-37, 26, 49),
    "dlpfc_seed_peak": (-44, 38, 34),
    "dlpfc_efficacy": (-38, 44, 26),
    "dlpfc_sgacc": (-42, 44, 30),
    "sgacc_seed": (6, 16, -10),
    "dlpfc_fitzgerald": (-46, 45, 38),
    "dlpfc_herbsman": (-46, 23, 49),
    "dlpfc_rusjan": (-50, 30, 36),
    "m1_hand": (-37, -21, 58),
    "sma": (-4, -8, 58),
    "pre_sma": (-2, 18, 50),
    "ifg_right": (48, 16, 18),
    "amygdala_left": (-24, -4, -18),
    "amygdala_right": (24, -4, -18),
    "scalp_f3": (-50.2, 53.1, 42.2),
    "scalp_f4": (51.8, 54.3, 40.8),
    "scalp_fz": (0.3, 58.5, 66.5),
    "scalp_c3": (-65.4, -11.6, 64.4),
    "scalp_cz": (0.4, -9.2, 100.2),
    "h1_coil": (-44, 40, 59),
}


def test_coordinates_are_those_of_the_publications():
    assert {name: target.mni_mm for name, target in hf.targets.items()} == _KNOWN
    assert all(target.source and target.about for target in hf.targets.values())


def test_what_is_from_memory_says_so():
    unsure = {name for name, target in hf.targets.items() if target.from_memory}
    assert unsure == {"dlpfc_rusjan", "sma", "pre_sma", "ifg_right"}
    assert all("from memory" in str(hf.targets[name]) for name in unsure)


def test_the_h1_coil_has_axes():
    axes = hf.targets["h1_coil"].axes
    np.testing.assert_allclose(axes[:, 1], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(axes[:, 2], [0.5, 0, -0.866], atol=1e-4)
    assert np.linalg.det(axes) == pytest.approx(1)


def test_a_name_is_a_point_of_a_head_by_its_map():
    point = find_point("DLPFC_sgACC", mni_to_head=lambda xyz: np.asarray(xyz) + [1, 2, 3])
    assert point.tolist() == [-41, 46, 33]
    with pytest.raises(hf.ArgumentError, match="'m1_hand': MNI coordinates need"):
        find_point("m1_hand")


def test_a_name_that_there_is_not():
    assert hf.targets.get("nowhere") is None
    assert hf.targets.get("SMA") == hf.targets["sma"]


def test_tables_of_ones_own_replace_and_add(tmp_path):
    path = tmp_path / "mine.json"
    mine = {
        "m1_hand": {"mni_mm": [-38, -20, 60], "source": "us"},
        "new": {"mni_mm": [1, 2, 3], "source": "us"},
    }
    path.write_text(json.dumps({"targets": mine}))
    found = hf.named_targets(hf.read_tables(path))
    assert found["m1_hand"].mni_mm == (-38, -20, 60)
    assert (found["new"].space, found["new"].from_memory) == ("brain", False)
    assert found["sma"] == hf.targets["sma"]
    assert hf.targets["m1_hand"].mni_mm == (-37, -21, 58)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[1]", "object of sections"),
        ('{"target": {}}', "no section 'target', did you mean 'targets'"),
        ('{"targets": {"a": {"mni_mm": [1, 2, 3]}}}', "'a' of targets has no text 'source'"),
        ('{"targets": {"a": {"source": "x", "from_memory": 1}}}', "must be true or false"),
        ("{", "not JSON"),
        ('{"targets": {"a": {"source": "x"}, "a": {"source": "y"}}}', "'a' comes twice"),
    ],
)
def test_damaged_tables_are_refused_by_name(tmp_path, content, words):
    path = tmp_path / "mine.json"
    path.write_text(content)
    with pytest.raises(hf.FileFormatError, match=words) as raised:
        hf.read_tables(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    "entry", [{"mni_mm": [1, 2]}, {"mni_mm": [1, 2, 3], "space": "moon"}, {}, {"mni_mm": "x"}]
)
def test_damaged_targets_are_refused_by_name(tmp_path, entry):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"targets": {"odd": {"source": "us", **entry}}}))
    with pytest.raises(hf.ArgumentError, match="'odd'"):
        hf.named_targets(hf.read_tables(path))["odd"]


def test_a_name_that_is_nearly_a_published_one_is_told(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"targets": {"dlpfc_sgac": {"mni_mm": [1, 2, 3], "source": "us"}}}))
    with pytest.warns(UserWarning, match=r"'dlpfc_sgac' of targets is a new.* mean 'dlpfc_sgacc'"):
        hf.read_tables(path)


def test_a_target_in_metres_is_doubted(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"targets": {"mine": {"mni_mm": [-0.04, 0.042, 0.03], "source": "us"}}}))
    with pytest.warns(hf.PlausibilityWarning, match="is it in metres"):
        hf.named_targets(hf.read_tables(path))["mine"]

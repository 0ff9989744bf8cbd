# SPDX-License-Identifier: BSD-3-Clause
"""The report of a session: what is in it, and that it is of one intensity."""

import functools
import json
import re

import numpy as np
import pytest

import headfield as hf
from headfield.dose.reports import chapters


@functools.cache
def model():
    return hf.HeadModel(hf.sphere_mesh(radii_mm=[70, 80, 86, 92], tags=[1, 2, 4, 5], edge_mm=14))


@functools.cache
def found(percent=120.0):
    coil = hf.figure_of_eight(didt_max=150e6)
    pose = model().place(coil, [0, 0, 92], [0, 50, 92])
    target = hf.regions.sphere(model().mesh, [0, 0, 74], 12, 2)
    return hf.dose.intensity(
        model(), coil, pose, target, hf.dose.MatchedField(40, coil, pose, target), percent=percent
    )


@functools.cache
def report():
    protocol = hf.dose.protocols["10hz_dlpfc"]
    place = found().site.place
    gray = hf.regions.tissue(model().mesh, 2)
    dose = hf.dose.dose_map(
        model(), place.coil, place.pose, found().didt, region=gray, pulses=protocol, thresholds=[40, 80]
    )
    pulse = hf.dose.Pulse.biphasic(20e-3, 10e-6, 200e-6, 1600)
    heat = hf.dose.heating(pulse, protocol, mso=found().mso, mass_kg=0.5)
    return hf.dose.session_report(
        model(), found(), protocol=protocol, dose=dose, heat=heat, title="<b>Anna & co</b>"
    )


@pytest.fixture
def without_pictures(monkeypatch):
    """Leaves out what takes seconds to draw, for tests of the words of a page."""
    monkeypatch.setattr(chapters, "_pictures", lambda *_: [])


def test_json_has_everything(tmp_path):
    report().write(tmp_path / "a.json")
    facts = json.loads((tmp_path / "a.json").read_text())
    assert facts["intensity"]["mso_percent"] == pytest.approx(48.0)
    assert facts["intensity"]["site"]["pose"] == found().site.place.pose.tolist()
    assert facts["protocol"]["n_pulses"] == facts["dose"]["pulses"] == 3000
    assert facts["limits"]["verdict"] == "inside"
    assert facts["limits"]["percent_rmt"] == 120
    assert facts["heating"]["n_pulses"] == 3000
    assert facts["provenance"]["headfield"] == hf.__version__
    assert set(facts["provenance"]["hashes"]) == {"head", "conductivity", "coil", "poses"}
    assert facts["head"]["conductivity_S_per_m"]["gray matter"] == 0.275
    assert "No validated model" in facts["over_weeks"]
    assert "Nothing here is medical advice" in facts["statement"]


def test_the_field_is_that_of_the_intensity():
    region = found().site.place.measure.regions[0]
    rows = np.searchsorted(report().field.elements, region.elements)
    value = np.average(report().field.magnitude[0, rows], weights=region.weights)
    assert value == pytest.approx(found().field, rel=1e-4)


def test_a_page_has_it_in_words_and_pictures_and_loads_nothing(tmp_path):
    assert report().write(tmp_path / "a.html") == ""
    page = (tmp_path / "a.html").read_text()
    assert "&lt;b&gt;Anna &amp; co&lt;/b&gt;" in page
    for words in (
        "48.0 ±",
        "matched field, 120 % of the threshold",
        "3,000 at 1 pose",
        "Research use",
        "4.2 s",
    ):
        assert words in page
    assert len(re.findall(r'src="data:image/png;base64,', page)) == 2
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "default-src 'none'" in page


def test_without_a_protocol_there_are_fewer_chapters(tmp_path, without_pictures):
    alone = hf.dose.session_report(model(), found())
    alone.write(tmp_path / "a.html")
    assert "Protocol" not in (tmp_path / "a.html").read_text()
    assert alone.to_dict()["limits"] is None


def test_limits_of_ones_own(tmp_path):
    row = {"kind": "longest_train", "frequency_hz": 10, "percent_rmt": [120], "longest_train_s": [1.0]}
    own = {"train_limits": {"rossi2009_10hz": row | {"longest_tested": [False], "source": "us"}}}
    (tmp_path / "own.json").write_text(json.dumps(own))
    protocol, tables = hf.dose.protocols["10hz_dlpfc"], hf.read_tables(tmp_path / "own.json")
    assert hf.dose.session_report(model(), found(), protocol=protocol).limits.verdict == "inside"
    own_report = hf.dose.session_report(model(), found(), protocol=protocol, tables=tables)
    assert own_report.limits.verdict == "outside"


def test_the_percentile_is_one_of_volume():
    field = report().field
    strong = report().to_dict()["percentile_99_9_in_brain_V_per_m"]
    above = field.mesh.volumes_mm3()[field.elements] * (field.magnitude[0] > strong)
    assert 0 <= above.sum() <= 1e-3 * field.mesh.volumes_mm3()[field.elements].sum()
    assert strong <= field.magnitude.max()


def test_a_protocol_at_another_percent_is_refused():
    with pytest.raises(hf.DoseError, match=r"given at 120 % .* asked for at 100 %"):
        hf.dose.session_report(model(), found(100.0), protocol=hf.dose.protocols["10hz_dlpfc"])


@pytest.mark.parametrize(
    ("rule", "percent", "verdict"),
    [
        (hf.dose.FixedFactor(40, factor=1.0), 120.0, "inside"),
        (hf.dose.FixedFactor(40), 160.2, "not covered"),  # 1.335 times the 120 %
        (hf.dose.FixedFactor(40, factor=1.0, threshold="active"), None, "not covered"),
        (hf.dose.FixedField(50), None, "not covered"),
    ],
)
def test_tables_are_asked_at_what_the_stimulator_gives(rule, percent, verdict):
    place = found().site.place
    asked = {} if isinstance(rule, hf.dose.FixedField) else {"percent": 120}
    one = hf.dose.intensity(model(), place.coil, place.pose, place.measure, rule, **asked)
    limits = hf.dose.session_report(model(), one, protocol=hf.dose.protocols["10hz_dlpfc"]).limits
    assert limits.verdict == verdict
    assert limits.percent_rmt == (None if percent is None else pytest.approx(percent))


@pytest.mark.parametrize("percent", [110, 115, 107.3])
def test_a_protocol_at_the_same_percent_is_taken(percent):
    mine = hf.dose.Protocol("mine", [("pulse", 10, 0.1)], percent_rmt=percent)
    assert hf.dose.session_report(model(), found(percent), protocol=mine).protocol is mine


def test_what_the_protocol_says_and_what_is_given_are_told_apart(tmp_path, without_pictures):
    place = found().site.place
    elsewhere = hf.regions.sphere(model().mesh, [40, 0, 60], 12, 2)
    rule = hf.dose.MatchedField(20, place.coil, place.pose, elsewhere)
    one = hf.dose.intensity(model(), place.coil, place.pose, place.measure, rule, percent=120)
    told = hf.dose.session_report(model(), one, protocol=hf.dose.protocols["10hz_dlpfc"]).notes[0]
    assert told.startswith("120 % of the motor threshold of this coil would be 24.0 %MSO; the rule gives")
    bursts = hf.dose.session_report(model(), one, protocol=hf.dose.protocols["itbs"])
    assert bursts.notes[0].startswith("the protocol is published at 80 % aMT; this is 120 % of the resting")
    bursts.write(tmp_path / "a.html")
    assert "published at 80 % aMT" in (tmp_path / "a.html").read_text()


def test_other_things_are_refused(tmp_path):
    with pytest.raises(hf.DoseError, match="Intensity, not float"):
        hf.dose.session_report(model(), 50.0)
    with pytest.raises(hf.DoseError, match="Protocol, not str"):
        hf.dose.session_report(model(), found(), protocol="itbs")
    with pytest.raises(hf.FileFormatError, match=r"a\.txt"):
        report().write(tmp_path / "a.txt")


def test_parts_of_another_head_and_of_other_kinds_are_refused():
    other = hf.HeadModel(hf.sphere_mesh(radii_mm=[70, 80, 86, 92], tags=[1, 2, 4, 5], edge_mm=16))
    place, gray = found().site.place, hf.regions.tissue(other.mesh, 2)
    with pytest.raises(hf.RegionError, match="is of another mesh"):
        hf.dose.session_report(other, found())
    dose = hf.dose.dose_map(other, place.coil, place.pose, 6e7, region=gray)
    with pytest.raises(hf.RegionError, match="the dose is of another mesh"):
        hf.dose.session_report(model(), found(), dose=dose)
    for wrong in ({"dose": 5}, {"heat": 5}, {"title": 5}):
        with pytest.raises(hf.DoseError, match=f"{next(iter(wrong))} must be"):
            hf.dose.session_report(model(), found(), **wrong)


def test_sums_of_other_pulses_than_the_protocol_has_say_so(tmp_path, without_pictures):
    place, gray = found().site.place, hf.regions.tissue(model().mesh, 2)
    dose = hf.dose.dose_map(model(), place.coil, place.pose, found().didt, region=gray, pulses=5)
    itbs = hf.dose.protocols["itbs"]
    hf.dose.session_report(model(), found(), protocol=itbs, dose=dose).write(tmp_path / "a.html")
    assert "5 at 1 pose; the protocol has 600" in (tmp_path / "a.html").read_text()

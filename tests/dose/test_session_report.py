# SPDX-License-Identifier: BSD-3-Clause
"""The report of a session: what is in it, and that it is of one intensity."""

import functools
import json
import re

import numpy as np
import pytest

import headfield as hf


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


def test_without_a_protocol_there_are_fewer_chapters(tmp_path):
    alone = hf.dose.session_report(model(), found())
    alone.write(tmp_path / "a.html")
    assert "Protocol" not in (tmp_path / "a.html").read_text()
    assert alone.to_dict()["limits"] is None


def test_a_protocol_at_another_percent_is_refused():
    with pytest.raises(hf.DoseError, match=r"given at 120 % .* asked for at 100 %"):
        hf.dose.session_report(model(), found(100.0), protocol=hf.dose.protocols["10hz_dlpfc"])


def test_other_things_are_refused(tmp_path):
    with pytest.raises(hf.DoseError, match="Intensity, not float"):
        hf.dose.session_report(model(), 50.0)
    with pytest.raises(hf.DoseError, match="Protocol, not str"):
        hf.dose.session_report(model(), found(), protocol="itbs")
    with pytest.raises(hf.FileFormatError, match=r"a\.txt"):
        report().write(tmp_path / "a.txt")

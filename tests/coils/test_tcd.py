# SPDX-License-Identifier: BSD-3-Clause
"""Coil files in .tcd: round trip bit for bit, files of the field, damaged files; what .ccd keeps of them."""

import base64
import json
import re
import string
import time
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headfield.coils.casing import Casing
from headfield.coils.coil import Coil
from headfield.coils.deformation import Deformation, DeformationRange
from headfield.coils.formats.tcd_write import write_tcd
from headfield.coils.parts import CoilElement, Stimulator, Waveform
from headfield.coils.read import read_coil
from headfield.coils.sources import Dipoles, SampledPotential, Segments
from headfield.errors import CoilError, FileFormatError

TEXT = st.text(string.printable + "µ·µ'\"\\", max_size=12)
NUMBER = st.floats(-9e3, 9e3, allow_subnormal=False)
SLOW_FIXTURE = [HealthCheck.function_scoped_fixture]
KEYS = {
    "": {
        *("name", "brand", "limits", "resolution", "coilCasing", "coilElementList", "stimulatorList"),
        *("deformList", "deformRangeList", "coilModels"),
    },
    "coilElementList": {
        *("name", "stimulator", "elementCasing", "deformations", "type"),
        *("points", "values", "data", "affine"),
    },
    "stimulatorList": {"name", "brand", "maxdIdt", "waveformList"},
    "waveformList": {"name", "time", "signal", "fit"},
    "deformList": {"deformRange", "type", "point1", "point2"},
    "deformRangeList": {"initial", "range"},
    "coilModels": {"points", "faces"},
}


def rows(least=1):
    return st.integers(least, 5).flatmap(lambda n: arrays(float, (n, 3), elements=NUMBER))


@st.composite
def sources(draw):
    kind = draw(st.sampled_from([Dipoles, Segments, SampledPotential]))
    if kind is SampledPotential:
        shape = (*draw(st.tuples(*[st.integers(2, 4)] * 3)), 3)
        values = draw(arrays(np.float32, shape, elements=st.floats(-(2**-20), 2**-20, width=32)))
        values[0, 0, 0] = 1e-7
        affine = np.diag([*draw(st.tuples(*[st.floats(0.5, 9)] * 3)), 1.0])
        affine[:3, 3] = draw(arrays(float, 3, elements=NUMBER))
        return kind(values, affine)
    points = draw(rows())
    values = draw(arrays(float, points.shape, elements=NUMBER))
    values[0, 0] = 1e-4
    return kind(points, values)


@st.composite
def casings(draw):
    points = draw(rows(3))
    return Casing(points, draw(arrays(int, (2, 3), elements=st.integers(0, len(points) - 1))))


@st.composite
def waveforms(draw):
    series = arrays(float, draw(st.integers(1, 4)), elements=st.floats(-1, 2))
    return Waveform(draw(series), draw(series), draw(st.none() | series), draw(TEXT))


@st.composite
def coils(draw):
    n_stimulators, n_ranges, n_deformations = (draw(st.integers(low, 3)) for low in (1, 1, 0))
    ranges = []
    for _ in range(n_ranges):
        low, initial, high = sorted(draw(st.tuples(NUMBER, NUMBER, NUMBER)))
        ranges.append(DeformationRange(initial, low, high))
    deformations = []
    for _ in range(n_deformations):
        kind = draw(st.sampled_from(["x", "y", "z", "rot2p"]))
        start = draw(arrays(float, 3, elements=NUMBER))
        ends = (start, start + [0, 1.5, 0.25]) if kind == "rot2p" else ()
        deformations.append(Deformation(kind, draw(st.integers(0, n_ranges - 1)), *ends))
    shared = draw(casings())
    casing = st.none() | st.just(shared) | casings()
    motions = st.lists(st.integers(0, n_deformations - 1), max_size=3) if n_deformations else st.just([])
    elements = [
        CoilElement(
            draw(sources()),
            i % n_stimulators,
            draw(TEXT),
            draw(casing),
            tuple(draw(motions)),
        )
        for i in range(n_stimulators + draw(st.integers(0, 2)))
    ]
    stimulators = [
        Stimulator(
            *draw(st.tuples(TEXT, TEXT, st.none() | st.floats(1.0, 1e9))),
            tuple(draw(st.lists(waveforms(), max_size=2))),
        )
        for _ in range(n_stimulators)
    ]
    coil = Coil(
        elements=elements,
        name=draw(TEXT),
        brand=draw(TEXT),
        stimulators=stimulators,
        deformations=deformations,
        deformation_ranges=ranges,
        casing=draw(casing),
        limits_mm=draw(st.none() | st.just([[-9, 9.5], [-8, 8], [0, 0.1]])),
        resolution_mm=draw(st.none() | st.just([1, 2.5, 1 / 3])),
    )
    share = draw(st.floats(0, 1))
    return coil.deformed(*(min(r.high, r.low + share * (r.high - r.low)) for r in ranges))


def bits(value):
    """Everything that a coil holds, as something that can be compared."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, (tuple, list)):
        return tuple(map(bits, value))
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, DeformationRange):  # the initial value is where the coil was
        return value.low, value.high
    fields = getattr(value, "__dataclass_fields__", ())
    return (type(value), *(bits(getattr(value, name)) for name in fields)) if fields else value


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
@settings(max_examples=60, deadline=None, suppress_health_check=SLOW_FIXTURE)
@given(coil=coils(), text=st.booleans())
def test_round_trip_gives_back_the_same_bits(tmp_path, coil, text):
    path = tmp_path / "coil.tcd"
    write_tcd(path, coil, text=text)
    back = read_coil(path)
    assert bits(back) == bits(coil)
    assert [r.initial for r in back.deformation_ranges] == list(coil.deformation_values)
    check_structure(json.loads(path.read_text()))


def check_structure(value, kind=""):
    """No key that the format does not know, no empty list or object."""
    if isinstance(value, dict):
        assert value
        assert value.keys() <= KEYS[kind]
        for key, inner in value.items():
            check_structure(inner, key)
    elif isinstance(value, list):
        assert value
        for inner in value:
            check_structure(inner, kind)


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_FIXTURE)
@given(coil=coils(), text=st.booleans())
def test_what_is_written_follows_the_schema(shared_data, tmp_path, coil, text):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((shared_data / "coils" / "coil_model.schema.json").read_text())
    write_tcd(tmp_path / "coil.tcd", coil, text=text)
    jsonschema.validate(json.loads((tmp_path / "coil.tcd").read_text()), schema)


def test_a_casing_that_parts_share_is_written_once(tmp_path):
    casing = Casing([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
    part = CoilElement(Dipoles([[0, 0, -5]], [[0, 0, 1]]), casing=casing)
    Coil(elements=[part, part], casing=casing).write(tmp_path / "coil.tcd")
    content = json.loads((tmp_path / "coil.tcd").read_text())
    assert len(content["coilModels"]) == 1
    assert content["coilCasing"] == content["coilElementList"][1]["elementCasing"] == 0


def test_a_grid_that_would_be_too_much_text_is_refused(tmp_path):
    values = np.broadcast_to(np.float32(1e-7), (180, 180, 180, 3))
    coil = Coil(elements=[CoilElement(SampledPotential(values, np.eye(4)))])
    with pytest.raises(CoilError, match=r"\(180, 180, 180\) is too large .* \.nii\.gz"):
        coil.write(tmp_path / "coil.tcd")
    assert not list(tmp_path.iterdir())


# Files of the field


def unpacked(text):
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), "<f8").reshape(-1, 3).copy()


def summed(kind, points_mm, values, at_mm):
    """A at a point, T·m per A, from the numbers in the file."""
    r = (at_mm - points_mm) * 1e-3
    distance = np.linalg.norm(r, axis=1)[:, None]
    if kind == 1:
        return 1e-7 * (np.cross(values, r) / distance**3).sum(axis=0)
    return 1e-7 * (values * 1e-3 / distance).sum(axis=0)


@pytest.mark.parametrize(
    ("name", "size", "text"),
    [
        ("Brainsway_H1", 1.978, "'H1': 14930 wire segments, .* dI/dt up to 114.7"),
        ("MagVenture_MST-Twin", 1.532, "'MST-Twin': 4072 dipoles, .* dI/dt up to 200.1"),
        ("two_stimulator_example_coil", 2.754, "4200 wire segments, .* up to 122.2 and 102.4"),
    ],
)
def test_coils_of_the_field(shared_data, tmp_path, name, size, text):
    path = shared_data / "coils" / f"{name}.tcd"
    content = json.loads(path.read_text())
    start = time.process_time()
    coil = read_coil(path)
    assert time.process_time() - start < 2
    at = np.array([0, 0, 20.0])
    parts = [
        (e["type"], unpacked(e["points"]), unpacked(e["values"]), e["stimulator"])
        for e in content["coilElementList"]
    ]
    for stimulator in (*range(coil.n_stimulators), None):
        expected = sum(summed(*part[:3], at) for part in parts if stimulator in (None, part[3]))
        a = coil.vector_potential([at], stimulator=stimulator)[0]
        np.testing.assert_allclose(a, expected, rtol=1e-6, atol=1e-12)
    assert np.linalg.norm(expected) * 1e6 == pytest.approx(size, abs=5e-4)
    assert re.search(text, repr(coil))
    coil.write(tmp_path / "again.tcd")
    assert bits(read_coil(tmp_path / "again.tcd")) == bits(coil)


def test_the_parts_of_a_flexible_coil_move(shared_data):
    rotation = pytest.importorskip("scipy.spatial.transform").Rotation
    path = shared_data / "coils" / "MagVenture_MST-Twin.tcd"
    content = json.loads(path.read_text())
    coil = read_coil(path)
    values = [
        r.low + (r.high - r.low) * share
        for r, share in zip(coil.deformation_ranges, (0.1, 0.9, 0.4) * 2, strict=True)
    ]
    at = np.array([0, 0, 20.0])
    expected = np.zeros(3)
    for element in content["coilElementList"]:
        points, moments = unpacked(element["points"]), unpacked(element["values"])
        for i in element["deformations"]:
            joint = content["deformList"][i]
            value = values[joint["deformRange"]]
            if joint["type"] == "rot2p":
                start, end = np.array(joint["point1"]), np.array(joint["point2"])
                axis = (end - start) / np.linalg.norm(end - start)
                turn = rotation.from_rotvec(np.radians(value) * axis)
                points, moments = turn.apply(points - start) + start, turn.apply(moments)
            else:
                points = points + value * np.eye(3)["xyz".index(joint["type"])]
        expected += summed(1, points, moments, at)
    a = coil.deformed(*values).vector_potential([at])[0]
    np.testing.assert_allclose(a, expected, rtol=1e-6, atol=1e-12)
    assert np.linalg.norm(a - coil.vector_potential([at])[0]) > 0.1 * np.linalg.norm(a)


# .ccd


def test_a_ccd_keeps_where_a_coil_is_to_be_sampled(tmp_path):
    coil = Coil(
        [[0, 0, -5]], [[0, 0, 1]], limits_mm=[[-300, 300], [-200.5, 1 / 3], [0, 9]], resolution_mm=[3, 3, 3]
    )
    coil.write(tmp_path / "coil.ccd")
    header = (tmp_path / "coil.ccd").read_text().splitlines()[0]
    assert header == "# number of elements;x=-300,300;y=-200.5,0.3333333333333333;z=0,9;resolution=3"
    back = read_coil(tmp_path / "coil.ccd")
    np.testing.assert_array_equal(back.limits_mm, coil.limits_mm)
    np.testing.assert_array_equal(back.resolution_mm, [3, 3, 3])
    Coil([[0, 0, -5]], [[0, 0, 1]], resolution_mm=[1, 2, 0.5]).write(tmp_path / "coil.ccd")
    np.testing.assert_array_equal(read_coil(tmp_path / "coil.ccd").resolution_mm, [1, 2, 0.5])


@pytest.mark.parametrize(
    "part", ["x=1", "x=3,-3", "x=a,b", "x=0,1,2", "xy=0,1", "=0,1", "resolution=0", "resolution=1,2"]
)
def test_limits_of_a_ccd_that_make_no_sense_are_left_out(tmp_path, part):
    text = f"# a;{part};y=0,1;z=0,1\n1\n# b\n0 0 0 0 0 1\n"
    (tmp_path / "coil.ccd").write_text(text)
    coil = read_coil(tmp_path / "coil.ccd")
    assert coil.limits_mm is None
    assert coil.resolution_mm is None


def test_a_ccd_says_what_it_leaves_out(tmp_path):
    casing = Casing([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
    part = CoilElement(Dipoles([[1, 0, -5.0]], [[0, 0, 1e-4]]), 0, "", casing, (0,))
    coil = Coil(
        elements=[part, part],
        stimulators=[Stimulator("one", "maker", 1e8)],
        deformations=[Deformation("x", 0)],
        deformation_ranges=[DeformationRange(0, -5, 5)],
    ).deformed(2.5)
    with pytest.warns(UserWarning, match="does not hold that parts can be moved, the stimulator's") as caught:
        coil.write(tmp_path / "coil.ccd")
    assert len(caught) == 1
    back = read_coil(tmp_path / "coil.ccd")
    np.testing.assert_array_equal(back.dipole_positions_mm, [[3.5, 0, -5], [3.5, 0, -5]])
    assert (back.stimulator, back.didt_max) == ("one", 1e8)


def test_a_ccd_holds_only_dipoles_of_one_stimulator(tmp_path):
    wire = CoilElement(Segments([[0, 0, -5.0]], [[0, 1.0, 0]]))
    dipole = CoilElement(Dipoles([[0, 0, -5.0]], [[0, 0, 1e-4]]), 1)
    with pytest.raises(CoilError, match=r"coil.reduced\(n\)"):
        Coil(elements=[wire]).write(tmp_path / "coil.ccd")
    two = Coil(elements=[CoilElement(dipole.source), dipole], stimulators=[Stimulator("a"), Stimulator("b")])
    with pytest.raises(CoilError, match="has 2 stimulators"):
        two.write(tmp_path / "coil.ccd")
    with pytest.raises(FileFormatError, match=r"coils are written as .ccd, .tcd, .nii.gz, .nii, not '.stl'"):
        two.write(tmp_path / "coil.stl")
    assert not list(tmp_path.iterdir())


def test_stimulators_that_drive_nothing_are_left_out(tmp_path):
    part = {"type": 2, "stimulator": 1, "points": [[0, 0, -5]], "values": [[0, 1, 0]]}
    stimulators = [{"name": "spare"}, {"name": "used", "maxdIdt": 1e8}]
    path = tmp_path / "spare.tcd"
    path.write_text(json.dumps({"coilElementList": [part], "stimulatorList": stimulators}))
    with pytest.warns(UserWarning, match="1 stimulators that drive no element were left out"):
        coil = read_coil(path)
    assert (coil.stimulator, coil.didt_max, coil.elements[0].stimulator) == ("used", 1e8, 0)

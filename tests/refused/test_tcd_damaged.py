# SPDX-License-Identifier: BSD-3-Clause
"""Damaged .tcd files: what is wrong, and where, is said, soon, and nothing is unpickled."""

import base64
import json
import pickle
import re
import time
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headfield.coils.casing import Casing
from headfield.coils.coil import Coil
from headfield.coils.deformation import Deformation, DeformationRange
from headfield.coils.formats.tcd_json import packed
from headfield.coils.formats.tcd_write import _content
from headfield.coils.parts import CoilElement, Stimulator, Waveform
from headfield.coils.read import read_coil
from headfield.coils.sources import Dipoles, SampledPotential, Segments
from headfield.errors import CoilError, FileFormatError, HeadfieldError, PlausibilityWarning

SLOW_FIXTURE = [HealthCheck.function_scoped_fixture]


def small(text=True):
    """The content of a small file that has everything."""
    casing = Casing([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
    wave = Waveform([0, 1e-6, 2e-6], [0, 1, 0.5], [0, 0.9, 0.4], "pulse")
    grid = SampledPotential(np.full((2, 2, 2, 3), 1e-7), np.diag([3, 3, 3, 1.0]))
    coil = Coil(
        elements=[
            CoilElement(Dipoles([[0, 0, -5.0]], [[0, 0, 1e-4]]), 0, "left", casing, (0, 1)),
            CoilElement(Segments([[0, 0, -5.0], [9, 0, -5]], [[0, 9.0, 0], [9, 0, 0]]), 1),
            CoilElement(grid, 1),
        ],
        name="small",
        brand="none",
        stimulators=[Stimulator("one", "b", 1e8, (wave,)), Stimulator("two")],
        deformations=[Deformation("x", 0), Deformation("rot2p", 1, [0, 0, 0], [0, 1, 0])],
        deformation_ranges=[DeformationRange(0, -5, 5), DeformationRange(0, -30, 30)],
        casing=casing,
        limits_mm=[[-9, 9], [-9, 9], [0, 9]],
        resolution_mm=[3, 3, 3],
    )
    return _content(coil, text)


@pytest.fixture
def tcd(tmp_path):
    """Write a file and read it as a coil."""

    def read(content):
        if isinstance(content, (dict, list)):
            content = json.dumps(content)
        (tmp_path / "coil.tcd").write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_coil(tmp_path / "coil.tcd")

    return read


def changed(path, value):
    """`small()` with the value at a path such as "deformList[1].point1" replaced; `...` removes it."""
    content = small()
    where = [int(part) if part.isdigit() else part for part in re.findall(r"\w+", path)]
    inner = content
    for step in where[:-1]:
        inner = inner[step]
    if value is ...:
        del inner[where[-1]]
    else:
        inner[where[-1]] = value
    return content


FLOAT32 = base64.b64encode(zlib.compress(np.full(3, 45.3, "<f4").tobytes())).decode()
CUT = base64.b64encode(zlib.compress(np.arange(30.0).tobytes())[:-6]).decode()
LONGER = base64.b64encode(zlib.compress(np.arange(3.0).tobytes()) + b"x").decode()
EMPTY = packed(np.empty(0))
NANS = packed(np.array([[0, np.nan, 0]]))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("coilElementList", ..., "coilElementList: is missing"),
        ("coilElementList", [], "coilElementList: is empty"),
        ("coilElementList", {}, "coilElementList: must be a list, not an object"),
        ("stimulatorList", ..., "stimulatorList: is missing"),
        ("coilElementList[1]", 7, r"coilElementList\[1\]: must be an object, not 7"),
        ("coilElementList[1].type", ..., r"coilElementList\[1\].type: is missing"),
        ("coilElementList[1].type", 4, r"coilElementList\[1\].type: must be 1 \(dipoles\), 2 \(wire\) or 3"),
        ("coilElementList[1].type", True, "type: must be 1"),
        ("coilElementList[1].type", "2", "type: must be 1"),
        ("coilElementList[1].type", 3, r"points: does not belong to an element of type 3"),
        ("coilElementList[2].type", 1, r"data: does not belong to an element of type 1"),
        ("coilElementList[1].points", ..., r"coil.tcd: coilElementList\[1\].points: is missing"),
        ("coilElementList[1].points", None, r"points: must be numbers in lists 2 deep, is not at depth 1"),
        (
            "coilElementList[1].points",
            [1, 2, 3],
            r"points: must be numbers in lists 2 deep, is not at depth 2",
        ),
        ("coilElementList[1].points", [[1, 2, 3], [1, 2]], r"points: has lists of different lengths"),
        ("coilElementList[1].points", [[1, 2], [1, 2]], r"List\[1\]: points_mm must have the shape \(n, 3\)"),
        ("coilElementList[1].points", [[1, 2, 3]], r"List\[1\]: 1 wire points but 2 wire lengths"),
        ("coilElementList[1].points", [[1, 2, "3"]], "points: holds '3', which is not a number"),
        ("coilElementList[1].points", [[1, 2, True]], "points: holds True, which is not a number"),
        ("coilElementList[1].points", [[1, 2, None]], "points: holds None, which is not a number"),
        ("coilElementList[1].points", [[1, 2, [3]]], "points: holds a list, which is not a number"),
        ("coilElementList[1].points", [[1, 2, 10**400]], "points: holds a number beyond 1e308"),
        ("coilElementList[1].points", "not base64!", "points: is neither numbers nor base64"),
        ("coilElementList[1].points", "AAAA", "points: is neither numbers nor base64"),
        ("coilElementList[1].points", "µ", "points: is neither numbers nor base64"),
        ("coilElementList[1].points", FLOAT32, "points: 12 bytes, not a whole number of rows of 24"),
        ("coilElementList[1].points", CUT, "points: its compressed bytes are cut off"),
        ("coilElementList[1].points", LONGER, "points: its compressed bytes are cut off, or others follow"),
        ("coilElementList[1].points", EMPTY, "0 wire points but 2"),
        (
            "coilElementList[0].points",
            NANS,
            r"coilElementList\[0\].points\[0\]\[1\]: nan is not a finite number",
        ),
        ("coilElementList[0].values", [[0, 0, 0]], r"coilElementList\[0\]: all 1 dipole moments are zero"),
        ("coilElementList[0].name", 3, r"coilElementList\[0\].name: must be text, not 3"),
        ("coilElementList[0].stimulator", 2, r"\[0\].stimulator: is 2, which is not one of 0 to 1"),
        ("coilElementList[0].stimulator", -1, "stimulator: is -1, which is not one of 0 to 1"),
        ("coilElementList[0].stimulator", 0.5, "stimulator: is 0.5, which"),
        ("coilElementList[0].stimulator", None, "stimulator: is None, which"),
        ("coilElementList[0].elementCasing", 1, "elementCasing: is 1, which is not one of 0 to 0"),
        ("coilElementList[0].deformations", [0, 2], r"deformations\[1\]: is 2, which is not one of 0 to 1"),
        (
            "coilElementList[2].data",
            "AAAA",
            r"List\[2\].data: is not nested lists; .* a pickle, which can run",
        ),
        (
            "coilElementList[2].data",
            [[[1, 2, 3]]],
            "data: must be numbers in lists 4 deep, is not at depth 4",
        ),
        ("coilElementList[2].data", [[[[1, 2, 3]]]], r"List\[2\]: a sampled A must have the shape"),
        ("coilElementList[2].affine", [[1, 0, 0, 0]] * 4, r"List\[2\]: the affine of a sampled A"),
        ("coilCasing", 1, "coil.tcd: coilCasing: is 1, which is not one of 0 to 0"),
        ("coilModels", ..., "which is not one of none, as there are none"),
        (
            "coilModels[0].faces",
            [[0, 1, 3]],
            r"coilModels\[0\]: casing faces must be indices of its 3 points",
        ),
        ("coilModels[0].faces", [[0, 1, 1.5]], r"coilModels\[0\]: casing faces must be indices"),
        ("stimulatorList[0].maxdIdt", 0, r"stimulatorList\[0\]: didt_max must be more than 0"),
        ("stimulatorList[0].maxdIdt", "fast", "maxdIdt: must be a number up to 1e\\+30, not 'fast'"),
        ("stimulatorList[0].maxdIdt", 10**400, "maxdIdt: must be a number up to 1e\\+30, not a huge number"),
        (
            "stimulatorList[0].waveformList[0].signal",
            [1],
            r"waveformList\[0\]: signal of a waveform has shape",
        ),
        ("deformList[0].deformRange", ..., r"deformList\[0\].deformRange: is missing"),
        (
            "deformList[0].type",
            "rot",
            r"deformList\[0\]: a deformation is 'x', 'y', 'z' or 'rot2p', not 'rot'",
        ),
        ("deformList[0].point1", [0, 0, 0], r"deformList\[0\]: a shift along x has no points"),
        ("deformList[1].point1", ..., r"deformList\[1\]: point1_mm of a rotation must have the shape"),
        ("deformList[1].point1", [0, 1, 0], "the two points of a rotation are the same"),
        ("deformRangeList[0].range", [1, 2, 3], r"deformRangeList\[0\].range: must be two numbers, not 3"),
        (
            "deformRangeList[0].initial",
            9,
            r"deformRangeList\[0\]: the initial value of the coil is 9, outside",
        ),
        ("limits", [[1, -1]] * 3, "coil.tcd: limits_mm must be three pairs"),
        ("resolution", [1, 1, 0], "coil.tcd: resolution_mm must be three numbers above 0"),
    ],
)
def test_what_is_wrong_and_where_is_said(tcd, path, value, message):
    with pytest.raises(CoilError, match=message):
        tcd(changed(path, value))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b"[]", "must be an object, not a list"),
        (b"\xff{}", "not a text file, byte 0 is not UTF-8"),
        (b"\x80\x04\x95.", "not a text file, byte 0 is not UTF-8"),
        (b'{"a": 1', "not JSON: .*line 1"),
        (b'{"name": "a", "name": "b"}', "not JSON: the key 'name' is there twice"),
        (b'{"limits": NaN}', "not JSON: NaN is not a number in JSON"),
        (b'{"limits": -Infinity}', "not JSON: -Infinity is not a number"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a": ' * 200_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 100_000 + b"}", "not JSON"),
    ],
)
def test_what_is_no_strict_json_is_refused(tcd, content, message):
    with pytest.raises(CoilError, match=f"coil.tcd: {message}"):
        tcd(content)


def test_numbers_beyond_the_range_are_not_finite(tcd):
    content = json.dumps(small()).replace("[[0.0, 0.0, -5.0]]", "[[0.0, 0.0, -1e999]]", 1)
    with pytest.raises(
        CoilError, match=r"coilElementList\[0\].points\[0\]\[2\]: -inf is not a finite number"
    ):
        tcd(content)


def test_a_folder_or_a_missing_file_is_said(tmp_path):
    (tmp_path / "a.tcd").mkdir()
    with pytest.raises(FileFormatError, match="not a regular file"):
        read_coil(tmp_path / "a.tcd")
    with pytest.raises(FileNotFoundError):
        read_coil(tmp_path / "b.tcd")


class Bomb:
    """Would make a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("key", ["coilElementList[1].points", "coilElementList[2].data"])
def test_a_pickle_is_refused_and_not_opened(tcd, tmp_path, protocol, key):
    raw = pickle.dumps(Bomb(str(tmp_path / "pwned")), protocol)
    with pytest.raises(CoilError, match=r"a pickle, which can run any program .*: it is not.*lists"):
        tcd(changed(key, base64.b64encode(zlib.compress(raw)).decode()))
    assert not (tmp_path / "pwned").exists()


def test_numbers_whose_first_byte_is_that_of_a_pickle_are_read(tcd):
    points = np.frombuffer(b"\x80\x04" + np.float64(-5.3).tobytes()[2:], "<f8")[0] * np.ones((1, 3))
    coil = tcd(changed("coilElementList[0].points", packed(points)))
    np.testing.assert_array_equal(coil.elements[0].source.positions_mm, points)


@pytest.mark.parametrize("copies", [1, 40])
def test_a_file_that_inflates_beyond_measure_is_refused_soon(tcd, copies):
    bomb = base64.b64encode(zlib.compress(bytes(100_000_000 // copies // 24 * 24))).decode()
    content = small()
    content["coilModels"] = [{"points": bomb, "faces": [[0, 1, 2]]}] * copies
    start = time.process_time()
    with pytest.raises(CoilError, match="inflates to more than a file of this size"):
        tcd(content)
    assert time.process_time() - start < 2


def test_base64_in_lines_and_a_byte_order_mark_are_read(tcd):
    content = changed("coilElementList[0].points", "\n".join(packed(np.array([[0, 0, -7.5]]))))
    coil = tcd("\ufeff" + json.dumps(content))
    np.testing.assert_array_equal(coil.elements[0].source.positions_mm, [[0, 0, -7.5]])


def test_unknown_keys_are_named_once(tcd):
    content = small()
    content["color"] = content["coilElementList"][0]["color"] = content["coilElementList"][1]["color"] = "red"
    content["version"], content["selfIntersectionTest"] = "1.0", [[0, 1]]
    content["coilModels"][0]["minDistancePoints"] = [[0, 0, 0]]
    message = r"tcd: keys that are not known .* left out: 'color', coilElementList\[\].'color'$"
    with pytest.warns(UserWarning, match=message) as caught:
        coil = tcd(content)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert coil.name == "small"


def test_what_is_dubious_is_said(tcd):
    with pytest.warns(PlausibilityWarning, match=r"coil.tcd: the coil is 5e\+04 mm across"):
        tcd(changed("coilElementList[0].points", [[0, 0, -5e4]]))
    with pytest.warns(PlausibilityWarning, match=r"coil.tcd: the largest component of A is 1 T·m"):
        tcd(changed("coilElementList[2].data", np.ones((2, 2, 2, 3)).tolist()))


def test_a_coil_without_a_name_is_named_after_its_file(tcd):
    assert tcd(changed("name", ...)).name == "coil"
    assert tcd(changed("name", "")).name == ""


ODD = st.sampled_from(
    [
        None,
        True,
        -1,
        3,
        0.5,
        10**400,
        1e300,
        "",
        "x",
        "AAAA",
        EMPTY,
        NANS,
        CUT,
        [],
        {},
        [[]],
        [[[[]]]],
        [0],
        [{}],
    ]
)


def places(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield from places(child, (*path, key))


PLACES = [(text, path) for text in (False, True) for path in places(small(text)) if path]


def read_or_typed(tcd, content):
    """Read what may be damaged; only a typed error that names the file may come of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            coil = tcd(content)
        except HeadfieldError as error:
            message = str(error)
        else:
            assert coil.elements
            message = "coil.tcd" + repr(coil)
    assert "coil.tcd" in message


@settings(max_examples=300, deadline=2000, suppress_health_check=SLOW_FIXTURE)
@given(where=st.sampled_from(PLACES), value=ODD | st.just(...))
def test_a_damaged_value_never_passes_as_another_error(tcd, where, value):
    text, path = where
    content = inner = small(text)
    for step in path[:-1]:
        inner = inner[step]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    read_or_typed(tcd, content)


@settings(max_examples=200, deadline=2000, suppress_health_check=SLOW_FIXTURE)
@given(data=st.data(), text=st.booleans())
def test_a_damaged_byte_never_passes_as_another_error(tcd, data, text):
    content = bytearray(json.dumps(small(text)).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read_or_typed(tcd, bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))]))

# SPDX-License-Identifier: BSD-3-Clause
"""EEG positions from .csv files, whole and damaged, and looked up by name."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headfield.errors import FileFormatError, HeadfieldError
from headfield.heads.eeg import EegPositions, read_eeg_positions

GOOD = """Type,X,Y,Z,ElectrodeName
Electrode,-60.5,0,60,C3
ReferenceElectrode, 0, 1.25e1 ,88,Cz

Electrode,-60,-40,50,-61,-41,51,CP3,more,1,2
Fiducial,0,95,-28,"Nz, the nasion"
"""


@pytest.fixture
def cap(tmp_path):
    def read(content):
        path = tmp_path / "cap.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_eeg_positions(path)

    return read


@pytest.mark.parametrize(
    "change", [str, lambda t: "\ufeff" + t.replace("\n", "\r\n"), lambda t: t.split("\n", 1)[1]]
)
def test_eeg_positions(cap, change):
    positions = cap(change(GOOD))
    assert positions.names == ("C3", "Cz", "CP3", "Nz, the nasion")
    assert positions.kinds == ("Electrode", "ReferenceElectrode", "Electrode", "Fiducial")
    expected = [[-60.5, 0, 60], [0, 12.5, 88], [-60, -40, 50], [0, 95, -28]]
    np.testing.assert_array_equal(positions.positions_mm, expected)
    np.testing.assert_array_equal(positions["Cz"], expected[1])
    assert ("C3" in positions, "C4" in positions, len(positions)) == (True, False, 4)
    with pytest.raises(ValueError, match="read-only"):
        positions.positions_mm[0] = 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no positions"),
        ("Type,X,Y,Z,Name\n\n", "no positions"),
        ("Electrode,1,2,3\n", "line 1: Electrode has no name"),
        ("Electrode,1,2,3,\n", "line 1: Electrode has no name"),
        ("Electrode,1,2,3,4,5,6\n", "line 1: Electrode has no name"),
        ("Electrode,1,2\n", "line 1: the coordinate '' is not a finite number"),
        ("Electrode,1,2,nan,C3\n", "line 1: the coordinate 'nan'"),
        ("Electrode,1,2,inf,C3\n", "line 1: the coordinate 'inf'"),
        ("Electrode,1,2_0,3,C3\n", "line 1: the coordinate '2_0'"),
        ("Electrode,1,2,C3\n", "line 1: the coordinate 'C3'"),
        (GOOD + "Electrode,1,x,3,C4\n", "line 7: the coordinate 'x'"),
        (GOOD + "Type,X,Y,Z,Name\n", "line 7: 'Type' is not one of Electrode, ReferenceElectrode, Fiducial"),
        ("CoilPos,1,2,3,0,0,1,0,1,0,4,C3\n", "line 1: 'CoilPos' is not one of"),
        ("Electrode;1;2;3;C3\n", "no positions"),
        ("Electrode\t1\t2\t3\tC3\n", "no positions"),
        ("Electrode 1 2 3 C3\nElectrode 1 2 3 C4\n", "line 2: 'Electrode 1 2 3 C4'"),
        ('Electrode,1,2,3,"C3\n', "line 1: unexpected end of data"),
        ("Electrode,1,2,3,C3\x00\n", "line 1: .* can't be a name"),
        (b"Electrode,1,2,3,C\xff\n", "not a text file, byte 17"),
        ("Electrode,1,2,3," + "C" * 200_000, "line 1: field larger"),
    ],
)
def test_damaged_positions_are_refused(cap, content, message):
    with pytest.raises(FileFormatError, match=rf"cap\.csv.*{message}"):
        cap(content)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_byte_never_passes_as_another_error(cap, data):
    content = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        positions = cap(bytes(content))
    except HeadfieldError:
        return
    except UserWarning:  # coordinates that are large or small
        return
    assert np.isfinite(positions.positions_mm).all()
    assert all(positions.names)


def test_names_that_are_not_there_or_mean_two_places():
    positions = np.array([[0.0, 0, 0], [10, 0, 0], [0, 0, 0], [0, 0, 1e-4]])
    cap = EegPositions(("C3", "CP3", "Nz", "Nz"), positions, ("Electrode",) * 3 + ("Fiducial",), "a cap")
    np.testing.assert_array_equal(cap["Nz"], [0, 0, 0])
    with pytest.raises(HeadfieldError, match="a cap: no position named 'c3', did you mean 'C3'"):
        cap["c3"]
    with pytest.raises(HeadfieldError, match=r"no position named 7; there are 'C3', 'CP3', 'Nz', 'Nz'$"):
        cap[7]
    twice = EegPositions(("C3", "C3"), positions[:2], ("Electrode",) * 2)
    with pytest.raises(HeadfieldError, match="2 positions are named 'C3', up to 10 mm apart"):
        twice["C3"]


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_other_units_are_said(cap, scale):
    lines = [f"Electrode,{x * scale},{y * scale},0,E{x}" for x, y in ((-70, 0), (70, 0), (0, 90))]
    with pytest.warns(UserWarning, match="are these their units"):
        cap("\n".join(lines))

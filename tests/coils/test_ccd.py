# SPDX-License-Identifier: BSD-3-Clause
"""Coil files in .ccd: round trip bit for bit, the traps of files that exist, damaged files."""

import string
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headfield import Coil, figure_of_eight, read_coil
from headfield.errors import CoilError, FileFormatError, HeadfieldError, PlausibilityWarning

ONE = "# number of elements\n1\n# dipoles\n0 0 -0.005 0 0 1e-4\n"
TEXT = st.text(string.ascii_letters + string.digits + " =#.,µ()_/", max_size=20).map(str.strip)


@pytest.fixture
def ccd(tmp_path):
    """Write a file and read it as a coil."""

    def read(content):
        path = tmp_path / "coil.ccd"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_coil(path)

    return read


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.integers(1, 8).flatmap(
        lambda d: arrays(float, (d, 6), elements=st.floats(-1e6, 1e6, allow_subnormal=False))
    ),
    didt_max=st.none() | st.floats(1e-3, 1e12),
    texts=st.tuples(TEXT, TEXT, TEXT),
)
def test_round_trip_gives_back_the_same_bits(tmp_path, values, didt_max, texts):
    values[0, 5] += 1e7  # not all moments zero
    stimulator, brand, name = ("" if text == "None" else text for text in texts)
    coil = Coil(
        values[:, :3], values[:, 3:], name=name, stimulator=stimulator, brand=brand, didt_max=didt_max
    )
    path = tmp_path / "coil.ccd"
    coil.write(path)
    back = read_coil(path)
    assert back.dipole_positions_mm.tobytes() == coil.dipole_positions_mm.tobytes()
    assert back.dipole_moments.tobytes() == coil.dipole_moments.tobytes()
    assert (back.didt_max, back.stimulator, back.brand) == (didt_max, stimulator, brand)
    assert back.name == (name or "coil")


def test_other_readers_find_metres(tmp_path):
    coil = figure_of_eight(spacing_mm=10)
    coil.write(tmp_path / "coil.ccd")
    rows = np.loadtxt(tmp_path / "coil.ccd", skiprows=2)
    np.testing.assert_allclose(rows[:, :3], coil.dipole_positions_mm * 1e-3, rtol=1e-15, atol=1e-18)
    np.testing.assert_array_equal(rows[:, 3:], coil.dipole_moments)


def test_the_header_is_read(ccd):
    coil = ccd(
        "# D70.ccd version 1.0 number of elements; dIdtmax=114.73;x=-300,300;resolution=3.0.1;"
        "stimulator=Magstim Rapid; brand = Magstim;coilname=D70.v2.1;junk;=;\n1\n# x\n0 0 -5e-3 0 0 1e-4\n"
    )
    assert coil.didt_max == 114_730_000.0
    assert (coil.name, coil.stimulator, coil.brand) == ("D70.v2.1", "Magstim Rapid", "Magstim")


@pytest.mark.parametrize(
    "content",
    [
        ONE,
        ONE.replace("\n", "\r\n"),
        ONE.replace("\n", "\r"),
        "\ufeff" + ONE,
        ONE.rstrip("\n"),
        ONE + "\n\n  \n# the end\n",
        "1\n0 0 -0.005 0 0 1e-4\n",
        "# a\n# b\n\n1 # dipole\n# c\n\t0.0 -0 -5.E-03   +.0 0 1E-4 # the only one\n",
        ONE.replace("elements", "elements;dIdtmax=;stimulator=None;coilname="),
    ],
)
def test_files_without_metadata_and_with_odd_lines(ccd, content):
    coil = ccd(content)
    np.testing.assert_array_equal(coil.dipole_positions_mm, [[0, 0, -5]])
    np.testing.assert_array_equal(coil.dipole_moments, [[0, 0, 1e-4]])
    assert (coil.name, coil.stimulator, coil.didt_max) == ("coil", "", None)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-16"])
def test_comments_in_other_encodings(ccd, encoding):
    """Older programs write A/µs in Latin-1; editors on Windows save UTF-16 and byte order marks."""
    coil = ccd(ONE.replace("elements", "elements (A/µs);stimulator=Müller;dIdtmax=100").encode(encoding))
    np.testing.assert_array_equal(coil.dipole_positions_mm, [[0, 0, -5]])
    assert (coil.stimulator, coil.didt_max) == ("Müller", 1e8)


@pytest.mark.parametrize("value", ["1.2.3", "100,150", "fast", "-3", "0", "nan", "inf", "1e999", "1_0"])
def test_a_limit_that_is_no_number_is_left_out_and_said(ccd, value):
    with pytest.warns(UserWarning, match="dIdtmax=.* is not a positive number"):
        coil = ccd(ONE.replace("elements", f"elements;dIdtmax={value}"))
    assert coil.didt_max is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no count"),
        (b"\n\n# only comments\n", "no count"),
        (b"\xff\xfe\x00\x01", "is not a count"),
        (b"\xff\xfe\x00", "not UTF-16 text"),
        (b"# coil\n1\n# x\n0 0 0 0 0 \xe9\n", "not UTF-8 text, at byte 23"),
        (b"# coil \xe9\x01\n1\n# x\n0 0 0 0 0 1\n", "not UTF-8 text, at byte 7"),
        (b"\x1f\x8b\x08\x00garbage", "not UTF-8"),
        (b"\x00\x01\x02\x03", "not a count"),
        ("{}", "line 1: '{}' is not a count"),
        ("# a\n-1\n", "line 2: '-1' is not a count"),
        ("# a\n1.0\n", "'1.0' is not a count"),
        ("# a\n٣\n", "is not a count"),
        ("# a\n" + "9" * 5000 + "\n", "is not a count"),
        (
            "# a\n999999999999\n# b\n0 0 0 0 0 1\n",
            "line 2 announces 999999999999 dipoles, the file holds 1 rows",
        ),
        (ONE.replace("1\n#", "2\n#", 1), "announces 2 dipoles, the file holds 1 rows"),
        (ONE + "0 0 0 0 0 1\n", "announces 1 dipoles, the file holds 2 rows"),
        (ONE + "the end\n", "announces 1 dipoles, the file holds 2 rows"),
        ("# a\n0\n# b\n", "0 dipoles"),
        ("# a\n2\n# b\n0 0 0 0 0 1\n0 0 0 0 0\n", "line 5: 5 columns"),
        ("# a\n1\n# b\n0 0 0 0 0 1 1\n", "line 4: 7 columns"),
        ("# a\n1\n# b\n0 0 nan 0 0 1\n", "line 4, column 3: 'nan' is not a finite number"),
        ("# a\n1\n# b\n0 0 0 0 0 1e400\n", "column 6: '1e400' is not a finite number"),
        ("# a\n1\n# b\n1e307 0 0 0 0 1\n", "column 1: '1e307' is not a finite number"),
        ("# a\n1\n# b\n0 0 0 0 1_000 1\n", "column 5"),
        ("# a\n1\n# b\n0 0 0 0 0x1 1\n", "column 5"),
        ("# a\n1\n# b\n1,0 0 0 0 0 1\n", "column 1: '1,0'"),
        ("# a\n1\n# b\n0 0 0 0 0 1e" + "9" * 5000 + "\n", "column 6"),
        ("# a\n2\n# b\n0 0 0 0 0 0\n1 1 1 0 0 0\n", "all 2 dipole moments are zero"),
    ],
)
def test_damaged_files_are_refused(ccd, content, message):
    with pytest.raises(CoilError, match=message):
        ccd(content)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_byte_never_passes_as_another_error(ccd, data):
    content = bytearray(ONE.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            coil = ccd(bytes(content))
        except HeadfieldError:
            return
    assert coil.n_dipoles == 1
    assert np.isfinite(coil.dipole_positions_mm).all()


def test_a_truncated_file_is_refused_at_every_line(ccd, tmp_path):
    figure_of_eight(spacing_mm=15).write(tmp_path / "whole.ccd")
    lines = (tmp_path / "whole.ccd").read_text().splitlines(keepends=True)
    for keep in range(len(lines)):
        with pytest.raises(CoilError, match=r"no count|announces"):
            ccd("".join(lines[:keep]))


def test_a_missing_file_or_a_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_coil(tmp_path / "absent.ccd")
    (tmp_path / "folder.ccd").mkdir()
    with pytest.raises(FileFormatError, match="folder"):
        read_coil(tmp_path / "folder.ccd")
    with pytest.raises(FileNotFoundError):
        figure_of_eight().write(tmp_path / "absent" / "coil.ccd")


@pytest.mark.parametrize("text", ["a;b", "a\nb", "a\rb", "a\u2028b", " a", "\ud800"])
def test_texts_that_the_header_cannot_hold_are_refused(tmp_path, text):
    path = tmp_path / "coil.ccd"
    path.write_text(ONE)
    for field in ("name", "stimulator", "brand"):
        with pytest.raises(CoilError, match=f"{field} .* can't be written"):
            Coil([[0, 0, 0]], [[0, 0, 1]], **{field: text}).write(path)
    assert path.read_text() == ONE  # what was there is still there


@pytest.mark.parametrize(
    ("name", "n", "didt_max", "brand"),
    [
        ("MagStim_D70", 964, 114.73e6, "Magstim"),
        ("MagStim_DCC", 2000, 84.37e6, "Magstim"),
        ("MagVenture_MCF-B65", 1024, 147.86e6, "MagVenture"),
        ("Magstim_70mm_Fig8", 2712, None, ""),
        ("fig8_70mm", 3452, None, ""),
        ("testcoil", 4, 100e6, ""),
    ],
)
def test_coils_of_the_field(shared_data, name, n, didt_max, brand):
    path = shared_data / "coils" / f"{name}.ccd"
    coil = read_coil(path)
    assert (coil.n_dipoles, coil.didt_max, coil.brand) == (n, didt_max, brand)
    rows = np.loadtxt(path, skiprows=3)
    np.testing.assert_allclose(coil.dipole_positions_mm, rows[:, :3] * 1e3, rtol=1e-15)
    np.testing.assert_array_equal(coil.dipole_moments, rows[:, 3:])


@pytest.mark.parametrize("factor", [1e3, 1e-3])
def test_a_coil_in_other_units_is_said(tmp_path, factor):
    coil = figure_of_eight(spacing_mm=10.0)
    with pytest.warns(PlausibilityWarning, match=r"^the coil is .* mm across"):
        odd = Coil(coil.dipole_positions_mm * factor, coil.dipole_moments)
    odd.write(tmp_path / "odd.ccd")
    with pytest.warns(PlausibilityWarning, match=r"odd\.ccd: the coil is .* mm across, not 5 to") as said:
        read_coil(tmp_path / "odd.ccd")
    assert [warning.filename for warning in said] == [__file__]


def test_what_makes_no_coil_is_said_with_the_file(tmp_path):
    (tmp_path / "none.ccd").write_text("# none\n1\n0 0 0 0 0 0\n")
    with pytest.raises(CoilError, match=r"none\.ccd: all 1 dipole moments are zero"):
        read_coil(tmp_path / "none.ccd")

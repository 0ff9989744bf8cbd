# SPDX-License-Identifier: BSD-3-Clause
"""Text in the encodings that files have: as declared, as marked, or as Windows writes it."""

import math

import pytest

from headfield.errors import PoseError
from headfield.io.text import number, parse_xml, read_text

NAME = "Läsion µ"


@pytest.mark.parametrize("text", ["nan", "-NaN", "-nan(ind)", "1.#QNAN", "-1.#IND0"])
def test_what_is_printed_for_no_number(text):
    assert math.isnan(number(text, "line 1"))


@pytest.mark.parametrize("text", ["inf", "-Infinity", "1.#INF00"])
def test_what_is_printed_for_too_large_numbers(text):
    assert math.isinf(number(text, "line 1"))


@pytest.mark.parametrize("text", ["", "1_0", "1,5", "nan(", "1.#", "infinit", "0x10", "1" * 100_000 + "x"])
def test_what_is_no_number(text):
    with pytest.raises(PoseError, match=r"line 1: .* is not a number"):
        number(text, "line 1")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_marked(tmp_path, encoding):
    (tmp_path / "a").write_bytes(f"{NAME}\r\nb\rc".encode(encoding))
    assert read_text(tmp_path / "a") == f"{NAME}\nb\nc"


@pytest.mark.parametrize("mark", [b"\xfe\xff", b"\xff\xfe"])
def test_either_order_of_bytes(tmp_path, mark):
    (tmp_path / "a").write_bytes(mark + NAME.encode("utf-16-be" if mark == b"\xfe\xff" else "utf-16-le"))
    assert read_text(tmp_path / "a") == NAME


class TestLatin1:
    def test_only_where_it_may_be(self, tmp_path):
        (tmp_path / "a").write_bytes(f"1 # {NAME}\n".encode("latin-1"))
        with pytest.raises(PoseError, match="not UTF-8 text, at byte 5"):
            read_text(tmp_path / "a")
        for where in ("comments", "anywhere"):
            assert read_text(tmp_path / "a", latin_1=where) == f"1 # {NAME}\n"
        (tmp_path / "a").write_bytes(f"{NAME}\n".encode("latin-1"))
        assert read_text(tmp_path / "a", latin_1="anywhere") == f"{NAME}\n"
        with pytest.raises(PoseError, match="at byte 1"):
            read_text(tmp_path / "a", latin_1="comments")

    def test_not_what_is_no_text(self, tmp_path):
        (tmp_path / "a").write_bytes(b"\x1f\x8b\x08\xe9")
        with pytest.raises(PoseError, match="not UTF-8 text, at byte 1"):
            read_text(tmp_path / "a", latin_1="anywhere")


def xml(encoding: str, declared: str = "") -> bytes:
    return f'<?xml version="1.0" encoding="{declared or encoding}"?>\n<a name="{NAME}"/>'.encode(encoding)


class TestXml:
    @pytest.mark.parametrize(
        "content",
        [
            xml("UTF-8"),
            xml("ISO-8859-1"),
            xml("ISO-8859-15"),
            xml("windows-1252"),
            xml("UTF-16"),
            xml("utf-8-sig", "UTF-8"),
            xml("utf-16", "UTF-8"),  # what the first bytes mark goes before what is declared
            xml("utf-8", "UTF-16"),
            f'<a name="{NAME}"/>'.encode(),
        ],
    )
    def test_encodings(self, tmp_path, content):
        (tmp_path / "a.xml").write_bytes(content)
        assert parse_xml(tmp_path / "a.xml").get("name") == NAME

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "utf-8-sig"])
    def test_entities_are_refused_in_each(self, tmp_path, encoding):
        declared = encoding.removesuffix("-sig")
        bomb = f'<?xml version="1.0" encoding="{declared}"?><!DOCTYPE a [<!ENTITY b "ccc">]><a>&b;</a>'
        (tmp_path / "a.xml").write_bytes(bomb.encode(encoding))
        with pytest.raises(PoseError, match="entity declaration"):
            parse_xml(tmp_path / "a.xml")

    @pytest.mark.parametrize("encoding", ["utf-7", "cp037", "shift_jis", "nonsense"])
    def test_others_are_refused(self, tmp_path, encoding):
        (tmp_path / "a.xml").write_bytes(f'<?xml version="1.0" encoding="{encoding}"?><a/>'.encode())
        with pytest.raises(PoseError, match=f"XML in the encoding '{encoding}'"):
            parse_xml(tmp_path / "a.xml")

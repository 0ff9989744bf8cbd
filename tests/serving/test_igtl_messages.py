# SPDX-License-Identifier: BSD-3-Clause
"""Messages of OpenIGTLink: those of the protocol's documents to the byte, round trips, and damaged ones."""

import contextlib
import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import headfield as hf
from headfield.serving.igtl import contents, message, ndarray, polydata
from headfield.serving.igtl.message import Message, crc64, pack, read_body, read_header
from headfield.serving.igtl.polydata import Attribute, PolyData

OFFICIAL = np.array(
    [
        [-0.954892, -0.196632, 0.222525, 46.0531],
        [0.196632, 0.142857, 0.970014, 19.4709],
        [-0.222525, 0.970014, -0.0977491, 46.0531],
        [0, 0, 0, 1],
    ]
)
CUBE = np.array(
    [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], np.float32
)
QUADS = [[0, 1, 2, 3], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]]


def crc_of(packed):
    return packed[50:58].hex()


def reread(packed):
    return read_body(read_header(packed[:58]), packed[58:])


@pytest.mark.parametrize(
    ("data", "crc"), [(b"123456789", "6c40df5f0b497347"), (b"\1", "42f0e1eba9ea3693"), (b"", "0" * 16)]
)
def test_crc(data, crc):
    assert f"{crc64(data):016x}" == crc


def test_crc_by_its_polynomial():
    data = bytes(np.random.default_rng(0).integers(0, 256, 1000, np.uint8))
    remainder = 0
    for byte in data:
        remainder ^= byte << 56
        for _ in range(8):
            remainder = (remainder << 1) ^ (0x42F0E1EBA9EA3693 if remainder >> 63 else 0)
            remainder &= 2**64 - 1
    assert crc64(data) == remainder


@pytest.mark.parametrize(
    ("kind", "content", "size", "crc"),
    [
        ("TRANSFORM", contents.transform(np.eye(4)), 48, "b5a225f8f462b3d7"),
        ("TRANSFORM", contents.transform(OFFICIAL), 48, "f6dd2b8eb4df6dd2"),
        ("STRING", contents.string("Welcome to OpenIGTLink"), 26, "cef1b42a701104d4"),
        (
            "STATUS",
            contents.status(contents.Status(15, "Actuator A is disabled.", "ACTUATOR_DISABLED", 10)),
            54,
            "98ee43eed8e431cf",
        ),
        ("NDARRAY", ndarray.ndarray(np.arange(60.0).reshape(5, 4, 3)), 488, "1be0ce29554f9a92"),
        (
            "POLYDATA",
            polydata.polydata(
                PolyData(
                    [[0, 0, 0], [1, 0, 0], [0, 1, 0]],
                    polygons=[[0, 1, 2]],
                    attributes=[Attribute("E", np.array([1, 2, 3], np.float32))],
                )
            ),
            112,
            "0ac18c4457de7913",
        ),
        (
            "POLYDATA",
            polydata.polydata(
                PolyData(CUBE, polygons=QUADS, attributes=[Attribute("attr", np.arange(8, dtype=np.float32))])
            ),
            300,
            "73dddfc80c48c62b",
        ),
    ],
)
def test_what_the_documents_have(kind, content, size, crc):
    packed = pack(Message(kind, "DeviceName", content, stamp=1.5))
    assert len(packed) == 58 + size
    assert crc_of(packed) == crc
    assert packed[:2] == b"\0\1"
    assert packed[2:14] == kind.encode().ljust(12, b"\0")
    assert packed[14:34] == b"DeviceName".ljust(20, b"\0")
    assert packed[34:42].hex() == "0000000180000000"
    assert struct.unpack(">Q", packed[42:50]) == (size,)


def test_version_2_as_the_documents_have_it():
    ages = {"First patient age": "22", "Second patient age": "25"}
    sent = Message("TRANSFORM", "DeviceName", contents.transform(OFFICIAL), 0.0, 2, 1, ages)
    packed = pack(sent)
    assert len(packed) == 58 + 117
    assert crc_of(packed) == "f698f64fdae266dd"
    assert reread(packed) == sent


names = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
stamps = st.floats(0, 2**32 - 1).map(lambda s: math.floor(s * 2**20) / 2**20)


@given(
    st.builds(
        Message,
        names.filter(bool),
        names,
        st.binary(max_size=300),
        stamps,
        st.just(2),
        st.integers(0, 2**32 - 1),
        st.dictionaries(st.text(max_size=9), st.text(max_size=30), max_size=4),
    )
)
def test_messages_of_version_2_come_back(sent):
    assert reread(pack(sent)) == sent


@given(st.builds(Message, names.filter(bool), names, st.binary(max_size=300), stamps))
def test_messages_of_version_1_come_back(sent):
    assert reread(pack(sent)) == sent


@given(hnp.arrays(np.float32, (3, 4), elements=st.floats(-1e6, 1e6, width=32)))
def test_transforms_come_back(rows):
    assert np.array_equal(
        contents.read_transform(contents.transform(np.vstack([rows, np.eye(4)[3]])))[:3], rows
    )


@given(st.text(max_size=200))
def test_texts_come_back(text):
    assert contents.read_string(contents.string(text)) == text
    said = contents.Status(2, text.replace("\0", ""), "NAME", -7)
    assert contents.read_status(contents.status(said)) == said


@given(
    hnp.arrays(
        st.sampled_from(["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8", "c16", ">f4", ">i2"]),
        hnp.array_shapes(max_dims=4, max_side=5, min_side=0),
    )
)
def test_arrays_come_back(array):
    read = ndarray.read_ndarray(ndarray.ndarray(array))
    assert read.dtype == array.dtype.newbyteorder("=")
    assert read.shape == array.shape
    assert read.tobytes() == array.astype(read.dtype).tobytes()


def cells(most):
    return st.lists(st.lists(st.integers(0, most - 1), min_size=1, max_size=5), max_size=6)


@given(st.data())
def test_surfaces_come_back(data):
    n = data.draw(st.integers(1, 6))
    kinds = [data.draw(cells(n)) for _ in range(4)]
    n_cells = sum(map(len, kinds))
    attributes = []
    for of_cells, kind in data.draw(
        st.lists(st.tuples(st.booleans(), st.sampled_from(polydata._KINDS)), max_size=3)
    ):
        width = {"scalar": 1, "vector": 3, "normal": 3, "tensor": 9, "rgba": 4}[kind]
        values = np.random.default_rng(n).random((n_cells if of_cells else n, width)).astype(np.float32)
        name = data.draw(names.filter(bool))
        attributes.append(Attribute(name, values[:, 0] if width == 1 else values, kind, of_cells))
    points = np.random.default_rng(n).random((n, 3)).astype(np.float32)
    read = polydata.read_polydata(polydata.polydata(PolyData(points, *kinds, attributes=attributes)))
    assert np.array_equal(read.points, points)
    for got, sent in zip((read.vertices, read.lines, read.polygons, read.strips), kinds, strict=True):
        assert [list(cell) for cell in got] == sent
    for got, sent in zip(read.attributes, attributes, strict=True):
        assert got._replace(data=0) == sent._replace(data=0)
        assert np.array_equal(got.data, sent.data)


@pytest.mark.parametrize(
    ("count", "shape"),
    [(0, (0,)), (65_535, (65_535,)), (65_536, (2, 32_768)), (200_001, (4, 50_001)), (131_071, (3, 43_691))],
)
def test_long_lists_become_rows(count, shape):
    values = np.arange(count, dtype=np.float32)
    table = ndarray.in_rows(values)
    assert table.shape == shape
    assert np.array_equal(table.ravel()[:count], values)
    assert np.isnan(table.ravel()[count:]).all()
    assert ndarray.read_ndarray(ndarray.ndarray(table)).shape == shape


@pytest.mark.parametrize(
    "bad",
    [
        lambda: pack(Message("A_TYPE_TOO_LONG", "x")),
        lambda: pack(Message("STRING", "ä")),
        lambda: pack(Message("STRING", "x" * 21)),
        lambda: pack(Message("STRING", "x", version=3)),
        lambda: pack(Message("STRING", "x", stamp=-1.0)),
        lambda: pack(Message("STRING", "x", stamp=np.nan)),
        lambda: pack(Message("STRING", "x", metadata={"a": "b"})),
        lambda: pack(Message("STRING", "x", version=2, message_id=2**32)),
        lambda: pack(Message("STRING", "x", version=2, metadata={"k" * 70_000: "b"})),
        lambda: contents.string("x" * 65_536),
        lambda: contents.status(contents.Status(1, "a\0b")),
        lambda: contents.status(contents.Status(1, "", "x" * 21)),
        lambda: contents.status(contents.Status(70_000, "")),
        lambda: contents.capability(["A_TYPE_TOO_LONG"]),
        lambda: ndarray.ndarray(np.zeros(65_536)),
        lambda: ndarray.ndarray(np.float32(1).reshape(())),
        lambda: ndarray.ndarray(np.zeros(3, bool)),
        lambda: polydata.polydata(PolyData(np.zeros((2, 3)), polygons=[[0, 1, 2]])),
        lambda: polydata.polydata(PolyData(np.zeros((2, 2)))),
        lambda: polydata.polydata(
            PolyData(np.zeros((2, 3)), attributes=[Attribute("E", np.zeros(3, np.float32))])
        ),
        lambda: polydata.polydata(
            PolyData(np.zeros((2, 3)), attributes=[Attribute("E", np.zeros(2, np.float32), "colour")])
        ),
    ],
)
def test_what_can_not_be_sent_is_refused(bad):
    with pytest.raises(hf.ArgumentError):
        bad()


SEEDS = {
    contents.read_transform: contents.transform(OFFICIAL),
    contents.read_string: contents.string("a text"),
    contents.read_status: contents.status(contents.Status(1, "fine", "OK")),
    contents.read_capability: contents.capability(["TRANSFORM"]),
    contents.read_answer: contents.answer(True),
    ndarray.read_ndarray: ndarray.ndarray(np.arange(12, dtype="f4").reshape(3, 4)),
    polydata.read_polydata: polydata.polydata(
        PolyData(
            CUBE,
            polygons=QUADS,
            lines=[[0, 1], [1, 2, 3]],
            attributes=[Attribute("E", np.zeros(8, "f4")), Attribute("v", np.zeros((8, 3), "f4"), "vector")],
        )
    ),
}


@pytest.mark.parametrize("read", SEEDS, ids=lambda read: read.__name__)
def test_every_truncation_is_seen(read):
    whole = SEEDS[read]
    read(whole)
    least = 30 if read is contents.read_status else len(whole)  # its text may end anywhere
    for size in range(least):
        if size or read is not contents.read_capability:
            with pytest.raises(hf.NetworkError):
                read(whole[:size])
    if least == len(whole):
        with pytest.raises(hf.NetworkError):
            read(whole + b"\0")


@settings(max_examples=300)
@given(st.sampled_from(list(SEEDS)), st.data())
def test_garbage_ends_in_a_result_or_a_typed_error(read, data):
    raw = bytearray(SEEDS[read])
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.sampled_from([0, 1, 2, 127, 128, 254, 255, raw[at] ^ 1]))
    with contextlib.suppress(hf.NetworkError):  # any other error fails the test
        read(bytes(raw))


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_body_of_version_2_is_seen(data):
    packed = pack(Message("STRING", "x", b"content", 1.0, 2, 5, {"unit": "V/m", "µ": "e"}))
    header, body = read_header(packed[:58]), bytearray(packed[58:])
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(hf.NetworkError, match="CRC"):
        read_body(header, bytes(body))
    sealed = header._replace(crc=crc64(bytes(body)))
    with contextlib.suppress(hf.NetworkError):
        assert read_body(sealed, bytes(body)).type == "STRING"


@pytest.mark.parametrize(
    ("at", "raw", "said"),
    [
        (0, b"\0\3", "version 3"),
        (0, b"\xff\xff", "version 65535"),
        (2, b"\0" * 12, "without a type"),
        (2, b"\xff", "printable"),
        (14, b"\x07", "printable"),
    ],
)
def test_headers_that_are_none(at, raw, said):
    packed = bytearray(pack(Message("STRING", "x", b"")))
    packed[at : at + len(raw)] = raw
    with pytest.raises(hf.NetworkError, match=said):
        read_header(bytes(packed))
    with pytest.raises(hf.NetworkError, match="57 bytes"):
        read_header(bytes(packed[:57]))


def test_without_the_package_an_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fastcrc", None)
    with pytest.raises(hf.MissingPackageError, match=r"headfield\[serve\]"):
        message.crc64(b"")

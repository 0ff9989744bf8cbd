# SPDX-License-Identifier: BSD-3-Clause
"""GIFTI surfaces that are read, and such as are damaged or made to do harm."""

import base64
import re
import zlib

import nibabel
import numpy as np
import pytest

from headfield.errors import FileFormatError
from headfield.io.gifti import read_surface

NODES = np.eye(4, 3, dtype="f4")
FACES = np.array([[0, 1, 2], [1, 3, 2]], "i4")


def surface(faces=FACES, nodes=NODES):
    arrays = [
        nibabel.gifti.GiftiDataArray(nodes, intent="NIFTI_INTENT_POINTSET"),
        nibabel.gifti.GiftiDataArray(faces, intent="NIFTI_INTENT_TRIANGLE"),
    ]
    return nibabel.gifti.GiftiImage(darrays=arrays).to_xml()


def bomb():
    data = base64.b64encode(zlib.compress(bytes((1 << 26) + 1)))
    return re.sub(rb"<Data>[^<]*</Data>", b"<Data>" + data + b"</Data>", surface(), count=1)


def test_a_surface_is_read(tmp_path):
    (tmp_path / "a.gii").write_bytes(surface())
    nodes, faces = read_surface(tmp_path / "a.gii")
    np.testing.assert_array_equal(nodes, NODES)
    np.testing.assert_array_equal(faces, FACES)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: b"", "damaged GIFTI"),
        (lambda: surface()[:-40], "damaged GIFTI"),
        (lambda: surface().replace(b"LittleEndian", b"MiddleEndian"), "damaged GIFTI"),
        (lambda: re.sub(rb"<Data>.{8}", b"<Data>AAAAAAAA", surface()), "damaged GIFTI"),
        (lambda: surface(FACES + 2), "its triangles use nodes that it doesn't have"),
        (lambda: surface(nodes=NODES * np.float32("nan")), "its nodes are not finite"),
        (lambda: surface(FACES[:, :2]), "no surface"),
        (lambda: surface().replace(b"GZipBase64Binary", b"ExternalFileBinary"), "lie in another file"),
        (lambda: surface().replace(b"<GIFTI", b'<!DOCTYPE a [<!ENTITY b "c">]><GIFTI'), "entity declaration"),
        (bomb, "unpack to more than any surface takes"),
        (lambda: bomb().replace(b"<Data>", b'<Data a="1" >'), "unpack to more than any surface takes"),
        (lambda: bomb().replace(b"<Data>", b"<Data><![CDATA[").replace(b"</Data>", b"]]></Data>"), "markup"),
    ],
)
def test_what_is_no_honest_surface_is_refused(tmp_path, make, said):
    (tmp_path / "a.gii").write_bytes(make())
    with pytest.raises(FileFormatError, match=said):
        read_surface(tmp_path / "a.gii")

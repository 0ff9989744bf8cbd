# SPDX-License-Identifier: BSD-3-Clause
"""NIfTI images, whole and damaged, and values between their voxels."""

import gzip
import struct
import sys
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headfield.errors import FileFormatError, HeadfieldError
from headfield.io.nifti import read_grid, read_nifti, trilinear

nibabel = pytest.importorskip("nibabel")

AFFINE = np.array([[-2, 0.25, 0, 31], [0.25, 2, 0, -40], [0, 0, 3, -20], [0, 0, 0, 1.0]])


def saved(path, data, affine=AFFINE, kind=nibabel.Nifti1Image, **header):
    image = kind(data, affine)
    for key, value in header.items():
        image.header[key] = value
    nibabel.save(image, path)
    return path


@pytest.fixture
def small(tmp_path):
    """Bytes of a whole file, and a function that writes bytes and reads them as an image."""
    data = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    whole = saved(tmp_path / "whole.nii", data).read_bytes()

    def read(content, name="a.nii"):
        path = tmp_path / name
        path.write_bytes(content)
        return read_nifti(path)

    return whole, read


def patched(content, at, layout, *values):
    new = bytearray(content)
    struct.pack_into(layout, new, at, *values)
    return bytes(new)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4", "u1", "i2", ">i4", "u8"])
def test_what_nibabel_writes_is_read(tmp_path, kind, name, dtype):
    data = np.random.default_rng(1).integers(0, 100, (3, 4, 5, 2)).astype(dtype)
    path = tmp_path / name
    image = kind(data, AFFINE, dtype=np.dtype(dtype))
    nibabel.save(image, path)
    affine, read = read_nifti(path)
    np.testing.assert_allclose(affine, AFFINE, rtol=1e-6)
    np.testing.assert_array_equal(read, data)
    assert read.dtype == (np.float32 if dtype[-2:] == "f4" else np.float64)
    assert read.dtype.isnative
    assert read.flags.writeable
    assert read_grid(path)[1] == data.shape


def test_values_are_scaled_as_the_header_says(tmp_path):
    data = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    path = saved(tmp_path / "a.nii", data)
    path.write_bytes(patched(path.read_bytes(), 112, "<2f", 0.5, -3))
    np.testing.assert_array_equal(read_nifti(path)[1], data * 0.5 - 3)


def test_the_sform_goes_before_the_qform_and_the_qform_will_do(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.float32), None)
    turn = np.array([[0, -3.0, 0, 1], [3, 0, 0, 2], [0, 0, 3, 3], [0, 0, 0, 1]])
    image.set_sform(None, code=0)
    image.set_qform(turn, code=1)
    nibabel.save(image, tmp_path / "q.nii")
    np.testing.assert_allclose(read_nifti(tmp_path / "q.nii")[0], turn, atol=1e-6)
    image.set_sform(AFFINE, code=2)
    nibabel.save(image, tmp_path / "s.nii")
    np.testing.assert_allclose(read_nifti(tmp_path / "s.nii")[0], AFFINE, rtol=1e-6)


@pytest.mark.parametrize(
    ("at", "layout", "values", "message"),
    [
        (0, "<i", (349,), "not a NIfTI image"),
        (344, "4s", (b"n+2\0",), "not a NIfTI image, or a damaged one"),
        (344, "4s", (b"ni1\0",), "data are in another file"),
        (344, "4s", (b"\0\0\0\0",), "not a NIfTI image, or a damaged one"),
        (40, "<h", (9,), "9 dimensions|header"),
        (40, "<h", (-3,), "-3 dimensions|header"),
        (42, "<h", (-2,), r"no voxels, its shape is \(-2, 3, 4\)"),
        (44, "<h", (0,), r"no voxels, its shape is \(2, 0, 4\)"),
        (42, "<3h", (30000, 30000, 30000), "takes 108,000,000,000,000 bytes, more than the file"),
        (42, "<h", (3,), "takes 144 bytes, more than the file holds"),
        (70, "<2h", (128, 24), "not plain real numbers"),  # RGB
        (70, "<2h", (32, 64), "complex64, not plain real numbers"),
        (70, "<h", (999,), "data code 999"),
        (108, "<f", (100.0,), "vox offset 100 too low"),
        (108, "<f", (np.nan,), "begin at byte nan"),
        (108, "<f", (np.inf,), "begin at byte inf"),
        (108, "<f", (1e9,), r"begin at byte 1e\+09"),
        (108, "<f", (1e7,), "more than the file holds"),
        (112, "<2f", (1.0, np.inf), "inter"),
        (123, "<B", (1,), "lengths are in meter"),
        (123, "<B", (3,), "lengths are in micron"),
        (252, "<2h", (0, 0), "neither sform nor qform"),
        (280, "<4f", (0, 0, 0, 0), "voxels of 0 mm³"),
        (280, "<f", (np.nan,), "voxels of 0 mm³"),
    ],
)
def test_damaged_headers_are_refused(small, at, layout, values, message):
    whole, read = small
    with pytest.raises(FileFormatError, match=message):
        read(patched(whole, at, layout, *values))
    with pytest.raises(FileFormatError):
        read(gzip.compress(patched(whole, at, layout, *values)))


def test_truncated_files_are_refused_at_every_length(small):
    whole, read = small
    for keep in (*range(0, 352, 7), *range(352, len(whole))):
        with pytest.raises(FileFormatError):
            read(whole[:keep])
    packed = gzip.compress(whole)
    for keep in range(len(packed)):
        with pytest.raises(FileFormatError):
            read(packed[:keep])
    broken = bytearray(packed)
    broken[-6] ^= 1  # its checksum
    with pytest.raises(FileFormatError, match="CRC"):
        read(bytes(broken))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), packed=st.booleans())
def test_a_damaged_byte_never_passes_as_another_error(small, data, packed):
    whole, read = small
    content = bytearray(gzip.compress(whole) if packed else whole)
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        affine, values = read(bytes(content))
    except HeadfieldError:
        return
    assert np.isfinite(affine).all()
    assert values.dtype in (np.float32, np.float64)


def test_a_large_claim_costs_neither_memory_nor_time(small):
    whole, read = small
    content = gzip.compress(patched(whole, 42, "<3h", 3000, 3000, 3000) + bytes(10**6))
    start = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match="more than the file holds"):
            read(content)
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()
    assert time.process_time() - start < 1


def test_a_folder_and_other_files_are_refused(tmp_path, small):
    _, read = small
    with pytest.raises(FileFormatError, match="not a regular file"):
        read_nifti(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_nifti(tmp_path / "absent.nii")
    for content in (b"", b"\x1f\x8b", b"$MeshFormat\n2.2 1 8\n", b"\x80\x04K\x01."):
        with pytest.raises(FileFormatError):
            read(content)


def test_without_nibabel_the_extra_is_named(small, monkeypatch):
    whole, read = small
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(FileFormatError, match=r"pip install headfield\[nifti\]"):
        read(whole)


def test_nothing_is_printed(small, capfd):
    whole, read = small
    with pytest.raises(FileFormatError):
        read(patched(whole, 108, "<f", 100.0))
    read(patched(whole, 76, "<f", 7.0))  # a damaged pixdim[0], which nibabel corrects
    assert capfd.readouterr() == ("", "")


def test_sample_coils(shared_data):
    affine, data = read_nifti(shared_data / "coils" / "testcoil.nii.gz")
    image = nibabel.load(shared_data / "coils" / "testcoil.nii.gz")
    np.testing.assert_array_equal(data, np.asarray(image.dataobj))
    np.testing.assert_array_equal(affine, image.affine)


# Between the voxels


@given(st.integers(0, 2**32 - 1))
def test_trilinear_is_exact_for_a_field_linear_in_each_axis(seed):
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3] = rng.normal(size=(3, 4)) + 2 * np.eye(3, 4)
    if abs(np.linalg.det(affine)) < 0.1:
        return
    shape = tuple(rng.integers(2, 6, 3))
    factors = rng.normal(size=(3, 2))

    def field(voxels):
        return np.prod(factors[:, 0] + factors[:, 1] * voxels, axis=-1)

    data = field(np.moveaxis(np.indices(shape), 0, -1))
    voxels = rng.uniform(0, np.array(shape) - 1, (50, 3))
    voxels[:8] = np.round(voxels[:8])  # some exactly on voxels, on edges too
    index, weight, inside = trilinear(affine, shape, voxels @ affine[:3, :3].T + affine[:3, 3])
    assert inside.all()
    np.testing.assert_allclose(weight.sum(axis=0), 1)
    np.testing.assert_allclose((weight * data[index]).sum(axis=0), field(voxels), atol=1e-7)


def test_points_beyond_the_outer_voxels_are_outside():
    points = np.array([[-0.01, 1, 1], [0, 0, 0], [2, 2, 2], [2.01, 1, 1], [1, 1, -1e9], [1e300, 0, 0]])
    index, weight, inside = trilinear(np.eye(4), (3, 3, 3), points)
    assert inside.tolist() == [False, True, True, False, False, False]
    assert min(i.min() for i in index) >= 0
    assert max(i.max() for i in index) <= 2
    assert (weight >= 0).all()

# SPDX-License-Identifier: BSD-3-Clause
"""Coils as NIfTI images: round trip, layouts that occur, accuracy against the dipoles, damaged files."""

import gzip
import sys
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headfield.coils.casing import Casing
from headfield.coils.coil import Coil
from headfield.coils.deformation import Deformation, DeformationRange
from headfield.coils.parts import CoilElement, Stimulator
from headfield.coils.read import read_coil
from headfield.coils.sources import Dipoles, SampledPotential
from headfield.coils.write import write_coil
from headfield.errors import CoilError, FileFormatError, HeadfieldError

nibabel = pytest.importorskip("nibabel")

AFFINE = np.array([[2.0, 0, 0, -3], [0, 3, 0, -4], [0, 0, 4, 1], [0, 0, 0, 1]])
SLOW_FIXTURE = [HealthCheck.function_scoped_fixture]
FLOATS = st.floats(-(2**-20), 2**-20, width=32)


def some(shape, seed=0):
    return np.random.default_rng(seed).uniform(-1e-7, 1e-7, shape).astype(np.float32)


def sampled(*values, affine=AFFINE, **named):
    """A coil with one grid for each stimulator."""
    elements = [CoilElement(SampledPotential(v, affine), i) for i, v in enumerate(values)]
    if len(values) > 1:
        named["stimulators"] = [Stimulator()] * len(values)
    return Coil(elements=elements, **named)


@pytest.fixture
def save(tmp_path):
    """Save an array as an image, and read it as a coil."""

    def read(data, affine=AFFINE, name="grid.nii", **header):
        image = nibabel.Nifti1Image(data, affine)
        for key, value in header.items():
            image.header[key] = value
        nibabel.save(image, tmp_path / name)
        return read_coil(tmp_path / name)

    return read


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_FIXTURE)
@given(
    values=st.tuples(*[st.integers(2, 5)] * 3).flatmap(
        lambda n: arrays(np.float32, (*n, 3), elements=FLOATS)
    ),
    ending=st.sampled_from(["nii", "nii.gz", "NII.GZ"]),
    didt_max=st.none() | st.floats(1.0, 1e9),
    text=st.tuples(*[st.text("abc µ_.=", max_size=3).map(str.strip)] * 3),  # all three fit the header
)
def test_round_trip_gives_back_the_same_bits(tmp_path, values, ending, didt_max, text):
    values[0, 0, 0] = 1e-7
    name, brand, stimulator = text
    path = tmp_path / f"coil.v1.{ending}"
    coil = sampled(values, name=name, brand=brand, stimulator=stimulator, didt_max=didt_max)
    write_coil(path, coil)
    back = read_coil(path)
    assert back.elements[0].source.values.tobytes() == values.tobytes()
    np.testing.assert_array_equal(back.elements[0].source.affine, AFFINE)
    assert (back.name, back.brand, back.stimulator) == (name or "coil.v1", brand, stimulator)
    assert back.didt_max == didt_max
    assert path.read_bytes()[:2] == (b"\x1f\x8b" if ending.lower() == "nii.gz" else b"\x5c\x01")


def test_other_software_finds_mm_and_the_affine(tmp_path):
    write_coil(tmp_path / "coil.nii.gz", sampled(some((3, 4, 5, 3))))
    image = nibabel.load(tmp_path / "coil.nii.gz")
    assert image.shape == (3, 4, 5, 3)
    assert image.get_data_dtype() == np.float32
    assert image.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_array_equal(image.affine, AFFINE)
    np.testing.assert_array_equal(image.get_fdata(), some((3, 4, 5, 3)))


def test_the_same_coil_makes_the_same_file(tmp_path):
    for name in ("a.nii.gz", "b.nii.gz"):
        write_coil(tmp_path / name, sampled(some((3, 4, 5, 3)), name="coil"))
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


@pytest.mark.parametrize("s", [2, 3, 4])
def test_each_stimulator_has_a_set(tmp_path, s):
    sets = [some((3, 4, 5, 3), seed) for seed in range(s)]
    write_coil(tmp_path / "coil.nii", sampled(*sets, name="several"))
    assert nibabel.load(tmp_path / "coil.nii").shape == (3, 4, 5, 3, s)
    with warnings.catch_warnings():
        warnings.simplefilter("error" if s != 3 else "ignore")
        back = read_coil(tmp_path / "coil.nii")
    assert (back.name, back.n_stimulators) == ("several", s)
    for element, values in zip(back.elements, sets, strict=True):
        np.testing.assert_array_equal(element.source.values, values)


@pytest.mark.parametrize(
    ("shape", "axis", "s"),
    [
        ((3, 4, 5, 3), 3, 1),
        ((3, 4, 5, 3, 1), 3, 1),
        ((3, 4, 5, 3, 1, 1), 3, 1),
        ((3, 4, 5, 1, 3), 4, 1),
        ((3, 4, 5, 3, 2), 3, 2),
        ((3, 4, 5, 2, 3), 4, 2),
    ],
)
def test_layouts_that_are_read(save, shape, axis, s):
    data = some(shape)
    coil = save(data)
    assert coil.n_stimulators == s
    expected = np.moveaxis(data.reshape(shape[:5]) if len(shape) > 4 else data[..., None], axis, 3)
    for i, element in enumerate(coil.elements):
        assert element.stimulator == i
        np.testing.assert_array_equal(element.source.values, expected[..., i])


def test_a_layout_that_may_be_either_is_said(save):
    data = some((3, 4, 5, 3, 3))
    with pytest.warns(UserWarning, match=r"grid.nii: the shape ends in \(3, 3\): the fourth axis") as caught:
        coil = save(data)
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(coil.elements[1].source.values, data[..., 1])


@pytest.mark.parametrize(
    "shape",
    [(3, 4, 5), (3, 4), (3, 4, 5, 4), (3, 4, 5, 1), (3, 4, 5, 2, 2), (3, 4, 5, 3, 2, 2), (3, 4, 3, 1)],
)
def test_other_shapes_are_refused(save, shape):
    with pytest.raises(CoilError, match=r"grid.nii: a coil has three components of A for each voxel"):
        save(some(shape))


def test_too_few_voxels_and_sheared_or_infinite_grids_are_refused(save):
    with pytest.raises(CoilError, match=r"grid.nii: a sampled A must have the shape"):
        save(some((1, 4, 5, 3)))
    with pytest.raises(CoilError, match=r"grid.nii: the affine of a sampled A is sheared"):
        save(some((3, 4, 5, 3)), AFFINE + np.eye(4, k=1) * 0.5)
    data = some((3, 4, 5, 3))
    data[1, 2, 3, 0] = np.nan
    with pytest.raises(CoilError, match=r"grid.nii: a sampled A has 1 value .* first \[1, 2, 3, 0\]"):
        save(data)


def test_scaled_integers_are_read(save, tmp_path):
    image = nibabel.Nifti1Image(np.arange(180, dtype=np.int16).reshape(3, 4, 5, 3), AFFINE)
    image.header.set_slope_inter(2e-9, 1e-8)
    nibabel.save(image, tmp_path / "scaled.nii.gz")
    values = read_coil(tmp_path / "scaled.nii.gz").elements[0].source.values
    np.testing.assert_allclose(values.ravel(), np.arange(180) * 2e-9 + 1e-8, rtol=1e-6)


def test_voxels_that_run_backwards_give_the_same_field(save):
    data = some((5, 5, 5, 3))
    points = np.random.default_rng(0).uniform([-3, -4, 1], [5, 8, 17], (50, 3))
    expected = save(data).vector_potential(points)
    back = AFFINE.copy()
    back[0, 0], back[0, 3] = -2.0, -3.0 + 4 * 2.0
    a = save(data[::-1], back).vector_potential(points)
    np.testing.assert_allclose(a, expected, rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("factor", [0.0, 1e-6, 1e6])
def test_a_size_that_no_coil_has_is_said(save, factor):
    with pytest.warns(UserWarning, match=r"grid.nii: the largest component of A is .*, not between"):
        save(some((3, 4, 5, 3)) * np.float32(factor))


def test_the_text_of_the_header(save):
    coil = save(some((3, 4, 5, 3)), descrip=b"dIdtmax=114.7;coilname=D70;stimulator=Rapid;brand=Magstim")
    assert (coil.didt_max, coil.name, coil.stimulator, coil.brand) == (114.7e6, "D70", "Rapid", "Magstim")
    coil = save(some((3, 4, 5, 3)), descrip=b"5.0.9:b05f1e5;dIdtmax=None", name="a.b.nii.gz")
    assert (coil.didt_max, coil.name, coil.stimulator, coil.brand) == (None, "a.b", "", "")
    full = b"coilname=" + b"x" * 51 + b";brand=y;dIdtmax=114"  # 80 bytes: more digits may be missing
    coil = save(some((3, 4, 5, 3)), descrip=full)
    assert (coil.didt_max, coil.name, coil.brand) == (None, "x" * 51, "y")
    with pytest.warns(UserWarning, match="dIdtmax='fast' is not a positive number, left out") as caught:
        save(some((3, 4, 5, 3)), descrip=b"dIdtmax=fast")
    assert caught[0].filename == __file__


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("order", "<>")
def test_nifti_1_and_2_of_either_byte_order(tmp_path, kind, order):
    header = (nibabel.Nifti1Header if kind is nibabel.Nifti1Image else nibabel.Nifti2Header)(endianness=order)
    header["descrip"] = b"dIdtmax=100;coilname=one"
    header.set_data_dtype(np.float32)
    nibabel.save(kind(some((3, 4, 5, 3)), AFFINE, header), tmp_path / "coil.nii")
    coil = read_coil(tmp_path / "coil.nii")
    np.testing.assert_array_equal(coil.elements[0].source.values, some((3, 4, 5, 3)))
    assert (coil.name, coil.didt_max) == ("one", 100e6)


# What is written


def test_what_does_not_fit_is_said(tmp_path):
    casing = Casing([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
    grid = SampledPotential(some((3, 4, 5, 3)), AFFINE)
    coil = Coil(
        elements=[CoilElement(grid, casing=casing, deformations=(0,))],
        name="n" * 80,
        brand="a;b",
        stimulators=[Stimulator("one", "maker", 1e8)],
        deformations=[Deformation("z", 0)],
        deformation_ranges=[DeformationRange(0, -5, 5)],
    )
    lost = (
        "coil.nii: a NIfTI image does not hold the coil's name, the coil's brand, that parts can be "
        "moved, the stimulator's brand or waveforms"
    )
    with pytest.warns(UserWarning, match=lost) as caught:
        write_coil(tmp_path / "coil.nii", coil.deformed(2.0))
    assert caught[0].filename == __file__
    back = read_coil(tmp_path / "coil.nii")
    assert (back.name, back.stimulator, back.didt_max) == ("coil", "one", 1e8)
    assert back.elements[0].source.affine[2, 3] == AFFINE[2, 3] + 2
    two = Coil(
        elements=[CoilElement(grid, 0), CoilElement(grid, 1)],
        stimulators=[Stimulator("a"), Stimulator("b", "", 1e8)],
    )
    with pytest.warns(UserWarning, match="does not hold names and largest dI/dt of several stimulators"):
        write_coil(tmp_path / "coil.nii", two)


def test_grids_of_one_stimulator_are_added(tmp_path):
    grids = [SampledPotential(some((3, 4, 5, 3), seed), AFFINE) for seed in (1, 2)]
    write_coil(tmp_path / "coil.nii", Coil(elements=[CoilElement(grid) for grid in grids]))
    values = read_coil(tmp_path / "coil.nii").elements[0].source.values
    np.testing.assert_array_equal(values, grids[0].values + grids[1].values)


@pytest.mark.parametrize("what", ["dipoles", "two grids", "a dipole beside a grid"])
def test_a_coil_that_is_on_no_single_grid_is_sampled(tmp_path, monkeypatch, what):
    grid = SampledPotential(some((3, 4, 5, 3)), AFFINE)
    other = SampledPotential(some((3, 4, 5, 3)), AFFINE + np.eye(4, k=3))
    dipole = Dipoles([[0, 0, -5.0]], [[0, 0, 1e-4]])
    parts = {"dipoles": [dipole], "two grids": [grid, other], "a dipole beside a grid": [dipole, grid]}[what]
    result = sampled(some((4, 4, 4, 3), 7))
    monkeypatch.setattr("headfield.coils.formats.nifti.sampled", lambda coil: result)
    write_coil(tmp_path / "coil.nii", Coil(elements=[CoilElement(part) for part in parts], didt_max=1e8))
    back = read_coil(tmp_path / "coil.nii")
    np.testing.assert_array_equal(back.elements[0].source.values, result.elements[0].source.values)
    assert back.didt_max == 1e8


def test_dipoles_are_sampled_where_the_coil_says(tmp_path):
    limits = [[-8, 8], [-6, 6], [2, 10]]
    coil = Coil([[0, 0, -5.0]], [[0, 0, 1e-4]], name="one", limits_mm=limits, resolution_mm=[4, 3, 2])
    write_coil(tmp_path / "coil.nii.gz", coil)
    back = read_coil(tmp_path / "coil.nii.gz")
    assert (back.name, back.elements[0].source.shape) == ("one", (5, 5, 5))
    values = back.elements[0].source.values
    np.testing.assert_allclose(values[3, 1, 2], coil.vector_potential([[4, -3, 6]])[0], rtol=1e-6)


def test_nibabel_is_asked_for(tmp_path, monkeypatch):
    write_coil(tmp_path / "coil.nii", sampled(some((3, 4, 5, 3))))
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(FileFormatError, match=r"pip install headfield\[nifti\]"):
        read_coil(tmp_path / "coil.nii")
    with pytest.raises(FileFormatError, match=r"pip install headfield\[nifti\]"):
        write_coil(tmp_path / "b.nii", sampled(some((3, 4, 5, 3))))
    assert not (tmp_path / "b.nii").exists()


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
def test_more_points_than_the_format_can_hold_are_refused(tmp_path):
    coil = sampled(np.full((32768, 2, 2, 3), 1e-7))
    with pytest.raises(CoilError, match="up to 32767 per axis"):
        write_coil(tmp_path / "coil.nii", coil)
    assert not list(tmp_path.iterdir())


# Damaged files


@pytest.mark.parametrize("name", ["coil.nii", "coil.nii.gz"])
def test_a_truncated_file_is_refused(tmp_path, name):
    write_coil(tmp_path / name, sampled(some((3, 4, 5, 3))))
    whole = (tmp_path / name).read_bytes()
    for size in [0, 1, 2, 10, 100, len(whole) // 2, len(whole) - 10, len(whole) - 1]:
        (tmp_path / name).write_bytes(whole[:size])
        with pytest.raises(FileFormatError, match=name):
            read_coil(tmp_path / name)


@settings(max_examples=150, deadline=2000, suppress_health_check=SLOW_FIXTURE)
@given(data=st.data(), compressed=st.booleans())
def test_a_damaged_byte_never_passes_as_another_error(tmp_path, data, compressed):
    path = tmp_path / "coil.nii"
    write_coil(path, sampled(some((2, 3, 2, 3)), name="a", didt_max=1e8))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(gzip.compress(content) if compressed else content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            coil = read_coil(path)
        except HeadfieldError as error:
            message = str(error)
        else:
            message = "coil.nii" + repr(coil)
    assert "coil.nii" in message


# Coils of the field


def relative(a, expected):
    return np.linalg.norm(a - expected) / np.linalg.norm(expected)


def summed(coil, points_mm):
    """A of dipoles, T·m per A, by NumPy alone."""
    r = (points_mm[:, None] - coil.dipole_positions_mm) * 1e-3
    return 1e-7 * (np.cross(coil.dipole_moments, r) / np.linalg.norm(r, axis=2)[..., None] ** 3).sum(axis=1)


@pytest.mark.parametrize(("name", "size"), [("Magstim_70mm_Fig8", 2.019), ("testcoil", 3.3e-4)])
def test_grids_of_the_field_hold_what_the_dipoles_make(shared_data, name, size):
    coil = read_coil(shared_data / "coils" / f"{name}.nii.gz")
    dipoles = read_coil(shared_data / "coils" / f"{name}.ccd")
    (element,) = coil.elements
    grid = element.source
    index = np.random.default_rng(0).integers(1, np.array(grid.shape) - 1, (300, 3))
    points = index @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    expected = summed(dipoles, points)
    assert relative(grid.values[tuple(index.T)], expected) < 1e-6
    assert relative(coil.vector_potential(points), expected) < 1e-5
    at = np.array([[0, 0, 20.0]])  # a node of both
    assert np.linalg.norm(summed(dipoles, at)) * 1e6 == pytest.approx(size, rel=2e-3)
    assert np.linalg.norm(coil.vector_potential(at)) * 1e6 == pytest.approx(size, rel=2e-3)


def test_the_text_in_a_file_of_the_field(shared_data):
    coil = read_coil(shared_data / "coils" / "testcoil.nii.gz")
    assert (coil.name, coil.didt_max, coil.stimulator) == ("Test coil", 100e6, "")


@pytest.mark.parametrize(
    ("low", "high", "cubic", "linear"), [(2, 10, 2e-3, 4e-3), (10, 20, 4e-4, 3e-3), (20, 80, 1.2e-4, 2.5e-3)]
)
def test_how_far_a_grid_of_5_mm_is_from_its_dipoles(shared_data, low, high, cubic, linear):
    interpolate = pytest.importorskip("scipy.interpolate")
    coil = read_coil(shared_data / "coils" / "Magstim_70mm_Fig8.nii.gz")
    grid = coil.elements[0].source
    axes = [grid.affine[i, 3] + grid.affine[i, i] * np.arange(n) for i, n in enumerate(grid.shape)]
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(-80, 80, (1000, 2)), rng.uniform(low, high, 1000)])
    expected = summed(read_coil(shared_data / "coils" / "Magstim_70mm_Fig8.ccd"), points)
    trilinear = interpolate.RegularGridInterpolator(axes, grid.values.astype(float))(points)
    assert relative(coil.vector_potential(points), expected) < cubic
    assert 5e-4 < relative(trilinear, expected) < linear

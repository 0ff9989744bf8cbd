# SPDX-License-Identifier: BSD-3-Clause
"""Result files read back: the same |E| as was solved, and typed errors for what is none."""

import sys

import h5py
import meshio
import numpy as np
import pytest
from given.results import changed

import headfield as hf
from headfield.fields.read import read_result
from headfield.fields.write import write_results


@pytest.fixture(scope="module")
def solved():
    mesh = hf.sphere_mesh(radii_mm=[76, 82, 92], tags=[2, 4, 5], edge_mm=18)
    coil = hf.figure_of_eight(spacing_mm=12)
    model = hf.HeadModel(mesh)
    pose = model.place(coil, [0, 0, 95], [0, 9, 95])
    return model, coil, model.solve(coil, hf.ring(pose, [0, 30, 60]), [1e6, 2e6, 3e6])


@pytest.fixture
def h5(solved, tmp_path):
    path = tmp_path / "f.h5"
    solved[2].save(path)
    return path


@pytest.mark.parametrize("ending", ["h5", "msh", "vtu"])
def test_every_pose_comes_back(solved, tmp_path, ending):
    field = solved[2]
    field.save(tmp_path / f"f.{ending}")
    result = read_result(tmp_path / f"f.{ending}")
    assert result.n_poses == 3
    np.testing.assert_array_equal(result.mesh.tets, field.mesh.tets)
    for pose in range(3):
        np.testing.assert_array_equal(result.magnitude(pose), field.magnitude[pose])
    if ending == "h5":
        np.testing.assert_array_equal(result.poses, field.poses)
        assert result.didt.tolist() == [[1e6], [2e6], [3e6]]
    else:
        assert result.poses is None
        assert result.didt is None


@pytest.mark.parametrize("ending", ["h5", "msh", "vtu"])
def test_what_was_left_out_is_nan(solved, tmp_path, ending):
    model, coil, field = solved
    gray = np.flatnonzero(field.mesh.tags == 2)
    part = model.solve(coil, field.poses[1], 2e6, elements=gray)
    part.save(tmp_path / f"f.{ending}")
    values = read_result(tmp_path / f"f.{ending}").magnitude()
    np.testing.assert_array_equal(values[gray], part.magnitude[0])
    assert np.isnan(np.delete(values, gray)).all()


def test_currents_of_several_stimulators(solved, h5):
    changed(h5, damage("didt", [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    assert read_result(h5).didt[1].tolist() == [3.0, 4.0]


@pytest.mark.parametrize("ending", ["msh", "vtu"])
def test_vectors_alone_will_do(solved, tmp_path, ending):
    field = solved[2]
    write_results(tmp_path / f"f.{ending}", field.mesh, {"E": field.E[:2], "other": field.magnitude[:1]})
    result = read_result(tmp_path / f"f.{ending}")
    assert result.n_poses == 2
    np.testing.assert_allclose(result.magnitude(1), field.magnitude[1], rtol=1e-6)


def test_a_pose_that_is_not_there(solved, h5):
    result = read_result(h5)
    for pose in (-1, 3, 0.5, True):
        with pytest.raises(hf.PoseError, match=r"f\.h5: pose .* the result has the poses 0 to 2"):
            result.magnitude(pose)


def test_a_pose_without_convergence(h5):
    changed(
        h5,
        lambda file: file["elements/magnE"].write_direct(
            np.full(file["elements/magnE"].shape[1:], np.nan, np.float32), None, np.s_[1]
        ),
    )
    assert np.isfinite(read_result(h5).magnitude(0)).all()
    with pytest.raises(hf.HeadfieldError, match=r"f\.h5: pose 1 has no E: it did not converge"):
        read_result(h5).magnitude(1)


def test_no_result(solved, tmp_path):
    mesh = solved[2].mesh
    mesh.write(tmp_path / "head.npz")
    with pytest.raises(hf.FileFormatError, match=r"head\.npz: no E in it; fields on its tetrahedra: none"):
        read_result(tmp_path / "head.npz")
    write_results(tmp_path / "v.msh", mesh, {"other": solved[2].magnitude[:1]})
    with pytest.raises(hf.FileFormatError, match=r"v\.msh: no E in it; .*: other"):
        read_result(tmp_path / "v.msh")
    meshio.Mesh(mesh.nodes_mm, [("triangle", mesh.boundary())]).write(tmp_path / "skin.vtu")
    with pytest.raises(hf.HeadfieldError, match=r"skin\.vtu"):
        read_result(tmp_path / "skin.vtu")
    with pytest.raises(FileNotFoundError):
        read_result(tmp_path / "absent.h5")
    with pytest.raises(hf.FileFormatError, match="not a regular file"):
        read_result(tmp_path)


def damage(name, value=None):
    """Change one thing in an .h5."""

    def change(file):
        if name in file:
            del file[name]
        if value is not None:
            file[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda file: file.attrs.modify("format", "other"), "not a result of headfield"),
        (lambda file: file.attrs.pop("format"), "not a result of headfield"),
        (lambda file: [damage(f"elements/{name}")(file) for name in ("E", "magnE")], "no E in it"),
        (damage("elements/magnE", np.zeros((3, 5), np.float32)), r"shape \(3, 5\), where \(\d+, "),
        (damage("elements/magnE", np.float32(1)), r"shape \(\)"),
        (damage("elements/index", [-1]), "outside of the mesh"),
        (damage("elements/index", [10**9]), "outside of the mesh"),
        (damage("elements/index", [0.5]), "elements/index is not an array of the right kind"),
        (damage("mesh/tets"), "damaged"),
        (damage("mesh/tags", [1, 2]), "tags"),
        (damage("mesh/tets", np.full((3, 4), 10**6, np.int32)), "tetrahedra"),
        (damage("poses", np.zeros((2, 4, 4))), r"poses has the shape \(2, 4, 4\) for 3 poses"),
        (damage("poses", np.ones((3, 4, 4))), "last row"),
        (damage("poses", b"text"), "poses|damaged"),
        (damage("didt", 1.0), "didt has the shape"),
    ],
)
def test_damaged_h5(h5, change, match):
    changed(h5, change)
    with pytest.raises(hf.HeadfieldError, match=match) as caught:
        read_result(h5).magnitude()
    assert "f.h5" in str(caught.value)


def test_an_array_that_does_not_fit_the_file(h5):
    with h5py.File(h5, "a") as file:
        del file["mesh/nodes_mm"]
        file.create_dataset("mesh/nodes_mm", (1 << 40, 3), np.float64, chunks=(1 << 16, 3))
    with pytest.raises(hf.FileFormatError, match="does not fit the file"):
        read_result(h5)


@pytest.mark.parametrize("name", ["mesh/nodes_mm", "mesh/tets", "elements/magnE", "poses"])
def test_one_bit_of_an_array(h5, name):
    with h5py.File(h5, "r") as file:
        place = file[name].id.get_offset()
    content = bytearray(h5.read_bytes())
    content[place + 1] ^= 4
    h5.write_bytes(content)
    with pytest.raises(hf.FileFormatError, match=r"f\.h5: damaged"):
        read_result(h5).magnitude()


def test_every_truncation(h5, tmp_path):
    whole = h5.read_bytes()
    short = tmp_path / "short.h5"
    for size in np.linspace(0, len(whole) - 1, 40).astype(int):
        short.write_bytes(whole[:size])
        with pytest.raises(hf.HeadfieldError, match=r"short\.h5"):
            read_result(short).magnitude(2)


def test_without_h5py(h5, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(hf.FileFormatError, match=r"headfield\[hdf5\]"):
        read_result(h5)

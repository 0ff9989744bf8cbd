# SPDX-License-Identifier: BSD-3-Clause
"""Results .h5 that were made to do harm: links out of the file, sizes that it can't hold, wrong types."""

import shutil

import h5py
import numpy as np
import pytest
from given.results import changed, run

import headfield as hf
from headfield.fields.h5.rows import FACTS, FIELDS, MARKS
from headfield.fields.stream import open_results


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A sound file, of which each test gets a copy to spoil."""
    path = tmp_path_factory.mktemp("whole") / "f.h5"
    mesh = hf.sphere_mesh(radii_mm=[76, 82, 92], tags=[2, 4, 5], edge_mm=18)
    coil = hf.figure_of_eight(spacing_mm=12)
    model = hf.HeadModel(mesh)
    model.solve(coil, hf.ring(model.place(coil, [0, 0, 95], [0, 9, 95]), [0, 30])).save(path)
    return path


@pytest.fixture
def h5(tmp_path, whole):
    return shutil.copy(whole, tmp_path / "f.h5")


def replaced(name, make):
    def change(file):
        del file[name]
        make(file)

    return change


def external_link(name):
    return replaced(name, lambda file: file.__setitem__(name, h5py.ExternalLink("/etc/passwd", "/x")))


def soft_link(name, target):
    return replaced(name, lambda file: file.__setitem__(name, h5py.SoftLink(target)))


def external_storage(name):
    def make(file):
        file.create_dataset(name, (2, 100), np.float32, external=[("/etc/passwd", 0, 800)])

    return replaced(name, make)


def virtual(name):
    def make(file):
        layout = h5py.VirtualLayout((2, 100), np.float32)
        layout[:] = h5py.VirtualSource("/etc/other.h5", "x", (2, 100))
        file.create_virtual_dataset(name, layout)

    return replaced(name, make)


def of(name, value):
    return replaced(name, lambda file: file.__setitem__(name, value))


def claimed(name, shape, dtype, **options):
    return replaced(name, lambda file: file.create_dataset(name, shape, dtype, **options))


@pytest.mark.parametrize(
    "change",
    [
        external_link("elements/magnE"),
        external_link("mesh/tets"),
        external_link("mesh"),
        external_link("complete"),
        soft_link("poses", "/didt"),
        soft_link("elements/E", "/elements/magnE"),
        soft_link("mesh", "/mesh"),
        external_storage("elements/magnE"),
        external_storage("didt"),
        virtual("elements/magnE"),
        virtual("poses"),
        of("elements/magnE", "text"),
        of("elements/magnE", np.zeros(2, [("a", "f4"), ("b", "i4")])),
        of("poses", np.array([b"a", b"b"])),
        of("complete", np.zeros((2, 2))),
        of("converged", np.array([1.0, 0.0])),
        of("mesh/tets", np.zeros((4, 4))),
        claimed("complete", (1 << 40, 2), np.uint64, chunks=(1 << 10, 2)),
        claimed("poses", (1 << 36, 4, 4), np.float64, chunks=(1 << 10, 4, 4)),
        claimed("mesh/nodes_mm", (1 << 30, 3), np.float64, chunks=(1 << 10, 3), compression="gzip"),
        replaced("elements", lambda file: file.__setitem__("elements", np.zeros(3))),
        lambda file: file.attrs.__setitem__("format", np.arange(3)),
        lambda file: file["mesh/tets"].attrs.__setitem__("crc32", "text"),
    ],
)
def test_what_is_no_honest_result_is_refused(h5, change):
    with h5py.File(h5, "a") as file:
        change(file)
    with pytest.raises((hf.FileFormatError, hf.MeshError), match=r"f\.h5"):
        hf.read_result(h5).magnitude(1)


def test_millions_of_poses_that_the_file_does_not_have_are_refused(h5):
    def claim(file):
        k, m = 1 << 25, file["elements/magnE"].shape[1]
        for name, shape in (("elements/magnE", (k, m)), ("complete", (k, 2)), ("poses", (k, 4, 4))):
            dtype = file[name].dtype
            del file[name]
            file.create_dataset(name, shape, dtype, chunks=(1, *shape[1:]))

    with h5py.File(h5, "a") as file:
        claim(file)
    assert h5.stat().st_size < 1 << 20
    with pytest.raises(hf.FileFormatError, match=r"of shape \(33554432, .* does not fit the file"):
        hf.read_result(h5)


def test_chunks_that_would_take_far_more_memory_than_the_file_are_refused(h5):
    with h5py.File(h5, "a") as file:
        poses = file["poses"][:]
        del file["poses"]
        options = {"chunks": (1 << 17, 4, 4), "maxshape": (None, 4, 4), "compression": 9}
        file.create_dataset("poses", data=poses, **options)
    with pytest.raises(hf.FileFormatError, match=r"poses of shape \(2, 4, 4\) does not fit the file"):
        hf.read_result(h5)


@pytest.mark.parametrize("text", ["", "{}", "[" * 10**5, '{"head": 1}', "null", "1"])
def test_records_of_runs_that_are_none_are_refused(tmp_path, h5, text):
    part = h5.rename(tmp_path / "g.part.h5")
    with h5py.File(part, "a") as file:
        file.attrs["run"] = text
    mesh = hf.read_result(part).mesh
    with pytest.raises((hf.FileFormatError, hf.ArgumentError), match=r"g\.part\.h5"):
        open_results(tmp_path / "g.h5", mesh, None, run(2), resume=True)
    with pytest.raises(hf.FileFormatError, match=r"g\.part\.h5"):
        hf.merge_results([part], tmp_path / "all.h5")
    assert part.exists()


def test_what_another_program_has_packed_is_read_all_the_same(h5):
    whole = hf.read_result(h5)

    def pack(file):
        for name in ("elements/E", "elements/magnE", "mesh/tets"):
            values, attributes = file[name][()], dict(file[name].attrs)
            del file[name]
            file.create_dataset(name, data=values, compression="gzip", shuffle=True).attrs.update(attributes)

    changed(h5, pack)
    packed = hf.read_result(h5)
    assert packed.n_poses == whole.n_poses == 2
    np.testing.assert_array_equal(packed.mesh.tets, whole.mesh.tets)


def stopped(folder, count=3):
    """A part of a run of five poses that was stopped after three."""
    from abuse.trials import Writer

    writer = Writer(".h5")
    with (  # noqa: PT012
        pytest.raises(ZeroDivisionError),
        open_results(folder / "g.h5", writer.mesh, None, writer.run) as file,
    ):
        for number in range(count):
            file.write(writer.batch(number))
        raise ZeroDivisionError
    return writer


@pytest.mark.parametrize("name", ["elements/E", "elements/magnE", "iterations", "nodes/v"])
def test_a_run_does_not_go_on_in_a_file_of_other_rows(tmp_path, name):
    writer = stopped(tmp_path)

    def narrower(file):
        values = file[name][()]
        del file[name]
        file[name] = values.astype("i8") if name == "iterations" else values[..., :-1]

    with h5py.File(tmp_path / "g.part.h5", "a") as file:
        narrower(file)
    said = rf"g\.part\.h5: ({name} has the shape|pose 3 has another {name})"  # as it is opened, or later
    with (
        pytest.raises(hf.FileFormatError, match=said),
        open_results(tmp_path / "g.h5", writer.mesh, None, writer.run, resume=True) as results,
    ):
        results.write(writer.batch(3))


def test_a_run_does_not_go_on_in_a_file_of_fewer_rows(tmp_path):
    writer = stopped(tmp_path)

    def fewer(file):
        for name in (*FACTS, *FIELDS, MARKS):
            if name in file:
                values = file[name][:4]
                del file[name]
                file[name] = values

    with h5py.File(tmp_path / "g.part.h5", "a") as file:
        fewer(file)
    with pytest.raises(hf.FileFormatError, match=r"g\.part\.h5: .* where 6 poses are to be"):
        open_results(tmp_path / "g.h5", writer.mesh, None, writer.run, resume=True)


def test_a_source_that_can_not_be_read_is_named_by_merge(tmp_path):
    stopped(tmp_path, 6 - 1)
    part = tmp_path / "g.part.h5"
    with h5py.File(part, "a") as file:
        values = file["elements/E"][:]
        del file["elements/E"]
        file.create_dataset("elements/E", data=values, chunks=(1, *values.shape[1:]), compression=1)
        file.attrs["run"] = file.attrs["run"].replace('"count": 6, "total": 6', '"count": 5, "total": 5')
        chunk = file["elements/E"].id.get_chunk_info(3)
    data = bytearray(part.read_bytes())
    data[chunk.byte_offset + 2 : chunk.byte_offset + 40] = bytes(38)
    part.write_bytes(data)
    with pytest.raises(hf.FileFormatError, match=r"g\.part\.h5: damaged"):
        hf.merge_results([part], tmp_path / "all.h5")
    assert not (tmp_path / "all.h5").exists()

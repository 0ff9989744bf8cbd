# SPDX-License-Identifier: BSD-3-Clause
"""Small things: fields in half precision and packed, tables of twenty thousand poses, damage of both."""

import os

import numpy as np
import pytest

import headfield as hf
from headfield.fields.half import halved, restored
from headfield.io.columns import read_columns, write_columns
from headfield.jobs.outputs import Outputs, decoded
from headfield.jobs.outputs.encoding import STORAGES, encoded


def some_fields(*shape, scale=1.0):
    return (scale * np.random.default_rng(7).normal(size=shape)).astype(np.float32)


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1.0, 1e9, 1e30])
def test_half_precision_keeps_eleven_bits_whatever_the_unit(scale):
    field = some_fields(500, 3, scale=scale)
    half = halved(field)
    back = restored(half.values, half.scale).astype(float)
    off = np.linalg.norm(back - field, axis=1) / np.linalg.norm(field.astype(float), axis=1)
    assert half.error == pytest.approx(off.max(), rel=1e-6)
    assert 1e-5 < half.error <= 1.000001 * 2**-11
    assert np.abs(half.values).max() < 2**15


def test_half_precision_tells_of_what_is_too_small_for_it():
    half = halved(np.array([1.0, 1e-12], np.float32))
    assert half.error == 1.0  # the second is lost
    assert halved(np.zeros((4, 3), np.float32)).error == 0.0
    lost = halved(np.full((4, 3), np.nan, np.float32))
    assert np.isnan(lost.error)
    assert np.isnan(restored(lost.values, lost.scale)).all()


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("name", ["E", "magnE"])
def test_batches_are_joined_along_the_first_axis(storage, name):
    values = some_fields(5, 40, 3) if name == "E" else np.abs(some_fields(5, 40))
    values[2] = np.nan
    parts = [encoded(name, values[part], storage) for part in (slice(0, 2), slice(2, 5))]
    joined = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    whole = encoded(name, values, storage)
    for key in whole:
        np.testing.assert_array_equal(joined[key], whole[key])
    back = decoded(joined)
    fields = {"E", "magnE"} if name == "E" else {"magnE"}
    assert back.keys() - {f"{name}_error"} == fields
    if storage == "float16":
        np.testing.assert_allclose(back[name], values, rtol=1e-3, atol=1e-6)
        assert (np.nan_to_num(joined[f"{name}_error"]) <= 2**-11).all()
    else:
        np.testing.assert_array_equal(back[name], values)
    assert back[name].dtype == np.float32


def test_no_poses_are_none_again():
    for storage in STORAGES:
        assert decoded(encoded("magnE", np.zeros((0, 4), np.float32), storage))["magnE"].shape[0] == 0


def test_damage_of_packed_bytes_is_found():
    made = encoded("magnE", np.abs(some_fields(3, 400)), "lossless")
    for key, change in (("magnE_packed", 1), ("magnE_bytes", 1), ("magnE_bytes", -(10**9))):
        spoilt = {name: values.copy() for name, values in made.items()}
        spoilt[key][1] += change
        with pytest.raises(hf.FileFormatError, match="the packed bytes of a field"):
            decoded(spoilt)


@pytest.mark.parametrize("storage", STORAGES)
def test_bytes_per_pose_are_never_less_than_it_takes(storage):
    mesh = hf.sphere_mesh(radii_mm=[80, 86], tags=[2, 5], edge_mm=24)
    for keep in (["metrics"], ["metrics", "magnE"], ["E"]):
        kept = Outputs(keep=keep, storage=storage).bind(mesh)
        name = next((name for name in ("E", "magnE") if name in keep), None)
        shape = (2, len(kept.region), 3)[: 3 if name == "E" else 2]
        arrays = encoded(name, some_fields(*shape), storage) if name else {}
        used = sum(values.nbytes for values in arrays.values()) / 2
        assert kept.bytes_per_pose >= used
        assert kept.bytes_per_pose < 4 * 3 * len(kept.region) + 500


def table(count):
    """A table as of a job with a target on the mid-layer, of numbers that have all their digits."""
    mesh = hf.sphere_mesh(radii_mm=[56, 74, 86], tags=[1, 2, 5], edge_mm=20)
    kept = Outputs(target="mid-layer:0,0,64,30").bind(mesh)
    random = np.random.default_rng(3)
    made = {"pose": np.arange(count), "name": np.array([f"grid {i:05d}" for i in range(count)])}
    made |= {name: random.normal(size=count) for name in kept.columns}
    made["converged"] = random.random(count) < 0.99
    made["iterations"] = random.integers(5, 20, count).astype(np.int32)
    made["peak_magnE_V_per_m"][~made["converged"]] = np.nan
    return made


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_table_of_twenty_thousand_poses_is_small_and_exact(tmp_path, ending):
    made, path = table(20_000), tmp_path / f"t{ending}"
    write_columns(path, made, "a record")
    assert os.path.getsize(path) <= 20e6
    back = read_columns(path)
    assert list(back) == list(made)
    for name, values in made.items():
        np.testing.assert_array_equal(back[name], values)
        assert back[name].dtype.kind == values.dtype.kind


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_names_come_back_whatever_is_in_them(tmp_path, ending):
    names = np.array(['M1, "left"', "Fz\tπ", " ", "nan"])
    write_columns(tmp_path / f"t{ending}", {"name": names, "x": np.arange(4.0)})
    back = read_columns(tmp_path / f"t{ending}")["name"].tolist()
    assert back == (
        names.tolist() if ending == ".parquet" else [n.replace("\t", "?") for n in names.tolist()]
    )


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.csv", b"", "not a table of columns"),
        ("t.csv", b"a,b\n1\n", "line 2 has 1 columns, the first line 2"),
        ("t.csv", b"a,a\n1,2\n", "two columns have one name"),
        ("t.csv", b"a\n\xff\n", "not a table of columns"),
        ("t.parquet", b"PAR1 nothing", "damaged .parquet"),
        ("t.txt", b"a\n1\n", "a table is .csv or .parquet"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, name, text, said):
    (tmp_path / name).write_bytes(text)
    with pytest.raises(hf.FileFormatError, match=said):
        read_columns(tmp_path / name)


def test_a_table_that_makes_no_sense_is_not_written(tmp_path):
    with pytest.raises(hf.FileFormatError, match=r"written as \.csv or \.parquet, not \.xlsx"):
        write_columns(tmp_path / "t.xlsx", {"a": np.arange(2)})
    for columns in ({}, {"a": np.arange(2), "b": np.arange(3)}, {"a": np.eye(2)}):
        with pytest.raises(hf.ArgumentError, match="all of one length"):
            write_columns(tmp_path / "t.csv", columns)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_names_that_no_table_can_hold_are_written_all_the_same(tmp_path, ending):
    """Also half a character, as a damaged file of poses has it: the poses are solved by then."""
    path = tmp_path / f"t{ending}"
    write_columns(path, {"pose": np.arange(2), "name": ["\udcff", "1_0"]})
    assert read_columns(path)["name"].tolist() == ["?", "1_0"]


def test_a_number_with_a_mark_in_it_is_a_name(tmp_path):
    write_columns(tmp_path / "t.csv", {"name": ["1_0", "2"]})
    assert read_columns(tmp_path / "t.csv")["name"].tolist() == ["1_0", "2"]

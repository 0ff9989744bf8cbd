# SPDX-License-Identifier: BSD-3-Clause
"""`headfield solve --keep, --compress, --best`: tables and small files, whatever stops the run."""

import json
import os

import h5py
import numpy as np
import pytest
from given.commands import fails

import headfield as hf
from headfield.commands import main as cli
from headfield.commands.keeping import Best, text_of_best
from headfield.io.columns import read_columns
from headfield.jobs.outputs import Outputs

K = 4
AT = "0,0,70"


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch):
    monkeypatch.setattr("headfield.pictures.figure._PIXELS", 150)
    monkeypatch.setattr("headfield.pictures.figure._PIXEL_MM", 3.0)
    monkeypatch.setattr("headfield.pictures.figure._DPI", 60)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    mesh = hf.sphere_mesh(radii_mm=[70, 80, 86, 92], tags=[1, 2, 4, 5], edge_mm=22)
    coil = hf.Coil([[44.0, 0, -5], [-44.0, 0, -5]], [[0, 0, 0.03], [0, 0, -0.03]], didt_max=100e6)
    mesh.write(folder / "head.msh")
    coil.write(folder / "coil.ccd")
    poses = hf.ring(hf.place(mesh, [0, 0, 92], [0, 50, 92]), np.linspace(0, 90, K))
    poses[:, :3, 3] += np.outer([0, 30, 0, 0], [0, 0, 1])  # the second is farther away
    np.save(folder / "poses.npy", poses)
    return folder


def arguments(inputs, out, *more):
    paths = [str(inputs / name) for name in ("head.msh", "coil.ccd", "poses.npy")]
    return ["solve", *paths, "-o", str(out), "--didt", "2e6", "--batch", "1", "--threads", "1", "-q", *more]


@pytest.fixture(scope="module")
def whole(inputs, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "f.h5"
    assert cli.main(arguments(inputs, path)) == 0
    return path


def expected(whole, **what):
    """The numbers of poses, of the E in a result of all tetrahedra."""
    result = hf.read_result(whole)
    head = hf.read_mesh(whole.parent / "head.msh") if (whole.parent / "head.msh").exists() else result.mesh
    kept = Outputs(**what).bind(head)
    E = result.E(None)[:, kept.region.elements].astype(float)
    return np.linalg.norm(E, axis=2), kept


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_table_holds_the_numbers_of_the_stored_field(inputs, whole, tmp_path, ending, capsys):
    out = tmp_path / f"t{ending}"
    argv = arguments(inputs, out, "--keep", "metrics", "--target", AT, "--target-radius", "20", "--json")
    assert cli.main(argv) == 0
    facts, table = json.loads(capsys.readouterr().out), read_columns(out)
    strength, kept = expected(whole, target=AT, target_radius_mm=20)
    assert tuple(table) == ("pose", *kept.columns)
    np.testing.assert_array_equal(table["pose"], np.arange(K))
    np.testing.assert_allclose(table["max_magnE_V_per_m"], strength.max(axis=1), rtol=1e-6)
    np.testing.assert_allclose(
        table["mean_magnE_V_per_m"], np.average(strength, axis=1, weights=kept.region.weights), rtol=1e-6
    )
    inside = np.isin(kept.region.elements, kept.target.elements)
    mean = np.average(strength[:, inside], axis=1, weights=kept.target.weights)
    np.testing.assert_allclose(table["target_mean_magnE_V_per_m"], mean, rtol=1e-6)
    assert [row["peak_V_per_m"] for row in facts["results"]] == table["peak_magnE_V_per_m"].tolist()
    assert table["converged"].all()
    assert table["iterations"].dtype.kind == "i"
    assert os.listdir(tmp_path) == [out.name]
    assert facts["files"] == [str(out)]
    assert cli.main(["info", str(out)]) == 1
    assert "a row of numbers for each pose" in capsys.readouterr().err


def test_a_table_goes_on_where_it_was_stopped(inputs, tmp_path, monkeypatch, capsys):
    argv = arguments(inputs, tmp_path / "t.csv", "--keep", "metrics")
    assert cli.main(argv) == 0
    undisturbed = (tmp_path / "t.csv").read_bytes()
    (tmp_path / "t.csv").unlink()
    capsys.readouterr()
    appended = cli_table().write
    calls = []

    def stopped(self, field):
        if len(calls) == 2:
            raise OSError("the disk is gone")
        calls.append(len(field))
        return appended(self, field)

    with monkeypatch.context() as patch:
        patch.setattr(cli_table(), "write", stopped)
        fails(capsys, argv, "the disk is gone")
    assert os.listdir(tmp_path) == ["t.csv.run"]
    with open(tmp_path / "t.csv.run", "ab") as record:
        record.write(b"[2, true, 1")  # a line that was torn
    fails(capsys, argv, "holds 2 poses of a run that was stopped: go on with --resume")
    fails(capsys, [*argv, "--resume", "--tissues", "1"], "is of another run: the options are not the same")
    assert cli.main([*argv, "--resume", "--best", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["already_there"] == 2
    assert facts["best"]["compared"] == K
    assert (tmp_path / "t.csv").read_bytes() == undisturbed
    assert os.listdir(tmp_path) == ["t.csv"]


def cli_table():
    from headfield.jobs.outputs.growing import GrowingTable

    return GrowingTable


def test_a_damaged_record_of_a_table_is_refused(inputs, tmp_path, monkeypatch, capsys):
    argv = arguments(inputs, tmp_path / "t.csv", "--keep", "metrics")
    write = cli_table().write

    def once(self, field):
        if self.done == 2:
            raise OSError("stopped")
        return write(self, field)

    with monkeypatch.context() as patch:
        patch.setattr(cli_table(), "write", once)
        fails(capsys, argv, "stopped")
    record = tmp_path / "t.csv.run"
    lines = record.read_text().splitlines()
    for spoilt in (lines[2], "[0, true]", "nonsense", lines[1].replace("true", '"x"')):
        record.write_text("\n".join([lines[0], spoilt, ""]))
        fails(capsys, [*argv, "--resume"], "its record of the run is damaged")


def test_poses_that_do_not_converge_are_nan_and_never_best(inputs, tmp_path, capsys):
    out = tmp_path / "t.csv"
    argv = arguments(inputs, out, "--keep", "metrics", "--max-iterations", "1", "--best")
    assert cli.main(argv) == 3
    table = read_columns(out)
    assert not table["converged"].any()
    assert np.isnan(table["peak_magnE_V_per_m"]).all()
    assert "best pose: none has peak_magnE_V_per_m" in capsys.readouterr().out


def test_the_best_pose_is_told(inputs, whole, tmp_path, capsys):
    argv = arguments(inputs, tmp_path / "f.h5", "--target", AT, "--target-radius", "20", "--json")
    assert cli.main([*argv, "--best"]) == 0
    best = json.loads(capsys.readouterr().out)["best"]
    strength, kept = expected(whole, target=AT, target_radius_mm=20)
    inside = np.isin(kept.region.elements, kept.target.elements)
    mean = np.average(strength[:, inside], axis=1, weights=kept.target.weights)
    assert best["column"] == "target_mean_magnE_V_per_m"
    assert best["pose"] == mean.argmax() != 1
    assert best["value"] == pytest.approx(mean.max(), rel=1e-6)
    assert cli.main(arguments(inputs, tmp_path / "g.h5", "--best", "focality_50")) == 0
    assert "best pose by focality_50_mm3: " in capsys.readouterr().out
    region = arguments(inputs, tmp_path / "h.h5", "--best", "--roi", "sphere:0,0,70,30", "--json")
    assert cli.main(region) == 0
    assert json.loads(capsys.readouterr().out)["best"]["column"] == "mean_magnE_V_per_m"


def test_ties_and_poses_without_a_number():
    kept = Outputs().bind(hf.sphere_mesh(radii_mm=[80, 86], tags=[2, 5], edge_mm=30))
    best = Best("", kept, is_region=False)
    best.add(10, {"peak_magnE_V_per_m": np.array([np.nan, 2.0, 1.0])})
    best.add(13, {"peak_magnE_V_per_m": np.array([2.0, np.nan])})
    found = best.facts()
    assert (found["pose"], found["value"], found["as_good"], found["compared"]) == (11, 2.0, [13], 5)
    text = (
        "best pose by peak_magnE_V_per_m: 11, 2; as good: 13; the 3 that were there already are not compared"
    )
    assert text_of_best(found, 3) == text
    least = Best("focality_50", kept, is_region=False)
    least.add(0, {"focality_50_mm3": np.array([np.nan, 2.0, 1.0])})
    assert least.facts(("a", "b", "c"))["name"] == "c"
    for asked, said in [("focal", "several numbers begin so"), ("peek_magnE_V_per_m", "did you mean 'peak")]:
        with pytest.raises(hf.ArgumentError, match=said):
            Best(asked, kept, is_region=False)
    with pytest.raises(hf.ArgumentError, match="no such number"):
        Best("converged", kept, is_region=False)


def test_best_of_a_run_that_goes_on_says_what_it_did_not_compare(inputs, tmp_path, monkeypatch, capsys):
    from headfield.fields.stream import GrowingH5

    argv = arguments(inputs, tmp_path / "f.h5")
    write = GrowingH5.write

    def once(self, field):
        if self.done == 1:
            raise OSError("stopped")
        write(self, field)

    with monkeypatch.context() as patch:
        patch.setattr(GrowingH5, "write", once)
        fails(capsys, argv, "stopped")
    assert cli.main([*argv, "--resume", "--best"]) == 0
    assert "the 1 that were there already are not compared" in capsys.readouterr().out


STORED = [
    ([], 16, True, True),
    (["--keep", "E"], 12, True, True),
    (["--keep", "E", "--compress", "lossless"], 12, True, True),
    (["--compress", "lossless"], 16, True, True),
    (["--compress", "float16"], 6, False, True),
    (["--keep", "magnE"], 4, True, False),
    (["--keep", "magnE", "--compress", "float16"], 2, False, False),
    (["--keep", "magnE", "--compress", "lossless"], 4, True, False),
]


@pytest.mark.parametrize(("how", "most", "exact", "has_E"), STORED)
def test_what_is_read_of_a_small_file(inputs, whole, tmp_path, how, most, exact, has_E, capsys):
    full, path = hf.read_result(whole), tmp_path / "f.h5"
    assert cli.main(arguments(inputs, path, *how)) == 0
    result = hf.read_result(path)
    same = np.testing.assert_array_equal if exact else close
    for i in range(K):
        same(result.magnitude(i), full.magnitude(i))
    if has_E:
        same(result.E(None), full.E(None))
        np.testing.assert_array_equal(result.magnitude(2), np.sqrt(np.einsum("md,md->m", *2 * [result.E(2)])))
    else:
        with pytest.raises(hf.HeadfieldError, match="no E in it"):
            result.E()
    with h5py.File(path) as file:
        fields = [file[f"elements/{name}"] for name in file["elements"]]
        stored = sum(one.id.get_storage_size() for one in fields) / (K * full.mesh.n_tets)
        assert stored == most if "lossless" not in how else 0.5 * most < stored < most
    assert os.listdir(tmp_path) == ["f.h5"]
    capsys.readouterr()
    assert cli.main(["info", str(path)]) == 0
    assert ("half precision" in capsys.readouterr().out) != exact


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=2**-10.5, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("how", [how for how, *_ in STORED])
def test_small_files_are_merged_converted_and_viewed(inputs, tmp_path, how):
    assert cli.main(arguments(inputs, tmp_path / "all.h5", *how)) == 0
    for name, part in (("a", "0:1"), ("b", "1:4")):
        assert cli.main(arguments(inputs, tmp_path / f"{name}.h5", "--slice", part, *how)) == 0
    parts = [str(tmp_path / name) for name in ("b.h5", "a.h5")]
    assert cli.main(["merge", *parts, "-o", str(tmp_path / "merged.h5"), "-q"]) == 0
    one, other = (hf.read_result(tmp_path / name) for name in ("all.h5", "merged.h5"))
    for i in range(K):
        for name, values in one.rows(i).items():
            np.testing.assert_array_equal(other.rows(i)[name], values)
    sizes = [os.path.getsize(tmp_path / name) for name in ("all.h5", "merged.h5")]
    assert sizes[0] == sizes[1]
    merged = str(tmp_path / "merged.h5")
    assert cli.main(["convert", merged, str(tmp_path / "m.npy"), "--quantity", "magnE"]) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "m.npy")[2], one.magnitude(2))
    if "float16" in how:  # pictures are slow
        assert cli.main(["view", merged, "-o", str(tmp_path / "m.png")]) == 0


def test_a_run_that_was_stopped_goes_on_into_a_packed_file(inputs, tmp_path, monkeypatch, capsys):
    argv = arguments(inputs, tmp_path / "f.h5", "--compress", "lossless")
    assert cli.main(argv) == 0
    undisturbed = (tmp_path / "f.h5").read_bytes()
    assert cli.main([*argv, "--resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.partition("{")[2].join("{ "))["already_there"] == K
    (tmp_path / "f.h5").unlink()
    from headfield.fields import stream

    with monkeypatch.context() as patch:
        patch.setattr(stream, "pack", lambda *_: (_ for _ in ()).throw(OSError("no room")))
        fails(capsys, argv, "no room")
    assert os.listdir(tmp_path) == ["f.part.h5"]
    fails(capsys, [*arguments(inputs, tmp_path / "f.h5"), "--resume"], "the options are not the same")
    assert cli.main([*argv, "--resume"]) == 0
    assert os.listdir(tmp_path) == ["f.h5"]
    assert (tmp_path / "f.h5").read_bytes() == undisturbed


def test_damage_of_packed_and_half_fields_is_found(inputs, tmp_path, capsys):
    for how, name in (
        (["--compress", "float16"], "elements/E_float16"),
        (["--compress", "lossless"], "elements/E"),
    ):
        path = tmp_path / "f.h5"
        path.unlink(missing_ok=True)
        assert cli.main(arguments(inputs, path, *how)) == 0
        with h5py.File(path, "a") as file:
            file[name][1, 5, 0] += 1
        with pytest.raises(hf.FileFormatError, match="pose 1 does not fit its check sum"):
            hf.read_result(path).magnitude(1)
    capsys.readouterr()


def test_tissues_of_a_table_by_name(inputs, tmp_path):
    for name, tissues in (("a.csv", "gray,wm"), ("b.csv", "1,2")):
        argv = arguments(inputs, tmp_path / name, "--keep", "metrics", "--slice", ":1", "--tissues", tissues)
        assert cli.main(argv) == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--keep", "metrics"], "--keep metrics writes a table, .csv or .parquet"),
        (["--target", AT], "--target is an option of --keep metrics and of --best"),
        (["--best", "--target-radius", "3"], "--target-radius is an option of --target"),
        (["--best", "--target", "1,2"], "is not x,y,z in mm"),
        (["--best", "peek_magnE_V_per_m"], "did you mean 'peak_magnE_V_per_m'"),
        (["--best", "--target", "0,0,300"], "lies outside of the head"),
        (["--best", "--percentiles", "101"], "from 0 to 100"),
    ],
)
def test_what_makes_no_sense_is_refused(inputs, tmp_path, capsys, more, said):
    assert cli.main(arguments(inputs, tmp_path / "f.h5", *more)) in (1, 2)
    assert said in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_other_endings_and_options_are_refused(inputs, tmp_path, capsys):
    fails(capsys, arguments(inputs, tmp_path / "f.msh", "--keep", "E"), "in an .h5 only")
    fails(capsys, arguments(inputs, tmp_path / "f.csv"), "results are written as .msh, .vtu or .h5")
    zoom = [
        "--keep",
        "metrics",
        "--roi",
        "sphere:0,0,-70,10",
        "--tissues",
        "2",
        "--error",
        "5%",
        "--target",
        AT,
    ]
    fails(capsys, arguments(inputs, tmp_path / "f.csv", *zoom), "places are not in --roi")
